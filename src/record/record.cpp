#include "record/record.hpp"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

#include "record/checksum.hpp"
#include "record/child_process.hpp"
#include "record/launch.hpp"
#include "record/spool_converter.hpp"
#include "record/writer.hpp"

namespace pw::record {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kLeastFreeBytes = std::uint64_t{64} << 20;
constexpr std::chrono::milliseconds kPollInterval{50};
constexpr std::chrono::milliseconds kProgressInterval{200};

fs::path folder_of(const std::string& file) {
  fs::path folder = fs::path(file).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

Result<void> check_space(const fs::path& folder) {
  struct statvfs disk = {};
  if (::statvfs(folder.c_str(), &disk) != 0) {
    return fail(static_cast<Errno>(errno),
                "cannot write to " + folder.string() + ": " + std::strerror(errno));
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return fail(static_cast<Errno>(errno), "cannot write to " + folder.string() + ": " +
                                               std::strerror(errno) +
                                               "; choose another folder with -o");
  }
  std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free >= kLeastFreeBytes) return {};
  return fail(Errno::NoSpace, "only " + std::to_string(free >> 20) + " MiB are free in " +
                                  folder.string() + "; a recording needs " +
                                  std::to_string(kLeastFreeBytes >> 20) +
                                  " to begin with: free some or choose another folder with -o");
}

// The private folder that a recorder writes to. Removed with what is in it, unless kept.
class SpoolFolder {
 public:
  static Result<SpoolFolder> create(const fs::path& parent) {
    std::error_code error;
    fs::path absolute = fs::absolute(parent, error);
    std::string pattern = (absolute / ".pagewright-spool-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      return fail(static_cast<Errno>(errno),
                  "cannot create a folder in " + parent.string() + ": " + std::strerror(errno));
    }
    return SpoolFolder(pattern);
  }
  SpoolFolder(SpoolFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  SpoolFolder& operator=(SpoolFolder&&) = delete;
  ~SpoolFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  bool has_spools() const {
    std::error_code error;
    for (fs::directory_iterator it(path_, error), end; !error && it != end; it.increment(error)) {
      if (it->path().extension() == ".spool") return true;
    }
    return false;
  }
  std::string keep() { return std::exchange(path_, {}); }

 private:
  explicit SpoolFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Converts on a thread of its own while the program runs.
class Follower {
 public:
  Follower(SpoolConverter& converter, const Writer& writer)
      : converter_(converter), writer_(writer), thread_([this] { run(); }) {}
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;
  ~Follower() { (void)finish(); }

  // The program has ended: to be called until it returns a result.
  void program_ended() {
    std::lock_guard lock(mutex_);
    ended_ = true;
    wake_.notify_all();
  }
  bool done() const { return done_; }
  Result<void> finish() {
    program_ended();
    if (thread_.joinable()) thread_.join();
    return result_;
  }

  std::uint64_t references() const { return references_; }
  std::uint64_t bytes() const { return bytes_; }
  std::size_t processes() const { return processes_; }

 private:
  void run() {
    bool last = false;
    while (result_ && !last) {
      {
        std::unique_lock lock(mutex_);
        last = wake_.wait_for(lock, kPollInterval, [this] { return ended_; });
      }
      result_ = last ? converter_.finish() : converter_.poll();
      references_ = converter_.references();
      processes_ = converter_.processes();
      bytes_ = writer_.bytes_written();
    }
    done_ = true;
  }

  SpoolConverter& converter_;
  const Writer& writer_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;
  std::atomic<bool> done_ = false;
  std::atomic<std::uint64_t> references_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::atomic<std::size_t> processes_ = 0;
  Result<void> result_;  // of run(); read when joined
  std::thread thread_;   // last: it uses all the others
};

std::uint64_t hash_of_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.push_back(*variable);
  std::sort(variables.begin(), variables.end());
  std::string all;
  for (const std::string& variable : variables) all += variable + '\n';
  return checksum(all);
}

RecordingInfo info_of(const RecordOptions& options, Recorder recorder) {
  RecordingInfo info;
  info.recorder = recorder;
  info.detail = options.detail;
  info.filter_pages = options.detail == Detail::Pages      ? options.filter_pages
                      : options.detail == Detail::Switches ? 1
                                                           : 0;
  info.command = options.command;
  info.redacted = options.redact;
  info.environment_hash = hash_of_environment();
  auto now = std::chrono::system_clock::now().time_since_epoch();
  info.wall_start_ns = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  return info;
}

Result<void> check_options(const RecordOptions& options) {
  if (options.command.empty() || options.command[0].empty()) {
    return fail(Errno::Invalid, "no program to record: give it after --");
  }
  if (options.detail == Detail::Pages &&
      (options.filter_pages < 2 || options.filter_pages > 1024)) {
    return fail(Errno::Invalid,
                "K is " + std::to_string(options.filter_pages) + "; it can be from 2 to 1024");
  }
  return {};
}

struct Session {
  std::int32_t exit_status = 0;
  Result<void> converted;
};

Result<Session> run_program(const RecordOptions& options, const Launch& launch,
                            SpoolConverter& converter, const Writer& writer) {
  SignalGuard signals;
  Clock::time_point start = Clock::now();
  auto child = ChildProcess::start(launch.arguments, launch.environment, signals);
  if (!child) return tl::unexpected(child.error());
  Follower follower(converter, writer);
  auto report = [&](bool finishing) {
    if (!options.progress) return;
    std::chrono::duration<double> seconds = Clock::now() - start;
    options.progress({seconds.count(), follower.references(), follower.bytes(),
                      follower.processes(), finishing});
  };
  std::optional<std::int32_t> status;
  while (!(status = child->wait(kProgressInterval, signals))) report(false);
  follower.program_ended();
  for (int i = 0; !follower.done(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (i % 40 == 39) report(true);
  }
  Result<void> converted = follower.finish();
  report(true);
  return Session{*status, std::move(converted)};
}

}  // namespace

Result<RecordOutcome> record(const RecordOptions& options) {
  PW_TRY(check_options(options));
  auto program = find_program(options.command);
  if (!program) return tl::unexpected(program.error());
  RecordOptions absolute = options;
  std::error_code ignored;
  absolute.recorder_files = fs::absolute(options.recorder_files, ignored).string();
  auto rehearsal = prepare_launch(absolute, *program, "/");  // is there a recorder at all?
  if (!rehearsal) return tl::unexpected(rehearsal.error());
  PW_TRY(check_space(folder_of(options.output)));
  bool elsewhere = !options.spool_parent.empty();
  fs::path spool_parent = elsewhere ? fs::path(options.spool_parent) : folder_of(options.output);
  if (elsewhere) PW_TRY(check_space(spool_parent));

  auto spools = SpoolFolder::create(spool_parent);
  if (!spools) return tl::unexpected(spools.error());
  auto launch = prepare_launch(absolute, *program, spools->path());
  if (!launch) return tl::unexpected(launch.error());
  RecordingInfo info = info_of(options, launch->recorder);
  auto writer = Writer::create(options.output, info, {.replace = options.force});
  if (!writer) return tl::unexpected(writer.error());

  Clock::time_point start = Clock::now();
  SpoolConverter converter(spools->path(), *writer, info, {.redact = options.redact});
  auto session = run_program(options, *launch, converter, *writer);
  if (!session || !spools->has_spools()) {
    fs::remove(writer->part_path(), ignored);
    if (!session) return tl::unexpected(session.error());
    return fail(Errno::Io, launch->arguments[0] + " ended with status " +
                               std::to_string(session->exit_status) +
                               " and has recorded nothing; its own message, if any, is above");
  }
  Result<void> finished = session->converted;
  if (finished) finished = writer->finish(session->exit_status);
  if (!finished) {
    Error error = finished.error();
    const std::string kept = spools->keep();
    error.message += "; what was recorded is kept in " + kept + ": pagewright record --recover " +
                     kept + " -o FILE makes a recording of it";
    return tl::unexpected(std::move(error));
  }
  RecordOutcome outcome;
  outcome.exit_status = session->exit_status;
  outcome.recorder = launch->recorder;
  outcome.why = launch->reason;
  outcome.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  outcome.references = converter.references();
  outcome.bytes = writer->bytes_written();
  outcome.processes = converter.processes();
  outcome.notes = converter.notes();
  return outcome;
}

Result<RecordOutcome> recover(const std::string& spool_folder, const std::string& output,
                              bool force, bool redacted) {
  auto info = SpoolConverter::inspect(spool_folder);
  if (!info) return tl::unexpected(info.error());
  info->redacted = redacted;
  // A part that the failed recording left has less in it than the spools.
  auto writer = Writer::create(output, *info, {.replace = force, .replace_part = true});
  if (!writer) return tl::unexpected(writer.error());
  SpoolConverter converter(spool_folder, *writer, *info, {.redact = redacted});
  PW_TRY(converter.finish());
  PW_TRY(writer->finish(-1));
  RecordOutcome outcome;
  outcome.exit_status = -1;
  outcome.recorder = info->recorder;
  outcome.references = converter.references();
  outcome.bytes = writer->bytes_written();
  outcome.processes = converter.processes();
  outcome.notes = converter.notes();
  std::error_code error;
  std::vector<fs::path> consumed;
  for (fs::directory_iterator it(spool_folder, error), end; !error && it != end;
       it.increment(error)) {
    std::string ending = it->path().extension().string();
    if (ending == ".spool" || ending == ".log") consumed.push_back(it->path());
  }
  for (const fs::path& path : consumed) fs::remove(path, error);
  fs::remove(spool_folder, error);  // only if nothing else is in it
  return outcome;
}

}  // namespace pw::record
