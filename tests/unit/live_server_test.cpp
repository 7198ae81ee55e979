// The live page's server, asked as a browser asks, and as those ask who have no business there.
#include "tools/live_server.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>
#include <thread>

namespace pw::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kPage =
    "<!doctype html><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
    "script-src 'sha256-x'\">\n<title>Pagewright</title>";

class Connection {
 public:
  explicit Connection(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    good_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool good() const { return good_; }
  void say(const std::string& text) {
    ASSERT_EQ(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // What came until `end` was in it, or the other side closed.
  std::string hear(const std::string& end = {}) {
    char part[4096];
    while (end.empty() || heard_.find(end) == std::string::npos) {
      const ssize_t got = ::recv(socket_, part, sizeof part, 0);
      if (got <= 0) break;
      heard_.append(part, static_cast<std::size_t>(got));
    }
    return heard_;
  }

 private:
  int socket_;
  bool good_ = false;
  std::string heard_;
};

class LiveServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!LiveServer::available()) GTEST_SKIP() << LiveServer::available().error().message;
    auto started = LiveServer::start(board_, kPage, 0);
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }

  std::string here() const { return "127.0.0.1:" + std::to_string(server_->port()); }
  std::string path(const std::string& rest) const { return "/" + server_->token() + rest; }
  std::string head(const std::string& method, const std::string& target, const std::string& host,
                   const std::string& more = {}) const {
    return method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + more +
           "Connection: close\r\n\r\n";
  }
  std::string ask(const std::string& request) const {
    Connection connection(server_->port());
    connection.say(request);
    return connection.hear();
  }
  std::string order(const std::string& line, const std::string& more = {}) const {
    return ask(head("POST", path("/orders"), here(),
                    more + "Content-Length: " + std::to_string(line.size()) + "\r\n") +
               line);
  }

  LiveBoard board_{false, 0};
  std::unique_ptr<LiveServer> server_;
};

TEST_F(LiveServerTest, GivesThePageToWhoHasTheToken) {
  EXPECT_GE(server_->token().size(), 32U);  // 128 bits
  EXPECT_EQ(server_->url(), "http://" + here() + "/" + server_->token() + "/");
  const std::string page = ask(head("GET", path("/"), here()));
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(page, HasSubstr("<title>Pagewright</title>"));
  // Its own policy has become the header's, which lets it connect to where it came from.
  EXPECT_THAT(page, Not(HasSubstr("http-equiv")));
  EXPECT_THAT(page, HasSubstr("Content-Security-Policy: default-src 'none'; script-src 'sha256-x'; "
                              "connect-src 'self'; frame-ancestors 'none'\r\n"));
  EXPECT_THAT(page, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(page, HasSubstr("Referrer-Policy: no-referrer\r\n"));
  EXPECT_THAT(page, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(ask(head("GET", path("/"), "localhost:" + std::to_string(server_->port()))),
              StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask(head("GET", path("/other"), here())), StartsWith("HTTP/1.1 404"));
}

TEST_F(LiveServerTest, EachServerHasItsOwnToken) {
  LiveBoard board(false, 0);
  std::set<std::string> tokens{server_->token()};
  for (int i = 0; i < 8; ++i) {
    const auto other = LiveServer::start(board, kPage, 0);
    ASSERT_TRUE(other);
    EXPECT_TRUE(tokens.insert((*other)->token()).second);
  }
}

TEST_F(LiveServerTest, RefusesWithoutTheToken) {
  std::string wrong = server_->token();
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  for (const std::string& target :
       {std::string("/"), std::string("/events"), "/" + wrong + "/", "/" + wrong + "/events",
        "/" + server_->token().substr(1) + "/", "/" + server_->token() + "0/",
        "//" + server_->token() + "/", "/x/../" + server_->token() + "/",
        "/?token=" + server_->token()}) {
    const std::string answer = ask(head("GET", target, here()));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 403")) << target;
    EXPECT_THAT(answer, Not(HasSubstr("Pagewright"))) << target;
    EXPECT_THAT(answer, Not(HasSubstr(server_->token()))) << target;
  }
}

TEST_F(LiveServerTest, RefusesOtherHosts) {
  const std::string port = std::to_string(server_->port());
  for (const std::string& host :
       {std::string("evil.example"), "evil.example:" + port, std::string("127.0.0.1"),
        std::string("localhost"), std::string("127.0.0.1:1"), "127.0.0.1.evil.example:" + port,
        "[::1]:" + port, std::string()}) {
    EXPECT_THAT(ask(head("GET", path("/"), host)), StartsWith("HTTP/1.1 403")) << host;
  }
  EXPECT_THAT(ask("GET " + path("/") + " HTTP/1.0\r\n\r\n"), HasSubstr(" 403 "));
  EXPECT_THAT(ask(head("GET", path("/"), here(), "Host: evil.example\r\n")), HasSubstr(" 403 "));
}

TEST_F(LiveServerTest, RefusesOtherOrigins) {
  for (const char* origin : {"https://evil.example", "null", "http://127.0.0.1", "file://"}) {
    const std::string line = std::string("Origin: ") + origin + "\r\n";
    EXPECT_THAT(ask(head("GET", path("/events"), here(), line)), StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(order("pause", line), StartsWith("HTTP/1.1 403")) << origin;
  }
  EXPECT_EQ(board_.mode(), LiveBoard::Mode::Waiting);
  EXPECT_THAT(order("pause", "Origin: http://" + here() + "\r\n"), StartsWith("HTTP/1.1 204"));
  EXPECT_EQ(board_.mode(), LiveBoard::Mode::Paused);
}

TEST_F(LiveServerTest, HasNoOtherMethodsAndAllowsNoOtherOrigin) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"}) {
    const std::string answer = ask(head(method, path("/"), here(), "Content-Length: 0\r\n"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405")) << method;
    EXPECT_THAT(answer, Not(HasSubstr("Access-Control"))) << method;
  }
  EXPECT_THAT(ask(head("GET", path("/orders"), here())), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(ask(head("GET", path("/"), here())), Not(HasSubstr("Access-Control")));
}

TEST_F(LiveServerTest, OrdersAreObeyedOrRefused) {
  EXPECT_THAT(order("speed 300"), StartsWith("HTTP/1.1 204"));
  EXPECT_EQ(board_.speed(), 300);
  EXPECT_THAT(order("speed fast"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(order(""), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(order("speed 1" + std::string(5'000, '0')), StartsWith("HTTP/1.1 413"));
  EXPECT_EQ(board_.speed(), 300);
}

TEST_F(LiveServerTest, EventsTellTheCourseAndThenEachNews) {
  LiveSample sample;
  sample.step = 7;
  sample.major = 3;
  board_.tell("{\"n\":1}", sample);
  Connection first(server_->port());
  first.say(head("GET", path("/events"), here(), "Accept: text/event-stream\r\n"));
  const std::string begin = first.hear("{\"n\":1}\n\n");
  EXPECT_THAT(begin, HasSubstr("Content-Type: text/event-stream"));
  EXPECT_THAT(begin, HasSubstr("event: history\ndata: [[7,0,0,3,0,0,0,0]]\n\n"));
  EXPECT_THAT(begin, HasSubstr("event: state\ndata: {\"n\":1}\n\n"));
  EXPECT_EQ(board_.mode(), LiveBoard::Mode::Running);  // somebody looks
  Connection second(server_->port());
  second.say(head("GET", path("/events"), here()));
  second.hear("{\"n\":1}\n\n");
  board_.tell("{\"n\":2}", sample);
  EXPECT_THAT(first.hear("{\"n\":2}\n\n"), HasSubstr("event: state\ndata: {\"n\":2}\n\n"));
  EXPECT_THAT(second.hear("{\"n\":2}\n\n"), HasSubstr("event: state\ndata: {\"n\":2}\n\n"));
  board_.end();
  EXPECT_THAT(first.hear(), HasSubstr("event: end\n"));
  EXPECT_THAT(second.hear(), HasSubstr("event: end\n"));
}

TEST_F(LiveServerTest, TooManyFollowersAreTurnedAwayAndOrdersStillCome) {
  std::vector<std::unique_ptr<Connection>> followers;
  for (int i = 0; i < 4; ++i) {
    followers.push_back(std::make_unique<Connection>(server_->port()));
    followers.back()->say(head("GET", path("/events"), here()));
    EXPECT_THAT(followers.back()->hear("event: history"), StartsWith("HTTP/1.1 200"));
  }
  EXPECT_THAT(ask(head("GET", path("/events"), here())), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(order("pause"), StartsWith("HTTP/1.1 204"));
  EXPECT_THAT(ask(head("GET", path("/"), here())), StartsWith("HTTP/1.1 200"));
}

TEST_F(LiveServerTest, EndsWithItsConnectionsAndFreesThePort) {
  const int port = server_->port();
  LiveBoard other(false, 0);
  const auto taken = LiveServer::start(other, kPage, port);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errno::Busy);
  EXPECT_THAT(taken.error().message, HasSubstr(std::to_string(port)));
  Connection follower(port);
  follower.say(head("GET", path("/events"), here()));
  follower.hear("event: history");
  server_.reset();
  EXPECT_THAT(follower.hear(), HasSubstr("event: end\n"));
  EXPECT_FALSE(Connection(port).good());
  const auto again = LiveServer::start(other, kPage, port);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->port(), port);
}

}  // namespace
}  // namespace pw::tools
