// How the tool speaks: results to stdout or a file, everything else to stderr.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "report/text.hpp"

namespace pw::tools {

// Exit statuses; run and record pass on the program's own.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;

void complain(std::string_view message);  // "pagewright: message", one line on stderr
void note(std::string_view message);      // the same for what is no error

// Complains; kUsage for what the user can mend by writing something else, kFailed otherwise.
int give_up(const Error& error);

// A line on a terminal's stderr that says how far a long step is; it shows after a second, is
// rewritten in place and gone at the end. Silent where stderr is no terminal.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void operator()(double part);
  void say(const std::string& line);  // instead of a percentage
  void clear();
  std::function<void(double)> callback();  // valid while this lives

 private:
  std::string what_;
  std::chrono::steady_clock::time_point start_;
  bool terminal_;
  bool shown_ = false;
  int percent_ = -1;
};

// Width and colour as stdout's terminal wants them (NO_COLOR, TERM=dumb and COLUMNS are respected);
// plain where there is none.
report::TextStyle text_style(bool to_stdout);

// Writes `content` to stdout if `path` is empty, else to the file, under a temporary name first.
// Error: Exists without `force`, Io, Access, NoSpace with a sentence.
Result<void> write_result(const std::string& path, std::string_view content, bool force);

// A file's bytes, or stdin's for "-"; a little more than `most` where there are more. Errors:
// NoEntry, Io with a sentence.
Result<std::string> read_text(const std::string& path, std::size_t most);

}  // namespace pw::tools
