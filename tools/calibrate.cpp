// pagewright calibrate: measures what faults, swap, disks and loads cost on this host.
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>

#include "report/table.hpp"
#include "report/units.hpp"
#include "tools/calibration.hpp"
#include "tools/console.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

struct Flags {
  std::string output, folder = "/var/tmp";
  bool json = false;
};

double clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

std::string host_name_for_people() {
  std::ifstream cpus("/proc/cpuinfo");
  std::string line, model = "unknown processor";
  while (std::getline(cpus, line)) {
    if (line.rfind("model name", 0) != 0) continue;
    model = line.substr(std::min(line.find(": ") + 2, line.size()));
    break;
  }
  utsname system{};
  uname(&system);
  return fmt::format("{}, Linux {}", model, system.release);
}

// Where groups can be made. The note says why not.
Result<host::GroupParent> place_for_groups(host::Guardian& guardian) {
  Result<host::GroupParent> parent = host::find_group_parent();
  if (parent && parent->make_room) PW_TRY(guardian.make_room(*parent));
  return parent;
}

Calibration measure_once(const Flags& flags, const std::optional<ChildPlace>& place,
                         Progress& line) {
  Calibration result;
  line.say("measuring faults");
  measure_faults(result);
  measure_file_faults(result, flags.folder);
  line.say("measuring zram");
  if (place) measure_zram(result, *place);
  line.say("measuring the disk");
  measure_disk(result, flags.folder);
  measure_reads(result, flags.folder, place);
  line.say("measuring memory");
  measure_loads(result);
  return result;
}

Calibration measure(const Flags& flags, host::Guardian& guardian) {
  constexpr int kTimes = 3;
  const Result<host::GroupParent> parent = place_for_groups(guardian);
  std::optional<ChildPlace> place;
  if (parent) place.emplace(ChildPlace{guardian, *parent});
  Progress line("calibrating");
  std::vector<Calibration> times;
  for (int i = 0; i < kTimes; ++i) times.push_back(measure_once(flags, place, line));
  Calibration result = middle_of(times);
  result.costs.host = host_name_for_people();
  if (!place) result.notes.push_back("zram: " + parent.error().message);
  return result;
}

std::string as_text(const Calibration& measured) {
  using report::Align;
  report::Table table({Align::Left, Align::Right, Align::Right, Align::Left});
  table.row({"", "median", "quartiles", ""});
  for (const predict::CostField& field : predict::cost_fields()) {
    const predict::Cost& cost = measured.costs.*field.member;
    const std::string quartiles = fmt::format("{} .. {}", report::duration(cost.low),
                                              report::duration(cost.high));
    table.row({std::string(field.name), report::duration(cost.ns),
               cost.measured ? quartiles : "default", std::string(field.meaning)});
  }
  std::string text = "Costs on " + measured.costs.host + "\n\n" + table.text();
  for (const std::string& note : measured.notes) text += "  not measured: " + note + '\n';
  return text;
}

Result<void> save(const std::string& path, const Calibration& measured) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  return write_result(path, predict::to_json(measured.costs), true);
}

int calibrate(const Flags& flags) {
  const std::string path = flags.output.empty() ? predict::default_costs_path() : flags.output;
  if (path.empty()) return give_up({Errno::Invalid, "no home folder: say --output FILE"});
  Result<std::unique_ptr<host::Guardian>> guardian = host::Guardian::start();
  if (!guardian) return give_up(guardian.error());
  const Calibration measured = measure(flags, **guardian);
  for (const std::string& problem : (*guardian)->finish()) note("not taken away: " + problem);
  const Result<void> saved = save(path, measured);
  if (!saved) return give_up(saved.error());
  if (path != "-") note(fmt::format("costs saved to {}; predictions go by them", path));
  if (path == "-") return kOk;
  const auto told = write_result(
      "", flags.json ? predict::to_json(measured.costs) : as_text(measured), false);
  return told ? kOk : give_up(told.error());
}

}  // namespace

Calibration middle_of(const std::vector<Calibration>& times) {
  Calibration middle;
  for (const predict::CostField& field : predict::cost_fields()) {
    std::vector<predict::Cost> known;
    for (const Calibration& one : times) {
      const predict::Cost& cost = one.costs.*field.member;
      if (cost.measured) known.push_back(cost);
    }
    if (known.empty()) continue;
    std::sort(known.begin(), known.end(), [](const auto& a, const auto& b) { return a.ns < b.ns; });
    predict::Cost& cost = middle.costs.*field.member;
    cost = known[(known.size() - 1) / 2];
    for (const predict::Cost& one : known) {
      cost.low = std::min(cost.low, one.low);
      cost.high = std::max(cost.high, one.high);
    }
  }
  for (const std::string& note : times.front().notes) {
    const bool always = std::all_of(times.begin(), times.end(), [&](const Calibration& one) {
      return std::find(one.notes.begin(), one.notes.end(), note) != one.notes.end();
    });
    if (always) middle.notes.push_back(note);
  }
  return middle;
}

double cpu_ns() { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }
double wall_ns() { return clock_ns(CLOCK_MONOTONIC); }

predict::Cost cost_of(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t last = samples.size() - 1;
  return {samples[last / 2], samples[last / 4], samples[last - last / 4], true};
}

void sample(predict::Cost& into, unsigned count, double events,
            const std::function<double()>& batch) {
  std::vector<double> samples;
  for (unsigned i = 0; i < count; ++i) {
    const double ns = batch();
    if (ns >= 0) samples.push_back(ns / events);
  }
  if (!samples.empty()) into = cost_of(std::move(samples));
}

void add_calibrate(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("calibrate", "measure what faults and swap cost here");
  auto flags = std::make_shared<Flags>();
  verb->add_option("-o,--output", flags->output,
                   "where to store them ($XDG_CONFIG_HOME/pagewright/costs.json), - for stdout")
      ->type_name("FILE");
  verb->add_option("--folder", flags->folder, "on the disk to measure (/var/tmp)")
      ->type_name("FOLDER")
      ->check(CLI::ExistingDirectory.description(""));
  verb->add_flag("--json", flags->json, "show them as JSON, schema pagewright.costs/1");
  verb->footer(
      "Takes half a minute and less than 1 GiB of memory. zram is measured by root only.\n"
      "predict and check go by what is stored.\n\n"
      "Example:\n  pagewright calibrate");
  verb->callback([flags, &call] { call.status = calibrate(*flags); });
}

}  // namespace pw::tools
