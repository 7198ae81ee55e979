// pagewright multiprogramming: throughput as more programs share the memory, with and without load
// control.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "analysis/multiprogramming.hpp"
#include "report/table.hpp"
#include "report/units.hpp"
#include "tools/console.hpp"
#include "tools/machine_flags.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

using analysis::LoadExperiment;
using analysis::LoadPoint;

struct Flags {
  MachineFlags machine;
  std::string programs = "1-12";
  std::uint64_t pages = 4'096, locality = 1'024, phase = 200'000, compute_ns = 2'000;
  std::uint64_t input_every = 500;
  std::string control = "ls";
  std::string suspend = "last";
  double seconds = 4;
  std::string output;
  bool json = false;
  bool force = false;
};

// "1-12" or "1,2,4,8". Nothing: it is neither.
std::optional<std::vector<std::uint64_t>> parse_counts(const std::string& text) {
  constexpr std::uint64_t kMost = 1'000;
  std::vector<std::uint64_t> counts;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string item = text.substr(at, end - at);
    unsigned long first = 0, last = 0;
    int used = 0;
    if (std::sscanf(item.c_str(), "%lu-%lu%n", &first, &last, &used) != 2) {
      if (std::sscanf(item.c_str(), "%lu%n", &first, &used) != 1) return std::nullopt;
      last = first;
    }
    if (static_cast<std::size_t>(used) != item.size()) return std::nullopt;
    if (first == 0 || last < first || last > kMost) return std::nullopt;
    for (std::uint64_t n = first; n <= last; ++n) counts.push_back(n);
    at = end + 1;
  }
  if (counts.empty()) return std::nullopt;
  return counts;
}

Result<LoadExperiment> experiment_of(const Flags& flags) {
  auto asked = machines(flags.machine);
  if (!asked) return tl::unexpected(asked.error());
  if (asked->base.ram_percent) {
    return fail(Errno::Invalid,
                "--ram: write a size such as 16M; there is no recording to take a "
                "percentage of");
  }
  if (!asked->base.ram) asked->base.ram = ByteCount(16ULL << 20);
  LoadExperiment experiment;
  experiment.machine = resolve(asked->base, PageCount(0));
  experiment.program.pages = flags.pages;
  experiment.program.locality = std::min(flags.locality, flags.pages);
  experiment.program.phase_steps = flags.phase;
  experiment.program.compute_ns = flags.compute_ns;
  experiment.program.input_every = flags.input_every;
  experiment.measured_ns = static_cast<std::uint64_t>(flags.seconds * 1e9);
  const auto criterion = load_criterion(flags.control);
  if (!criterion) return fail(Errno::Invalid, "--load-control: write off, ls, half or pff");
  const auto choice = suspend_choice(flags.suspend);
  if (!choice) return fail(Errno::Invalid, "--suspend: write last, largest, smallest or priority");
  experiment.control.criterion = *criterion;
  experiment.control.choice = *choice;
  return experiment;
}

nlohmann::ordered_json json_of(const LoadPoint& point) {
  return {{"programs", point.programs},
          {"utilisation", point.utilisation},
          {"steps_per_second", point.steps_per_second},
          {"faults_per_second", point.faults_per_second},
          {"swap_device_use", point.device_use},
          {"suspensions", point.suspensions},
          {"killed", point.killed}};
}

std::string as_json(const Flags& flags, const std::vector<LoadPoint>& plain,
                    const std::vector<LoadPoint>& controlled) {
  nlohmann::ordered_json json;
  json["schema"] = "pagewright.multiprogramming/1";
  json["load_control"] = flags.control;
  json["locality_pages"] = flags.locality;
  for (const LoadPoint& point : plain) json["without_control"].push_back(json_of(point));
  for (const LoadPoint& point : controlled) json["with_control"].push_back(json_of(point));
  return json.dump(2) + "\n";
}

std::string as_text(const Flags& flags, const LoadExperiment& experiment,
                    const std::vector<LoadPoint>& plain, const std::vector<LoadPoint>& controlled,
                    std::size_t width) {
  using report::Align;
  std::string text = fmt::format(
      "Programs that each work on {} of {} at a time share {} of RAM; swap on {}.\n\n",
      report::page_bytes(experiment.program.locality), report::page_bytes(experiment.program.pages),
      report::bytes(experiment.machine.ram), experiment.machine.swap_device.name);
  const bool both = !controlled.empty();
  report::Table table({Align::Right, Align::Right, Align::Right, Align::Right, Align::Right,
                       Align::Right, Align::Left});
  table.row({"programs", "CPU busy", "refs/s", "waits/s", both ? "with " + flags.control : "",
             both ? "suspended" : "", ""});
  double most = 1;
  for (const LoadPoint& point : plain) most = std::max(most, point.steps_per_second);
  for (const LoadPoint& point : controlled) most = std::max(most, point.steps_per_second);
  const auto cells = static_cast<double>(width - 66);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const auto bar = [&](double steps) {
      return static_cast<std::size_t>(steps / most * cells + 0.5);
    };
    const std::size_t base = bar(plain[i].steps_per_second);
    const std::size_t more = both ? bar(controlled[i].steps_per_second) : 0;
    table.row(
        {report::count(plain[i].programs), report::percent(plain[i].utilisation),
         report::count(static_cast<std::uint64_t>(plain[i].steps_per_second)),
         report::count(static_cast<std::uint64_t>(plain[i].faults_per_second)),
         both ? report::count(static_cast<std::uint64_t>(controlled[i].steps_per_second)) : "",
         both ? report::count(controlled[i].suspensions) : "",
         '|' + std::string(base, '=') + std::string(more > base ? more - base : 0, '+')});
  }
  text += table.text();
  text += report::wrapped(
      both ? "Bars show references done in a second: '=' without load control, '+' what it adds."
           : "Bars show references done in a second.",
      "  ", width);
  return text;
}

int run(const Flags& flags) {
  const auto counts = parse_counts(flags.programs);
  if (!counts) {
    return give_up({Errno::Invalid,
                    "--programs: write numbers from 1 to 1000, such as 1-12 or "
                    "1,2,4,8"});
  }
  Result<LoadExperiment> experiment = experiment_of(flags);
  if (!experiment) return give_up(experiment.error());
  const bool both = experiment->control.criterion != LoadCriterion::Off;
  Progress progress("running programs");
  LoadExperiment plain = *experiment;
  plain.control.criterion = LoadCriterion::Off;
  const auto without = analysis::multiprogramming_curve(
      plain, *counts, [&](double part) { progress(both ? part / 2 : part); });
  if (!without) return give_up(without.error());
  std::vector<LoadPoint> with;
  if (both) {
    auto controlled = analysis::multiprogramming_curve(
        *experiment, *counts, [&](double part) { progress(0.5 + part / 2); });
    if (!controlled) return give_up(controlled.error());
    with = std::move(*controlled);
  }
  progress.clear();
  const std::string content = flags.json ? as_json(flags, *without, with)
                                         : as_text(flags, *experiment, *without, with,
                                                   text_style(flags.output.empty()).width);
  const Result<void> written = write_result(flags.output, content, flags.force);
  return written ? kOk : give_up(written.error());
}

}  // namespace

void add_multiprogramming(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("multiprogramming",
                                      "throughput as more programs share the memory");
  auto flags = std::make_shared<Flags>();
  const auto positive = [] { return CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40); };
  verb->add_option("--programs", flags->programs, "how many at a time: 1-12, or 1,2,4,8")
      ->type_name("COUNTS");
  verb->add_option("--pages", flags->pages, "pages of each program (4096)")->check(positive());
  verb->add_option("--locality", flags->locality, "pages it works on at a time (1024)")
      ->check(positive());
  verb->add_option("--phase", flags->phase, "references before it moves on (200000)")
      ->check(positive());
  verb->add_option("--compute", flags->compute_ns, "ns between two references (2000)")
      ->check(positive());
  verb->add_option("--input-every", flags->input_every,
                   "references between two reads of fresh input; 0: none (500)");
  verb->add_option("--load-control", flags->control,
                   "ls: time between faults at least a fault's service; half: paging device half "
                   "busy; pff: fault frequency; off (ls)");
  verb->add_option("--suspend", flags->suspend, "who: last, largest, smallest, priority (last)");
  verb->add_option("--seconds", flags->seconds, "simulated time measured for each point (4)")
      ->check(CLI::Range(0.001, 10'000.0));
  verb->add_flag("--json", flags->json, "as JSON, schema pagewright.multiprogramming/1");
  verb->add_option("-o,--output", flags->output, "write to FILE instead of stdout");
  verb->add_flag("--force", flags->force, "overwrite FILE");
  add_machine_flags(*verb, flags->machine, false);
  verb->footer(
      "Examples:\n"
      "  pagewright multiprogramming --ram 16M --programs 1-16\n"
      "  pagewright multiprogramming --ram 16M --swap-device hdd --load-control half --json");
  verb->callback([flags, &call] { call.status = run(*flags); });
}

}  // namespace pw::tools
