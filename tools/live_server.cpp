#include "tools/live_server.hpp"

#ifdef PW_HTTPLIB

#include <fmt/format.h>
#include <httplib.h>
#include <sys/random.h>

#include <array>
#include <atomic>
#include <thread>
#include <utility>

namespace pw::tools {

namespace {

constexpr int kMostFollowers = 4;  // connections that get events; each has a thread
constexpr int kThreads = kMostFollowers + 4;
constexpr std::size_t kMostOrder = 256;  // bytes
constexpr std::chrono::milliseconds kPatience{1'000};
constexpr std::chrono::milliseconds kFarewell{2'000};  // for all to hear that it is the end
constexpr int kSilence = 10;  // of them without news: then a comment, to see who is still there

Result<std::string> random_token() {
  std::array<unsigned char, 20> bytes{};
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::getrandom(bytes.data() + have, bytes.size() - have, 0);
    if (got < 0 && errno != EINTR) return fail(Errno::Io, "the kernel gives no random numbers");
    have += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  std::string token;
  for (const unsigned byte : bytes) token += fmt::format("{:02x}", byte);
  return token;
}

// In a time that does not depend on where they differ.
bool same(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

// Takes the page's own policy out of it. It allows no connection; this one does, to where the page
// came from.
std::string take_policy(std::string& page) {
  constexpr std::string_view kBegin = "<meta http-equiv=\"Content-Security-Policy\" content=\"";
  std::string policy = "default-src 'none'";
  const std::size_t begin = page.find(kBegin);
  const std::size_t end = begin == std::string::npos ? begin : page.find("\">", begin);
  if (end != std::string::npos) {
    const std::size_t text = begin + kBegin.size();
    policy = page.substr(text, end - text);
    page.erase(begin, end + 2 - begin);
  }
  return policy + "; connect-src 'self'; frame-ancestors 'none'";
}

std::string event(std::string_view name, std::string_view data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

std::string history(const std::vector<LiveSample>& samples) {
  std::string text = "[";
  for (const LiveSample& sample : samples) {
    text += text.size() > 1 ? ",[" : "[";
    const auto values = sample.values();
    text += fmt::format("{}]", fmt::join(values, ","));
  }
  return event("history", text + "]");
}

void refuse(httplib::Response& response, int status, const char* why) {
  response.status = status;
  response.set_content(std::string(why) + "\n", "text/plain");
}

}  // namespace

struct LiveServer::Inside {
  Inside(LiveBoard& watched, std::string shown) : board(watched), page(std::move(shown)) {}

  void set_up();
  // Whether the request is the reader's own; else it has been answered.
  bool admit(const httplib::Request& request, httplib::Response& response) const;
  void follow(httplib::Response& response);
  void obey(const httplib::Request& request, httplib::Response& response);

  LiveBoard& board;
  std::string page, policy, token;
  int port = 0;
  std::atomic<int> followers{0};
  httplib::Server server;
  std::atomic<bool> returned{false};  // the listener
  std::thread listener;
};

namespace {

// What one connection has been sent.
struct Follower {
  explicit Follower(std::atomic<int>& all) : count(all) {}
  ~Follower() { --count; }
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // False: the connection is to end.
  bool feed(LiveBoard& board, httplib::DataSink& sink) {
    std::string text;
    if (!begun) {
      begun = true;
      text = "retry: 1000\n\n" + history(board.samples());
      board.somebody_looks();
    } else {
      const LiveBoard::News news = board.wait_for_news(seen, kPatience);
      if (news.over) {
        text = event("end", "{}");
        (void)sink.write(text.data(), text.size());
        sink.done();
        return false;
      }
      if (news.number != seen) {
        seen = news.number;
        silence = 0;
        text = event("state", *news.text);
      } else if (++silence == kSilence) {
        silence = 0;
        text = ": still here\n\n";
      }
    }
    return text.empty() || sink.write(text.data(), text.size());
  }

  std::atomic<int>& count;
  bool begun = false;
  std::uint64_t seen = 0;
  int silence = 0;
};

}  // namespace

bool LiveServer::Inside::admit(const httplib::Request& request, httplib::Response& response) const {
  const auto is_here = [this](const std::string& name, std::string_view scheme) {
    for (const std::string_view host : {"127.0.0.1", "localhost"}) {
      if (name == fmt::format("{}{}:{}", scheme, host, port)) return true;
    }
    return false;
  };
  if (request.get_header_value_count("Host") != 1 ||
      !is_here(request.get_header_value("Host"), "")) {
    refuse(response, 403, "another host");
    return false;
  }
  const std::size_t origins = request.get_header_value_count("Origin");
  if (origins > 1 || (origins == 1 && !is_here(request.get_header_value("Origin"), "http://"))) {
    refuse(response, 403, "another origin");
    return false;
  }
  const std::size_t slash = request.path.find('/', 1);
  const std::string given = request.path.substr(1, slash == std::string::npos ? slash : slash - 1);
  if (!same(given, token)) {
    refuse(response, 403, "without the token there is nothing to see");
    return false;
  }
  const bool order = request.path == "/" + token + "/orders";
  if (request.method != (order ? "POST" : "GET")) {
    refuse(response, 405, order ? "orders are posted" : "there is only GET");
    return false;
  }
  return true;
}

void LiveServer::Inside::follow(httplib::Response& response) {
  auto follower = std::make_shared<Follower>(followers);
  if (++followers > kMostFollowers) {
    refuse(response, 503, "too many pages follow this run");
    return;
  }
  response.set_chunked_content_provider("text/event-stream",
                                        [this, follower](std::size_t, httplib::DataSink& sink) {
                                          return follower->feed(board, sink);
                                        });
}

void LiveServer::Inside::obey(const httplib::Request& request, httplib::Response& response) {
  const Result<void> done = board.obey(request.body);
  if (!done) return refuse(response, 400, done.error().message.c_str());
  response.status = 204;
}

void LiveServer::Inside::set_up() {
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_payload_max_length(kMostOrder);
  server.set_tcp_nodelay(true);
  server.set_keep_alive_timeout(2);
  // Not the library's choice, which lets another program listen on the same port.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.set_default_headers({{"Content-Security-Policy", policy},
                              {"X-Content-Type-Options", "nosniff"},
                              {"X-Frame-Options", "DENY"},
                              {"Referrer-Policy", "no-referrer"},
                              {"Cross-Origin-Resource-Policy", "same-origin"},
                              {"Cross-Origin-Opener-Policy", "same-origin"},
                              {"Cache-Control", "no-store"}});
  server.set_pre_routing_handler(
      [this](const httplib::Request& request, httplib::Response& response) {
        return admit(request, response) ? httplib::Server::HandlerResponse::Unhandled
                                        : httplib::Server::HandlerResponse::Handled;
      });
  const std::string root = "/" + token + "/";
  server.Get(root, [this](const httplib::Request&, httplib::Response& response) {
    response.set_content(page, "text/html; charset=utf-8");
  });
  server.Get(root + "events",
             [this](const httplib::Request&, httplib::Response& response) { follow(response); });
  server.Post(root + "orders", [this](const httplib::Request& request,
                                      httplib::Response& response) { obey(request, response); });
}

Result<void> LiveServer::available() { return {}; }

Result<std::unique_ptr<LiveServer>> LiveServer::start(LiveBoard& board, std::string page,
                                                      int port) {
  auto inside = std::make_unique<Inside>(board, std::move(page));
  Result<std::string> token = random_token();
  if (!token) return tl::unexpected(token.error());
  inside->token = std::move(*token);
  inside->policy = take_policy(inside->page);
  inside->set_up();
  constexpr const char* kHere = "127.0.0.1";
  inside->port = port == 0                                  ? inside->server.bind_to_any_port(kHere)
                 : inside->server.bind_to_port(kHere, port) ? port
                                                            : -1;
  if (inside->port <= 0) {
    return fail(Errno::Busy, fmt::format("port {} of 127.0.0.1 cannot be had", port));
  }
  inside->listener = std::thread([inside = inside.get()] {
    inside->server.listen_after_bind();
    inside->returned = true;
  });
  return std::unique_ptr<LiveServer>(new LiveServer(std::move(inside)));
}

LiveServer::LiveServer(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}

LiveServer::~LiveServer() {
  inside_->board.end();
  // A server that is told to stop feeds nobody any more: first everybody hears that it is the end.
  const auto latest = std::chrono::steady_clock::now() + kFarewell;
  while (inside_->followers > 0 && std::chrono::steady_clock::now() < latest) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  // stop() is in vain before the listener has begun.
  while (!inside_->server.is_running() && !inside_->returned) std::this_thread::yield();
  inside_->server.stop();
  inside_->listener.join();
}

std::string LiveServer::url() const {
  return fmt::format("http://127.0.0.1:{}/{}/", inside_->port, inside_->token);
}
int LiveServer::port() const { return inside_->port; }
const std::string& LiveServer::token() const { return inside_->token; }

}  // namespace pw::tools

#else

namespace pw::tools {

struct LiveServer::Inside {
  std::string nothing;
};

Result<void> LiveServer::available() {
  return fail(
      Errno::NotSupported,
      "this build has no HTTP server for --live: cpp-httplib was not there when it was made "
      "(package libcpp-httplib-dev; ./pagewright installs it)");
}

Result<std::unique_ptr<LiveServer>> LiveServer::start(LiveBoard&, std::string, int) {
  return tl::unexpected(available().error());
}
LiveServer::LiveServer(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
LiveServer::~LiveServer() = default;
std::string LiveServer::url() const { return {}; }
int LiveServer::port() const { return 0; }
const std::string& LiveServer::token() const { return inside_->nothing; }

}  // namespace pw::tools

#endif
