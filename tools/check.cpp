// pagewright check -- PROGRAM ARGS: prediction beside measurement, at several limits, on this host.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <filesystem>
#include <memory>

#include "predict/forecast.hpp"
#include "tools/check_measure.hpp"
#include "tools/check_report.hpp"
#include "tools/console.hpp"
#include "tools/predictor.hpp"
#include "tools/record_flags.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

struct Flags {
  std::string limits = "100%,75%,50%,25%";
  unsigned runs = 5;
  std::string swap, thp = "never", flush = "20ms", costs, model;
  int swappiness = -1;
  int cpu = -1;
  double timeout_s = 0;
  bool set_thp = false;
  std::string swap_folder = "/var/tmp";
  std::string recording, save, output;
  bool json = false;
  bool force = false;
};

Result<std::vector<double>> percents(const std::string& text) {
  std::vector<double> all;
  for (const std::string& item : CLI::detail::split(text, ',')) {
    double value = 0;
    const std::string digits = item.substr(0, item.find('%'));
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool good = end.ec == std::errc() && end.ptr == digits.data() + digits.size() &&
                      item.size() <= digits.size() + 1 && value > 0 && value <= 1000;
    if (!good) {
      return fail(Errno::Invalid, fmt::format("'{}' is no limit: parts of the program's peak, e.g. "
                                              "--limit 75%,50%",
                                              item));
    }
    all.push_back(value);
  }
  return all;
}

Result<std::uint64_t> flush_ns(const std::string& text) {
  if (text == "off") return 0;
  std::uint64_t ms = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), ms);
  const std::string_view unit(end.ptr,
                              static_cast<std::size_t>(text.data() + text.size() - end.ptr));
  if (end.ec != std::errc() || (unit != "ms" && !unit.empty()) || ms < 1 || ms > 2000) {
    return fail(Errno::Invalid, "--flush is a time from 1ms to 2000ms, or off");
  }
  return ms * 1'000'000;
}

Result<MeasureOptions> options_of(const Flags& flags, std::vector<std::string> program) {
  MeasureOptions options;
  const auto limits = percents(flags.limits);
  if (!limits) return tl::unexpected(limits.error());
  const auto flush = flush_ns(flags.flush);
  if (!flush) return tl::unexpected(flush.error());
  options.command = std::move(program);
  options.percents = *limits;
  options.runs = flags.runs;
  options.swap = predict::swap_kind(flags.swap);
  if (flags.swappiness >= 0) options.swappiness = flags.swappiness;
  options.huge_pages = predict::huge_pages(flags.thp).value_or(HugePages::Never);
  options.set_huge_pages = flags.set_thp;
  options.stat_flush_ns = *flush;
  options.cpu = flags.cpu;
  options.timeout_s = flags.timeout_s;
  options.swap_folder = flags.swap_folder;
  return options;
}

// Standard input and output as the measured runs have them, while this exists.
class QuietStreams {
 public:
  QuietStreams() {
    std::fflush(stdout);
    for (int fd : {STDIN_FILENO, STDOUT_FILENO}) {
      kept_[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
      const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
      if (null >= 0) dup2(null, fd);
      if (null > STDERR_FILENO) close(null);
    }
  }
  ~QuietStreams() {
    for (int fd : {STDIN_FILENO, STDOUT_FILENO}) {
      if (kept_[fd] < 0) continue;
      dup2(kept_[fd], fd);
      close(kept_[fd]);
    }
  }
  QuietStreams(const QuietStreams&) = delete;
  QuietStreams& operator=(const QuietStreams&) = delete;

 private:
  int kept_[2] = {-1, -1};
};

// The recording that the prediction is made from: the one that was given, or one made here.
Result<record::Recording> recording_of(const Flags& flags, Measurement& measurement) {
  if (!flags.recording.empty()) return record::Recording::open(flags.recording);
  const Result<std::string> folder = measurement.folder();
  if (!folder) return tl::unexpected(folder.error());
  const std::string path = *folder + "/check.pwrec";
  RecordFlags record;
  const Result<record::RecordOutcome> outcome = [&] {
    const QuietStreams quiet;
    return record_program(record, measurement.truth().command, path);
  }();
  if (!outcome) return tl::unexpected(outcome.error());
  if (outcome->exit_status != measurement.exit_status()) {
    return fail(Errno::Invalid,
                fmt::format("the program ended with status {} while it was recorded, and with {} "
                            "when it ran: it depends on something else than its arguments",
                            outcome->exit_status, measurement.exit_status()));
  }
  return record::Recording::open(path);
}

Result<CheckReport> check(const Flags& flags, const std::vector<std::string>& program,
                          const Predictor& predict) {
  const Result<MeasureOptions> options = options_of(flags, program);
  if (!options) return tl::unexpected(options.error());
  const Result<predict::LoadedCosts> costs = predict::load_costs(flags.costs);
  if (!costs) return tl::unexpected(costs.error());
  Result<std::unique_ptr<Measurement>> started = Measurement::start(*options);
  if (!started) return tl::unexpected(started.error());
  Measurement& measurement = **started;
  Progress line("checking");
  const auto say = [&line](const std::string& text) { line.say(text); };
  PW_TRY(measurement.without_limit(say));
  line.clear();
  std::optional<record::Recording> recording;
  if (predict) {
    Result<record::Recording> made = recording_of(flags, measurement);
    if (!made) return tl::unexpected(made.error());
    recording = std::move(*made);
  }
  PW_TRY(measurement.at_limits(say));
  measurement.finish();  // an open recording stays readable

  CheckReport report;
  report.truth = measurement.truth();
  report.truth.costs = costs->costs;
  if (measurement.exit_status() != 0) {
    report.notes.push_back(fmt::format("The program's exit status is {}, also without a limit.",
                                       measurement.exit_status()));
  }
  if (!predict) {
    report.notes.push_back("Measured only: nothing was predicted.");
    return report;
  }
  report.costs = costs->source;
  report.ageing = predict::ageing(flags.model).value_or(report.truth.rows[0].conditions.ageing);
  if (recording->info().command != program) {
    report.notes.push_back("The recording is of another command.");
  }
  line.say("predicting");
  PW_TRY(predict_rows(report, *recording, costs->costs, predict));
  return report;
}

int check_and_tell(const CLI::App& verb, const Flags& flags, const Call& call) {
  const Result<std::vector<std::string>> program = program_of(verb, call.program);
  if (!program) return give_up(program.error());
  for (const std::string& path : {flags.save, flags.output}) {
    if (!path.empty() && !flags.force && std::filesystem::is_regular_file(path)) {
      return give_up({Errno::Exists, path + " exists: choose another name or say --force"});
    }
  }
  const Result<CheckReport> report = check(flags, *program, predictor());
  if (!report) return give_up(report.error());
  if (!flags.save.empty()) {
    const auto saved = write_result(flags.save, predict::to_json(report->truth), flags.force);
    if (!saved) return give_up(saved.error());
    note(fmt::format("measurement saved to {}; next: pagewright replay RECORDING --truth {}",
                     flags.save, flags.save));
  }
  const std::string content = flags.json ? check_json(*report)
                                         : check_text(*report, text_style(flags.output.empty()));
  const Result<void> written = write_result(flags.output, content, flags.force);
  if (!written) return give_up(written.error());
  return within_bars(*report) ? kOk : kFailed;
}

void add_conditions(CLI::App& verb, Flags& flags) {
  constexpr const char* kGroup = "The conditions";
  const auto option = [&](const char* names, auto& into, const char* help, const char* type) {
    return verb.add_option(names, into, help)->type_name(type)->group(kGroup);
  };
  option("--limit", flags.limits, "parts of the peak (100%,75%,50%,25%)", "LIST");
  option("--runs", flags.runs, "at each limit, and without one (5)", "N")
      ->check(CLI::Range(1U, 1000U).description(""));
  option("--swap", flags.swap, "zram, ssd (a file) or none (what is on, or else zram)", "KIND")
      ->check(CLI::IsMember({"zram", "ssd", "none"}).description(""));
  option("--swap-folder", flags.swap_folder, "where a swap file is made (/var/tmp)", "FOLDER")
      ->check(CLI::ExistingDirectory.description(""));
  option("--swappiness", flags.swappiness, "of the groups (the system's)", "N")
      ->check(CLI::Range(0, 200).description(""));
  option("--thp", flags.thp, "huge pages: never, madvise or always (never)", "WHEN")
      ->check(CLI::IsMember({"never", "madvise", "always"}).description(""));
  verb.add_flag("--set-thp", flags.set_thp, "change the system's setting meanwhile if it must be")
      ->group(kGroup);
  option("--flush", flags.flush, "how often statistics are gathered, or off (20ms)", "TIME");
  option("--pin", flags.cpu, "run on this CPU only", "CPU")
      ->check(CLI::Range(0, 1023).description(""));
  option("--timeout", flags.timeout_s,
         "stop a run after so many seconds (100 times what it takes without a limit)", "S")
      ->check(CLI::Range(0.1, 1e6).description(""));
}

}  // namespace

void add_check(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("check", "run a program under limits: prediction and truth");
  auto flags = std::make_shared<Flags>();
  verb->prefix_command();
  add_conditions(*verb, *flags);
  verb->add_option("--recording", flags->recording, "predict from FILE instead of recording now")
      ->type_name("FILE")
      ->check(CLI::ExistingFile.description(""));
  verb->add_option("--model", flags->model, "linux or linux-mglru (as the kernel here ages pages)")
      ->type_name("KIND")
      ->check(CLI::IsMember({"linux", "linux-mglru"}).description(""));
  verb->add_option("--costs", flags->costs, "times made by pagewright calibrate")
      ->type_name("FILE");
  verb->add_option("--save", flags->save, "what was measured, for pagewright replay --truth")
      ->type_name("FILE");
  verb->add_flag("--json", flags->json, "as JSON, schema pagewright.check/1");
  verb->add_option("-o,--output", flags->output, "write to FILE instead of stdout")
      ->type_name("FILE");
  verb->add_flag("--force", flags->force, "overwrite files");
  verb->footer(
      "Runs the program several times in fresh memory groups of this host: needs root, or a group\n"
      "of your own (systemd-run --user --scope -p Delegate=yes). Its standard input and output "
      "are\n"
      "/dev/null. Groups and swap are taken away at the end, also if this is killed.\n\n"
      "Exit status: 1 if a prediction is beyond its bar; 2 if the host does not allow it.\n\n"
      "Examples:\n"
      "  pagewright check -- sort --parallel=1 FILE\n"
      "  pagewright check --limit 50% --runs 3 --pin 0 --swap zram -- python3 script.py\n"
      "  pagewright check --save sort.truth.json --json -- sort FILE");
  verb->callback([verb, flags, &call] { call.status = check_and_tell(*verb, *flags, call); });
}

}  // namespace pw::tools
