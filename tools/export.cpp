// pagewright export INPUT -o FILE: every reference of a trace or a recording, in the format of
// other tools.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <memory>

#include "analysis/formats/oracle_general.hpp"
#include "analysis/input.hpp"
#include "tools/console.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

struct Flags {
  std::string input, format, output;
  bool force = false;
};

// A file that grows under NAME.part and takes its name when it is whole.
class Output {
 public:
  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() {
    if (fd_ < 0) return;
    close(fd_);
    unlink(part_.c_str());
  }

  Result<void> open(const std::string& path, bool force) {
    path_ = path;
    part_ = path + ".part";
    struct stat existing {};
    const bool exists = stat(path.c_str(), &existing) == 0;
    if (exists && !S_ISREG(existing.st_mode)) {
      return fail(Errno::Invalid, path + " is not a regular file: choose another name");
    }
    if (exists && !force) {
      return fail(Errno::Exists, path + " exists: choose another name or say --force");
    }
    fd_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return fd_ < 0 ? failed() : Result<void>();
  }
  Result<void> write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed();
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }
  Result<void> finish() {
    if (fsync(fd_) != 0 || rename(part_.c_str(), path_.c_str()) != 0) return failed();
    close(fd_);
    fd_ = -1;
    return {};
  }

 private:
  Result<void> failed() const {
    const int error = errno;
    return fail(static_cast<Errno>(error),
                fmt::format("cannot write {}: {}", path_, std::strerror(error)));
  }

  std::string path_, part_;
  int fd_ = -1;
};

Result<void> export_trace(const Flags& flags) {
  Output output;
  PW_TRY(output.open(flags.output, flags.force));
  Progress progress("reading " + flags.input);
  analysis::InputOptions how;
  how.format = flags.format;
  how.progress = progress.callback();
  const Result<analysis::PageTrace> trace = analysis::open_trace(flags.input, how);
  if (!trace) return tl::unexpected(trace.error());
  progress.clear();
  PW_TRY(analysis::export_oracle_general(
      *trace, kPageSize, [&output](std::string_view bytes) { return output.write(bytes); }));
  PW_TRY(output.finish());
  note(fmt::format("{} references to {} pages written to {}", trace->references(), trace->ids,
                   flags.output));
  return {};
}

}  // namespace

void add_export(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("export", "every reference as a trace for other tools");
  auto flags = std::make_shared<Flags>();
  Flags& f = *flags;
  verb->add_option("INPUT", f.input, "a trace, or a recording made with --detail full or switches")
      ->required();
  verb->add_option("--format", f.format, "how INPUT is written; told by its content otherwise");
  verb->add_option("-o,--output", f.output, "the oracleGeneral file to make")
      ->type_name("FILE")
      ->required();
  verb->add_flag("--force", f.force, "overwrite FILE");
  verb->footer(
      "The format is libCacheSim's oracleGeneral: see docs/TRACES.md.\n\nExamples:\n"
      "  pagewright export sort.pwrec -o sort.oracle\n"
      "  pagewright export blocks.csv --format csv:id=2 -o blocks.oracle");
  verb->callback([flags, &call] {
    const Result<void> done = export_trace(*flags);
    call.status = done ? kOk : give_up(done.error());
  });
}

}  // namespace pw::tools
