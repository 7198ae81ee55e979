#include "replay/script_replay.hpp"

#include <limits>

#include "replay/transcript.hpp"
#include "script/diagnostic.hpp"
#include "script/printer.hpp"
#include "script/sim_target.hpp"

namespace pw::replay {

namespace {

std::string heading(const record::Recording& recording) {
  std::string command;
  for (const std::string& word : recording.info().command) {
    command += (command.empty() ? "" : " ") + word;
  }
  for (char& c : command) {
    if (c < ' ' || c > '~') c = '?';
  }
  constexpr const char* kDetails[] = {"", "pages", "switches", "full"};
  return "# A recording of: " + command + "\n# " + script::in_decimal(recording.references()) +
         " references; detail " + kDetails[static_cast<unsigned>(recording.info().detail)] + "\n";
}

// Room for everything: what the text says must not depend on reclaim.
MachineConfig roomy() {
  MachineConfig config;
  config.ram = ByteCount(64ULL << 30);
  return config;
}

}  // namespace

Result<void> write_text(const record::Recording& recording,
                        const std::function<void(std::string_view)>& sink,
                        const TextLimits& limits) {
  std::uint64_t events = 0;
  for (const record::ChunkInfo& chunk : recording.chunks()) events += chunk.events;
  if (events > limits.events) {
    return fail(Errno::Invalid, "the recording has " + script::in_decimal(events) +
                                    " events, too many for text: at most " +
                                    script::in_decimal(limits.events));
  }
  sink(heading(recording));
  Transcript transcript([&](const script::Step& step) { sink(script::print(step) + '\n'); });
  const Result<ReplayResult> done = replay(recording, roomy(), {}, &transcript);
  return done ? Result<void>() : tl::unexpected(done.error());
}

bool is_text_of_filtered(std::string_view text) {
  constexpr std::string_view kFirst = "# A recording of: ", kSecond = "; detail pages";
  if (text.substr(0, kFirst.size()) != kFirst) return false;
  const std::size_t second = text.find('\n') + 1;
  const std::string_view line = text.substr(second, text.find('\n', second) - second);
  return line.size() >= kSecond.size() && line.substr(line.size() - kSecond.size()) == kSecond;
}

Result<ScriptReplay> replay(const script::Program& program, const MachineConfig& config) {
  MachineConfig quiet = config;
  quiet.contents = Contents::MetadataOnly;
  script::SimLimits most;
  most.ram = ByteCount(std::numeric_limits<std::uint64_t>::max());
  most.store = most.ram;
  const auto target = script::SimTarget::create(quiet, most);
  if (!target) return tl::unexpected(target.error());
  script::RunLimits limits;
  limits.steps = limits.processes = std::numeric_limits<std::uint64_t>::max();
  ScriptReplay done;
  done.run = script::run(program, **target, limits, {});
  if (done.run.stopped) return tl::unexpected(*done.run.stopped);
  Machine& machine = (*target)->machine();
  ReplayResult& result = done.result;
  result.config = config;
  result.counters = machine.counters();
  result.tlb = machine.tlb_counters();
  result.references = result.tlb.references;
  result.records = done.run.steps;
  result.simulated_ns = machine.clock().now_ns();
  machine.processes().for_each([&](const Process& process) {
    ProcessReport report;
    report.pid = process.pid;
    report.parent = process.parent;
    report.command = process.name;
    const bool ended = process.space == nullptr;
    report.faults = ended ? process.faults : process.space->counters().faults;
    const SpaceCounters* counters = ended ? nullptr : &process.space->counters();
    report.resident_peak = ended ? process.resident_peak : counters->resident_peak;
    report.told_peak = ended ? process.told_peak : counters->told_resident.peak();
    report.killed_by_oom = process.cause == ExitCause::OutOfMemory;
    result.processes.push_back(std::move(report));
  });
  // Whose references they were is counted nowhere.
  if (result.processes.size() == 1) result.processes.front().references = result.references;
  return done;
}

}  // namespace pw::replay
