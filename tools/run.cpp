// pagewright run -- PROGRAM ARGS: record, replay and report in one step.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "report/json.hpp"
#include "report/text.hpp"
#include "tools/console.hpp"
#include "tools/exports.hpp"
#include "tools/machine_flags.hpp"
#include "tools/page.hpp"
#include "tools/record_flags.hpp"
#include "tools/study.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

namespace fs = std::filesystem;

// A private folder that goes with this object, whatever is in it.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> make() {
    const char* parent = std::getenv("TMPDIR");
    std::string path = parent == nullptr || *parent == '\0' ? "/tmp" : parent;
    path += "/pagewright-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
      return fail(Errno::Access, fmt::format("cannot make {}: {}; set TMPDIR to a folder with room",
                                             path, std::strerror(errno)));
    }
    return TemporaryFolder(path);
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() { remove(); }

  const std::string& path() const { return path_; }
  void remove() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
    path_.clear();
  }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

struct Flags {
  RecordFlags record;
  MachineFlags machine;
  std::string report;
  std::string html;
  ExportFlags exports;
  double percent = 5;
  bool json = false;
  bool page = false;
};

// The page's file: as it was named, else after the program, with a number where there is one.
std::string page_path(const Flags& flags, const std::vector<std::string>& program) {
  if (!flags.html.empty()) return flags.html;
  const std::string name = fs::path(program.front()).filename().string();
  std::string path = name + ".html";
  for (int number = 2; !flags.record.force && fs::exists(path); ++number) {
    path = fmt::format("{}-{}.html", name, number);
  }
  return path;
}

// The report on `recording`, written where the flags say; `path` is empty if it is not kept.
Result<void> tell(const record::Recording& recording, const Flags& flags, const Machines& asked,
                  const std::string& path, const std::string& page) {
  std::optional<PageJob> job;
  if (flags.page) job.emplace(recording);
  std::optional<replay::FaultLog> log;
  if (flags.exports.any()) log.emplace(recording);
  StudyOptions options{!flags.page, flags.percent};
  options.points = flags.page ? kPagePoints : 0;
  options.watcher = log ? &*log : nullptr;
  Result<report::Report> report = study(recording, asked, options);
  if (!report) return tl::unexpected(report.error());
  if (log) PW_TRY(write_exports(recording, *report, *log, flags.exports, flags.record.force));
  if (job) {
    const Result<std::string> data = job->data(*report, flags.percent);
    if (!data) return tl::unexpected(data.error());
    return write_page(*data, page, flags.record.force);
  }
  report->next_command = next_step(*report, path);
  const bool to_stdout = flags.report.empty();
  const std::string content = flags.json ? report::json(*report)
                                         : report::text(*report, text_style(to_stdout));
  // The program's own output stands before it.
  const bool apart = to_stdout && !flags.json;
  return write_result(flags.report, apart ? '\n' + content : content, flags.record.force);
}

// What can be refused before the program runs.
Result<void> check_results(const Flags& flags) {
  if (flags.page) {
    if (flags.json || !flags.report.empty()) {
      return fail(Errno::Invalid, "--html excludes --json and --report");
    }
    PW_TRY(has_pages());
  }
  return check_export_files(flags.exports, flags.page ? flags.html : flags.report,
                            flags.record.force);
}

int record_and_report(const CLI::App& verb, const Flags& flags, const Call& call) {
  const Result<Machines> asked = machines(flags.machine);
  if (!asked) return give_up(asked.error());
  const Result<std::vector<std::string>> program = program_of(verb, call.program);
  if (!program) return give_up(program.error());
  if (const Result<void> good = check_results(flags); !good) return give_up(good.error());
  Result<TemporaryFolder> folder = TemporaryFolder::make();
  if (!folder) return give_up(folder.error());
  const bool kept = !flags.record.output.empty();
  const std::string path = kept ? flags.record.output : folder->path() + "/recording.pwrec";

  const Result<record::RecordOutcome> outcome = record_program(flags.record, *program, path);
  if (!outcome) return give_up(outcome.error());
  const Result<record::Recording> recording = record::Recording::open(
      path, record::Recording::Verify::Index);
  if (!recording) return give_up(recording.error());
  folder->remove();  // the open recording stays readable, and nothing is left if this is killed
  const Result<void> told = tell(*recording, flags, *asked, kept ? path : "",
                                 flags.page ? page_path(flags, *program) : "");
  if (!told) return give_up(told.error());
  return outcome->exit_status;
}

}  // namespace

void add_run(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("run", "record, replay and report in one step");
  auto flags = std::make_shared<Flags>();
  add_record_flags(*verb, flags->record, "keep the recording in FILE");
  verb->add_option("--report", flags->report, "write the report to FILE instead of stdout")
      ->type_name("FILE");
  verb->add_flag("--json", flags->json, "the report as JSON, schema pagewright.report/1");
  CLI::Option* const html = verb->add_option(
      "--html", flags->html, "the report as one HTML file (PROGRAM.html), to open offline");
  html->type_name("[FILE]")->expected(0, 1);
  add_export_flags(*verb, flags->exports);
  verb->add_option("--slowdown", flags->percent, "tell the memory for at most N % slowdown (5)")
      ->type_name("N")
      ->check(CLI::Range(0.0, 10'000.0).description(""));
  add_machine_flags(*verb, flags->machine, true);
  verb->footer(
      "Exit status: the program's own; 2 if it could not be recorded.\n\n"
      "Examples:\n"
      "  pagewright run -- sort --parallel=1 FILE\n"
      "  pagewright run --html -- sort FILE\n"
      "  pagewright run --perfetto sort.pftrace --folded sort.folded -- sort FILE\n"
      "  pagewright run --what-if ram=50%,ram=25% -- python3 script.py\n"
      "  pagewright run --ram 64M --swap-device nvme -o sort.pwrec -- sort FILE\n"
      "  pagewright run --json --report sort.json -- sort FILE");
  verb->callback([verb, html, flags, &call] {
    flags->page = html->count() > 0;
    call.status = record_and_report(*verb, *flags, call);
  });
}

}  // namespace pw::tools
