// pagewright workingset INPUT: the pages in use over time, for any window; phases; areas.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "analysis/input.hpp"
#include "report/working_set_report.hpp"
#include "tools/console.hpp"
#include "tools/quantities.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

struct Flags {
  std::string input, format;
  std::string tau;
  std::size_t points = 100;
  std::string phase_window;
  double phase_limit = 0.5;
  std::string output;
  bool json = false, csv = false, force = false;
};

// Without --tau: a hundredth, a tenth and the whole of a run that is not too long, in round
// numbers.
std::vector<std::uint64_t> usual_taus(std::uint64_t references) {
  std::vector<std::uint64_t> taus;
  std::uint64_t tau = 1000;
  while (tau < references / 1000) tau *= 10;
  for (int i = 0; i < 3 && (tau <= references || taus.empty()); ++i, tau *= 10) {
    taus.push_back(tau);
  }
  return taus;
}

// Without --phase-window: the largest tau that the run holds often enough for phases to show.
std::uint64_t usual_window(const std::vector<std::uint64_t>& taus, std::uint64_t references) {
  constexpr std::uint64_t kOften = 50;
  std::uint64_t window = taus.front();
  for (const std::uint64_t tau : taus) window = tau <= references / kOften ? tau : window;
  return window;
}

Result<report::WorkingSetReport> make_report(const Flags& flags) {
  analysis::WorkingSetOptions options;
  options.points = flags.points;
  if (!flags.tau.empty()) {
    auto taus = parse_counts(flags.tau);
    if (!taus) return fail(Errno::Invalid, "--tau: " + taus.error().message);
    options.taus = std::move(*taus);
  }
  std::uint64_t window = 0;
  if (!flags.phase_window.empty()) {
    const auto count = parse_count(flags.phase_window);
    if (!count) return fail(Errno::Invalid, "--phase-window: " + count.error().message);
    if (*count == 0) return fail(Errno::Invalid, "--phase-window: write a number above 0");
    window = *count;
  }
  Progress progress("reading " + flags.input);
  analysis::InputOptions how;
  how.format = flags.format;
  how.progress = progress.callback();
  how.times = how.areas = true;
  Result<analysis::Input> input = analysis::open_input(flags.input, how);
  if (!input) return tl::unexpected(input.error());
  progress.clear();
  report::WorkingSetReport report;
  report.input = flags.input;
  report.format = input->format;
  report.command = input->command();
  report.pages = input->ids();
  report.inferred = input->exact() ? 0 : input->dense()->inferred;
  if (options.taus.empty()) options.taus = usual_taus(input->references());
  if (input->areas) {
    options.area_of_page = &input->areas->area_of_page();
    options.area_names = &input->areas->names();
  }
  report.phase_window = window != 0 ? window : usual_window(options.taus, input->references());
  if (input->references() / report.phase_window > analysis::kMostWindows) {
    return fail(Errno::Invalid, "--phase-window: too short for a run of this length");
  }
  report.phase_limit = flags.phase_limit;
  const analysis::PhaseOptions phase_options = {report.phase_window, flags.phase_limit};
  if (const analysis::PageTrace* const pages = input->pages()) {
    report.sets = analysis::working_sets(*pages, options);
    report.phases = analysis::phases(*pages, phase_options);
  } else {
    report.sets = analysis::working_sets(*input->dense(), options);
    report.phases = analysis::phases(*input->dense(), phase_options);
  }
  return report;
}

int run(const Flags& flags) {
  if (flags.json && flags.csv) {
    return give_up(Error{Errno::Invalid, "--json and --csv exclude each other"});
  }
  const Result<report::WorkingSetReport> report = make_report(flags);
  if (!report) return give_up(report.error());
  const std::string text = flags.json  ? report::working_set_json(*report)
                           : flags.csv ? report::working_set_csv(*report)
                                       : report::working_set_text(*report,
                                                                  text_style(flags.output.empty()));
  const auto written = write_result(flags.output, text, flags.force);
  return written ? kOk : give_up(written.error());
}

}  // namespace

void add_workingset(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("workingset",
                                      "the pages in use over time, phases, areas of memory");
  auto flags = std::make_shared<Flags>();
  Flags& f = *flags;
  verb->add_option("INPUT", f.input, "a recording, or the trace of another tool")->required();
  verb->add_option("--format", f.format, "how INPUT is written; told by its content otherwise");
  verb->add_option("--tau", f.tau, "windows in references, comma between them: 1000,10K,1M")
      ->type_name("COUNTS");
  verb->add_option("--points", f.points, "look at so many times (100)")
      ->type_name("N")
      ->check(CLI::Range(1, 65'536).description(""));
  verb->add_option("--phase-window", f.phase_window,
                   "compare stretches of this length (the largest tau that fits 50 times)")
      ->type_name("COUNT");
  verb->add_option("--phase-limit", f.phase_limit,
                   "a phase ends where neighbours differ by more, 0 to 1 (0.5)")
      ->type_name("DISTANCE")
      ->check(CLI::Range(0.0, 1.0).description(""));
  verb->add_flag("--json", f.json, "as JSON, schema pagewright.workingset/1");
  verb->add_flag("--csv", f.csv, "as CSV: a row for each time, a column for each tau");
  verb->add_option("-o,--output", f.output, "write to this file")->type_name("FILE");
  verb->add_flag("--force", f.force, "overwrite FILE");
  verb->footer(
      "Examples:\n"
      "  pagewright workingset sort.pwrec\n"
      "  pagewright workingset sort.pwrec --tau 10K,1M,10M --phase-window 1M\n"
      "  pagewright workingset trace.oracle --tau 100K --csv -o sizes.csv");
  verb->callback([flags, &call] { call.status = run(*flags); });
}

}  // namespace pw::tools
