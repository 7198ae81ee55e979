#include "tools/show_replays.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>

#include "replay/script_replay.hpp"
#include "report/json.hpp"
#include "report/text.hpp"
#include "script/parser.hpp"
#include "tools/console.hpp"
#include "tools/exports.hpp"
#include "tools/machine_flags.hpp"
#include "tools/page.hpp"
#include "tools/study.hpp"
#include "tools/truth_replay.hpp"

namespace pw::tools {
namespace {

struct Flags {
  std::string recording;
  MachineFlags machine;
  std::string output;
  std::string html;
  ExportFlags exports;
  double percent = 5;
  bool json = false;
  bool force = false;
  bool curves = false;
  std::string truth, costs;
};

Result<record::Recording> open_recording(const Flags& flags) {
  Result<record::Recording> recording = record::Recording::open(flags.recording);
  if (recording) return recording;
  Error error = recording.error();
  if (error.message.empty()) error.message = flags.recording + " cannot be read as a recording";
  return tl::unexpected(std::move(error));
}

Result<void> tell(const Flags& flags, report::Report& report) {
  const std::string content = flags.json ? report::json(report)
                                         : report::text(report, text_style(flags.output.empty()));
  return write_result(flags.output, content, flags.force);
}

Result<void> show_recording(const Flags& flags, const Machines& asked) {
  const bool page = !flags.html.empty();
  if (page) PW_TRY(has_pages());
  PW_TRY(check_export_files(flags.exports, page ? flags.html : flags.output, flags.force));
  const Result<record::Recording> recording = open_recording(flags);
  if (!recording) return tl::unexpected(recording.error());
  std::optional<PageJob> job;
  if (page) job.emplace(*recording);
  std::optional<replay::FaultLog> log;
  if (flags.exports.any()) log.emplace(*recording);
  StudyOptions options{flags.curves && !page, flags.percent};
  options.points = page ? kPagePoints : 0;
  options.watcher = log ? &*log : nullptr;
  Result<report::Report> report = study(*recording, asked, options);
  if (!report) return tl::unexpected(report.error());
  if (!flags.truth.empty()) {
    const TruthReplay with{flags.recording, flags.truth, flags.costs, flags.output};
    Result<report::Checked> checked = check_with(with, predictor());
    if (!checked) return tl::unexpected(checked.error());
    report->checked = std::move(*checked);
  }
  if (log) PW_TRY(write_exports(*recording, *report, *log, flags.exports, flags.force));
  if (job) {
    const Result<std::string> data = job->data(*report, flags.percent);
    if (!data) return tl::unexpected(data.error());
    return write_page(*data, flags.html, flags.force);
  }
  report->next_command = next_step(*report, flags.recording);
  return tell(flags, *report);
}

Result<void> show_script(const Flags& flags, const Machines& asked) {
  const replay::TextLimits limits;
  const Result<std::string> text = read_text(flags.recording, limits.bytes);
  if (!text) return tl::unexpected(text.error());
  script::ParseLimits parsing;
  parsing.bytes = limits.bytes;
  parsing.steps = limits.steps;
  const Result<script::Program> program = script::parse(*text, parsing);
  if (!program) {
    return fail(program.error().code, flags.recording + ": " + program.error().message);
  }
  Result<report::Report> report = study(*program, asked);
  if (!report) return tl::unexpected(report.error());
  if (replay::is_text_of_filtered(*text)) {
    report->notes.push_back(
        "The text is of a recording of detail pages: references to pages used just before are not "
        "in it. Faults are the program's; TLB figures and times are not.");
  }
  return tell(flags, *report);
}

int show(const Flags& flags) {
  const Result<Machines> asked = machines(flags.machine);
  if (!asked) return give_up(asked.error());
  const bool is_script = std::filesystem::path(flags.recording).extension() == ".pws";
  if (!flags.html.empty() && (flags.json || !flags.output.empty())) {
    return give_up(Error{Errno::Invalid, "--html excludes --json and -o"});
  }
  if (is_script && !flags.html.empty()) {
    return give_up(Error{Errno::Invalid, "--html is for recordings"});
  }
  if (is_script && !flags.truth.empty()) {
    return give_up(Error{Errno::Invalid, "--truth is for recordings"});
  }
  if (is_script && flags.exports.any()) {
    return give_up(
        Error{Errno::Invalid, "--perfetto, --speedscope and --folded are for recordings"});
  }
  const Result<void> done = is_script ? show_script(flags, *asked) : show_recording(flags, *asked);
  return done ? kOk : give_up(done.error());
}

}  // namespace

void add_replay_verb(CLI::App& app, Call& call, const ReplayVerb& about) {
  CLI::App* verb = app.add_subcommand(about.name, about.what);
  auto flags = std::make_shared<Flags>();
  flags->curves = about.curves;
  verb->add_option("recording", flags->recording,
                   "file made by pagewright record or run -o; or a script, NAME.pws")
      ->type_name("REC")
      ->required();
  verb->add_flag("--json", flags->json, "as JSON, schema pagewright.report/1");
  verb->add_option("-o,--output", flags->output, "write to FILE instead of stdout")
      ->type_name("FILE");
  verb->add_flag("--force", flags->force, "overwrite FILE");
  if (about.curves) {
    verb->add_option("--html", flags->html, "write the report as one HTML file, to open offline")
        ->type_name("FILE");
    add_export_flags(*verb, flags->exports);
    verb->add_option("--slowdown", flags->percent, "tell the memory for at most N % slowdown (5)")
        ->type_name("N")
        ->check(CLI::Range(0.0, 10'000.0).description(""));
  }
  const char* what = about.curves
                         ? "tell also how near predictions are to what check --save measured"
                         : "compare with what check --save measured, instead of replaying";
  verb->add_option("--truth", flags->truth, what)->type_name("FILE");
  verb->add_option("--costs", flags->costs, "for --truth: times made by pagewright calibrate")
      ->type_name("FILE")
      ->needs("--truth");
  add_machine_flags(*verb, flags->machine, true);
  verb->footer(about.examples);
  verb->callback([flags, &call] {
    const Flags& f = *flags;
    call.status = f.truth.empty() || f.curves
                      ? show(f)
                      : replay_truth({f.recording, f.truth, f.costs, f.output, f.json, f.force},
                                     predictor());
  });
}

}  // namespace pw::tools
