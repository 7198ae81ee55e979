#include "ports/host/group_run_guardian.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "ports/host/temporary_swap.hpp"

namespace pw::host {
namespace {

constexpr std::size_t kMessageBytes = 8192;
constexpr int kTries = 500;  // of 10 ms: for a killed process to be gone
constexpr std::string_view kRoom = "/pagewright-outside";

tl::unexpected<Error> failed(const std::string& what) {
  const int error = errno;
  return fail(static_cast<Errno>(error), fmt::format("{}: {}", what, std::strerror(error)));
}

std::vector<std::string> words_of(std::string_view message) {
  std::vector<std::string> words;
  while (!message.empty()) {
    const std::size_t end = message.find('\0');
    words.emplace_back(message.substr(0, end));
    message.remove_prefix(end == message.npos ? message.size() : end + 1);
  }
  return words;
}

void kill_all(const std::string& group) {
  for (int pid : MemoryGroup(GroupVersion::V1, group).processes()) {
    if (pid > 0) kill(pid, SIGKILL);
  }
}

Result<void> end_group(const std::string& path) {
  for (int tries = 0; tries < kTries; ++tries) {
    kill_all(path);
    if (rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
    if (errno != EBUSY) break;
    usleep(10'000);
  }
  return failed("cannot remove the group " + path);
}

// The guardian's side: what it has made, and how to undo it.
class Made {
 public:
  using Words = std::vector<std::string>;

  Result<std::string> carry_out(const Words& words) {
    static const std::map<std::string, Result<std::string> (Made::*)(const Words&)> kCalls{
        {"room", &Made::room},       {"group", &Made::group},   {"remove", &Made::remove},
        {"kill", &Made::end},        {"zram", &Made::zram},     {"file", &Made::file},
        {"setting", &Made::setting}, {"folder", &Made::folder},
    };
    const auto found = words.empty() ? kCalls.end() : kCalls.find(words[0]);
    Words arguments = words;
    arguments.resize(4);
    if (found == kCalls.end()) return fail(Errno::Invalid, "no such request");
    return (this->*found->second)(arguments);
  }

  std::string undo_all() {
    std::string problems;
    for (; !undo_.empty(); undo_.pop_back()) {
      const Result<void> undone = undo_.back().step();
      if (!undone) problems += undone.error().message + '\n';
    }
    return problems;
  }

 private:
  struct Undo {
    std::string what;
    std::function<Result<void>()> step;
  };

  void remember(const std::string& what, std::function<Result<void>()> step) {
    undo_.push_back({what, std::move(step)});
  }

  Result<std::string> room(const Words& words) {
    const std::string& parent = words[1];
    const std::string outside = parent + std::string(kRoom);
    const bool root = access((parent + "/cgroup.type").c_str(), F_OK) != 0;
    if (std::filesystem::path(parent).filename() == kRoom.substr(1)) {
      return fail(Errno::Access, "another check runs in this group: wait for its end");
    }
    if (!root) {
      remember(outside, [parent, outside] { return give_back_room(parent, outside); });
      if (mkdir(outside.c_str(), 0755) != 0 && errno != EEXIST) return failed(outside);
    } else {
      remember(parent, [parent, before = groups_below(parent)] {
        return take_memory_back(parent, before);
      });
    }
    Result<void> given;
    for (int tries = 0; tries < kTries; ++tries) {
      if (!root) PW_TRY(move_processes(parent, outside));
      given = write_to_file(parent + "/cgroup.subtree_control", "+memory");
      if (given) return outside;
      if (given.error().code != Errno::Busy) break;
    }
    return tl::unexpected(given.error());
  }

  // Until none is left: meanwhile some end, and others start more.
  static Result<void> move_processes(const std::string& from, const std::string& to) {
    const MemoryGroup group(GroupVersion::V2, from);
    for (int tries = 0; tries < kTries; ++tries) {
      const std::vector<int> processes = group.processes();
      if (processes.empty()) return {};
      for (int pid : processes) {
        const Result<void> moved = write_to_file(to + "/cgroup.procs", std::to_string(pid));
        if (!moved && moved.error().code != Errno::NoProcess) return moved;
      }
      usleep(1'000);  // for those that are about to end, which stay where they are
    }
    return fail(Errno::Busy, "processes keep starting in the group " + from);
  }

  static std::set<std::string> groups_below(const std::string& parent) {
    std::set<std::string> groups;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
      if (entry.is_directory(error)) groups.insert(entry.path().filename().string());
    }
    return groups;
  }

  // A group that was made meanwhile (another check's) would lose its limit.
  static Result<void> take_memory_back(const std::string& parent,
                                       const std::set<std::string>& before) {
    for (const std::string& name : groups_below(parent)) {
      if (before.count(name) != 0) continue;
      return fail(Errno::Busy,
                  fmt::format("the memory controller of {}, which {} needs", parent, name));
    }
    return write_to_file(parent + "/cgroup.subtree_control", "-memory");
  }

  static Result<void> give_back_room(const std::string& parent, const std::string& outside) {
    const Result<void> closed = write_to_file(parent + "/cgroup.subtree_control", "-memory");
    for (int tries = 0; tries < kTries; ++tries) {
      PW_TRY(move_processes(outside, parent));
      if (rmdir(outside.c_str()) == 0 || errno == ENOENT) return closed;
      if (errno != EBUSY) break;
      usleep(10'000);
    }
    return failed(outside);
  }

  Result<std::string> group(const Words& words) {
    const std::string path = fmt::format("{}/pagewright-{}-{}", words[1], getpid(), ++groups_);
    remember(path, [path] { return end_group(path); });
    if (mkdir(path.c_str(), 0755) != 0) return failed("cannot make the group " + path);
    return path;
  }

  Result<std::string> remove(const Words& words) {
    for (std::size_t i = undo_.size(); i-- > 0;) {
      if (undo_[i].what != words[1]) continue;
      PW_TRY(undo_[i].step());
      undo_.erase(undo_.begin() + static_cast<std::ptrdiff_t>(i));
      return words[1];
    }
    return fail(Errno::NoEntry, "no such group");
  }

  Result<std::string> end(const Words& words) {
    kill_all(words[1]);
    return words[1];
  }

  Result<std::string> zram(const Words& words) {
    const std::uint64_t bytes = std::strtoull(words[1].c_str(), nullptr, 10);
    const Result<unsigned> number = add_zram();
    if (!number) return tl::unexpected(number.error());
    remember("zram", [n = *number] { return remove_zram(n); });
    Result<std::string> device = size_zram(*number, bytes, words[2]);
    if (!device) return device;
    PW_TRY(start(*device, bytes));
    return device;
  }

  Result<std::string> file(const Words& words) {
    const std::uint64_t bytes = std::strtoull(words[2].c_str(), nullptr, 10);
    const std::string path = fmt::format("{}/pagewright-{}.swap", words[1], getpid());
    if (access(path.c_str(), F_OK) == 0) return fail(Errno::Exists, path + " exists");
    remember(path, [path]() -> Result<void> {
      if (unlink(path.c_str()) != 0 && errno != ENOENT) return failed("cannot remove " + path);
      return {};
    });
    PW_TRY(host::make_swap_file(path, bytes));
    PW_TRY(start(path, bytes));
    return path;
  }

  Result<void> start(const std::string& path, std::uint64_t bytes) {
    PW_TRY(start_swap(path, bytes));  // nothing can come between this and the next line but SIGKILL
    remember("swap", [path] { return stop_swap(path); });
    return {};
  }

  Result<std::string> setting(const Words& words) {
    std::string before = text_of_file(words[1]);
    const std::size_t chosen = before.find('[');  // "always [madvise] never"
    if (chosen != before.npos) {
      before = before.substr(chosen + 1, before.find(']') - chosen - 1);
    }
    remember(words[1], [file = words[1], before] { return write_to_file(file, before); });
    PW_TRY(write_to_file(words[1], words[2]));
    return before;
  }

  Result<std::string> folder(const Words& words) {
    std::string path = words[1] + "/pagewright-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) return failed("cannot make " + path);
    remember(path, [path]() -> Result<void> {
      std::error_code error;
      std::filesystem::remove_all(path, error);
      if (error) return fail(Errno::Io, "cannot remove " + path);
      return {};
    });
    return path;
  }

  std::vector<Undo> undo_;
  int groups_ = 0;
};

[[noreturn]] void guard(const OwnedFd& socket) {
  setsid();
  prctl(PR_SET_NAME, "pw-guardian");
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTTOU}) {
    ::signal(signal, SIG_IGN);
  }
  Made made;
  std::array<char, kMessageBytes> buffer;
  for (;;) {
    const ssize_t got = recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;  // the parent is gone
    const auto words = words_of({buffer.data(), static_cast<std::size_t>(got)});
    const bool last = !words.empty() && words[0] == "finish";
    const Result<std::string> done = last ? made.undo_all() : made.carry_out(words);
    const std::string reply = done ? "0" + std::string(1, '\0') + *done
                                   : fmt::format("{}", static_cast<int>(done.error().code)) +
                                         std::string(1, '\0') + done.error().message;
    send(socket.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
    if (last) break;
  }
  made.undo_all();
  _exit(0);
}

}  // namespace

Result<std::unique_ptr<Guardian>> Guardian::start() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return failed("socketpair");
  }
  OwnedFd ours(ends[0]);
  OwnedFd its(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return failed("fork");
  if (pid == 0) {
    ours = OwnedFd();
    guard(its);
  }
  return std::unique_ptr<Guardian>(new Guardian(std::move(ours), pid));
}

Guardian::~Guardian() { finish(); }

std::vector<std::string> Guardian::finish() {
  if (pid_ < 0) return {};
  const Result<std::string> problems = ask({"finish"});
  socket_ = OwnedFd();
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  std::vector<std::string> lines;
  if (!problems) return {problems.error().message};
  std::string_view rest = *problems;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  return lines;
}

Result<std::string> Guardian::ask(std::initializer_list<std::string_view> words) {
  std::string message;
  for (std::string_view word : words) (message += word) += '\0';
  std::array<char, kMessageBytes> buffer;
  if (send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0) {
    return failed("the guardian of this measurement is gone");
  }
  ssize_t got = 0;
  while ((got = recv(socket_.get(), buffer.data(), buffer.size(), 0)) < 0 && errno == EINTR) {
  }
  if (got <= 0) return fail(Errno::Io, "the guardian of this measurement is gone");
  const std::string_view reply(buffer.data(), static_cast<std::size_t>(got));
  const std::size_t mark = reply.find('\0');
  const std::string text(reply.substr(mark + 1));
  const int code = std::atoi(std::string(reply.substr(0, mark)).c_str());
  if (code != 0) return fail(static_cast<Errno>(code), text);
  return text;
}

Result<void> Guardian::make_room(const GroupParent& parent) {
  PW_TRY(ask({"room", parent.path}));
  return {};
}
Result<std::string> Guardian::make_group(const GroupParent& parent) {
  return ask({"group", parent.path});
}
Result<void> Guardian::remove_group(const std::string& path) {
  PW_TRY(ask({"remove", path}));
  return {};
}
void Guardian::end_processes(const std::string& group) { (void)ask({"kill", group}); }

Result<std::string> Guardian::make_zram(std::uint64_t bytes, const std::string& algorithm) {
  return ask({"zram", std::to_string(bytes), algorithm});
}
Result<std::string> Guardian::make_swap_file(const std::string& folder, std::uint64_t bytes) {
  return ask({"file", folder, std::to_string(bytes)});
}
Result<void> Guardian::change_setting(const std::string& file, const std::string& value) {
  PW_TRY(ask({"setting", file, value}));
  return {};
}
Result<std::string> Guardian::make_folder(const std::string& parent) {
  return ask({"folder", parent});
}

}  // namespace pw::host
