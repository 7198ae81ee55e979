// Any bytes as a script: they are read or refused with a place; what is read prints, reads back the
// same, and runs on a small machine under small limits, after which the machine is consistent.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "script/parser.hpp"
#include "script/printer.hpp"
#include "script/runner.hpp"
#include "script/settings.hpp"
#include "script/sim_target.hpp"

namespace {

using namespace pw;

constexpr std::uint64_t kMostRam = 32ULL << 20;

void run_on_a_small_machine(const script::Program& program) {
  Result<MachineConfig> config = script::machine_of(program);
  PW_CHECK(config.has_value());
  script::SimLimits limits;
  limits.ram = ByteCount(kMostRam);
  limits.store = ByteCount(16ULL << 20);
  config->ram = std::min(config->ram, limits.ram);
  const auto target = script::SimTarget::create(*config, limits);
  if (!target) return;
  script::RunLimits most;
  most.steps = 500;
  most.bytes = 1U << 20;
  most.processes = 16;
  most.populate = 64U << 20;
  most.shown = 1U << 20;
  const script::RunReport report = script::run(program, **target, most, {});
  PW_CHECK(!script::summary(report).empty());
  PW_CHECK((*target)->machine().verify().has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<script::Program> program = script::parse(text);
  if (!program) {
    PW_CHECK(!program.error().message.empty());
    return 0;
  }
  const std::string printed = script::print(*program);
  const Result<script::Program> again = script::parse(printed);
  PW_CHECK(again.has_value());
  PW_CHECK(*again == *program);
  run_on_a_small_machine(*program);
  return 0;
}
