#include "tools/console.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace pw::tools {
namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

std::size_t terminal_width() {
  if (is_set("COLUMNS")) return std::strtoul(std::getenv("COLUMNS"), nullptr, 10);
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return report::TextStyle{}.width;
}

Errno code_of(int error) {
  switch (error) {
    case ENOENT:
      return Errno::NoEntry;
    case EACCES:
      return Errno::Access;
    case EEXIST:
      return Errno::Exists;
    case ENOSPC:
      return Errno::NoSpace;
    default:
      return Errno::Io;
  }
}

tl::unexpected<Error> cannot_write(const std::string& path, int error) {
  return fail(code_of(error), fmt::format("cannot write {}: {}", path, std::strerror(error)));
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

void complain(std::string_view message) { fmt::print(stderr, "pagewright: {}\n", message); }

void note(std::string_view message) { fmt::print(stderr, "pagewright: {}\n", message); }

int give_up(const Error& error) {
  if (error.message.empty()) {
    complain(std::strerror(static_cast<int>(error.code)));
  } else {
    complain(error.message);
  }
  switch (error.code) {
    case Errno::Invalid:
    case Errno::NoEntry:
    case Errno::Access:
    case Errno::Exists:
    case Errno::IsDirectory:
    case Errno::NotExecutable:
    case Errno::NotSupported:
    case Errno::NoSpace:
    case Errno::ReadOnly:
      return kUsage;
    default:
      return kFailed;
  }
}

Progress::Progress(std::string what)
    : what_(std::move(what)),
      start_(std::chrono::steady_clock::now()),
      terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
  shown_ = false;
}

void Progress::operator()(double part) {
  const int percent = static_cast<int>(std::clamp(part, 0.0, 1.0) * 100);
  if (percent == percent_) return;
  percent_ = percent;
  say(fmt::format("{} {:3} %", what_, percent));
}

void Progress::say(const std::string& line) {
  if (!terminal_) return;
  if (std::chrono::steady_clock::now() - start_ < std::chrono::seconds(1)) return;
  shown_ = true;
  fmt::print(stderr, "\rpagewright: {}\x1b[K", line);
  std::fflush(stderr);
}

std::function<void(double)> Progress::callback() {
  return [this](double part) { (*this)(part); };
}

report::TextStyle text_style(bool to_stdout) {
  report::TextStyle style;
  if (!to_stdout || isatty(STDOUT_FILENO) != 1) return style;
  const char* term = std::getenv("TERM");
  style.color = !is_set("NO_COLOR") && (term == nullptr || std::strcmp(term, "dumb") != 0);
  style.width = std::clamp<std::size_t>(terminal_width(), 80, 120);
  return style;
}

Result<void> write_result(const std::string& path, std::string_view content, bool force) {
  if (path.empty() || path == "-") {
    std::fflush(stdout);
    if (!write_all(STDOUT_FILENO, content)) return cannot_write("to stdout", errno);
    return {};
  }
  struct stat existing {};
  const bool exists = stat(path.c_str(), &existing) == 0;
  if (exists && S_ISREG(existing.st_mode) && !force) {
    return fail(Errno::Exists, fmt::format("{} exists: choose another name or say --force", path));
  }
  // What is no regular file (a terminal, a pipe) is written in place.
  const bool in_place = exists && !S_ISREG(existing.st_mode);
  std::string name = in_place ? path : path + ".XXXXXX";
  const int fd = in_place ? open(path.c_str(), O_WRONLY | O_CLOEXEC)
                          : mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return cannot_write(path, errno);
  const mode_t mask = umask(0);
  umask(mask);
  const bool written = write_all(fd, content) &&
                       (in_place || (fchmod(fd, 0666 & ~mask) == 0 && fsync(fd) == 0));
  int error = errno;
  if (close(fd) != 0 && written) error = errno;
  if (written && (in_place || rename(name.c_str(), path.c_str()) == 0)) return {};
  if (written) error = errno;
  if (!in_place) unlink(name.c_str());
  return cannot_write(path, error);
}

Result<std::string> read_text(const std::string& path, std::size_t most) {
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    return fail(errno == ENOENT ? Errno::NoEntry : Errno::Io,
                fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  }
  std::string text;
  std::array<char, 1 << 16> buffer;
  while (text.size() <= most) {
    const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), file);
    if (n == 0) break;
    text.append(buffer.data(), n);
  }
  const bool failed = std::ferror(file) != 0;
  if (file != stdin) std::fclose(file);
  if (failed) return fail(Errno::Io, fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  return text;
}

}  // namespace pw::tools
