#include "model/scenario.hpp"

#include <array>
#include <iterator>

#include "base/random.hpp"
#include "policy/any_policy.hpp"

namespace pw::model {

namespace {

struct Weight {
  OpKind kind;
  unsigned weight;
};
constexpr Weight kWeights[] = {
    {OpKind::Spawn, 3},        {OpKind::Fork, 5},      {OpKind::Vfork, 2},
    {OpKind::Exit, 5},         {OpKind::Reap, 4},      {OpKind::Mmap, 40},
    {OpKind::Munmap, 16},      {OpKind::Mprotect, 18}, {OpKind::Mremap, 18},
    {OpKind::Brk, 14},         {OpKind::Discard, 10},  {OpKind::Msync, 8},
    {OpKind::Read, 160},       {OpKind::Write, 230},   {OpKind::Touch, 50},
    {OpKind::WildAccess, 6},   {OpKind::Wait, 16},     {OpKind::Advance, 10},
    {OpKind::RunOn, 8},        {OpKind::Reclaim, 6},   {OpKind::AddSwap, 1},
    {OpKind::BadCall, 4},      {OpKind::OpenFile, 2},  {OpKind::CloseFile, 1},
    {OpKind::CreateShared, 2}, {OpKind::ReadFile, 14}, {OpKind::WriteFile, 16},
    {OpKind::SyncFile, 4},     {OpKind::Truncate, 6},
};
static_assert(std::size(kWeights) == kOpKinds);

OpKind draw_kind(Random& random) {
  unsigned total = 0;
  for (const Weight& entry : kWeights) total += entry.weight;
  auto left = static_cast<unsigned>(random.below(total));
  for (const Weight& entry : kWeights) {
    if (left < entry.weight) return entry.kind;
    left -= entry.weight;
  }
  return OpKind::Read;
}

template <class T, std::size_t N>
T one_of(Random& random, const std::array<T, N>& choices) {
  return choices[random.below(N)];
}

void draw_cpu(Random& random, MachineConfig& config) {
  config.levels = random.chance(2) ? 5 : 4;
  config.cpus = static_cast<unsigned>(1 + random.below(4));
  config.cpu.tlb.pcid = !random.chance(4);
  if (random.chance(3)) {  // few entries: evicted often
    config.cpu.tlb.l1d_4k = {2, 2};
    config.cpu.tlb.l2 = {4, 2};
    config.cpu.walk_cache = {2, 1, 1, 1};
  }
  if (random.chance(5)) config.cpu.tlb.l2 = {};
}

void draw_memory(Random& random, Scenario& scenario) {
  MachineConfig& config = scenario.config;
  const std::uint64_t frames = 64 + random.below(160);
  config.ram = ByteCount(frames * kPageSize);
  scenario.tight = random.chance(6);
  config.swap = ByteCount((scenario.tight ? 4 + random.below(60) : 4096) * kPageSize);
  const auto names = policy::policy_names();
  config.policy = std::string(names[random.below(names.size())]);
  config.swappiness = one_of<int, 4>(random, {-1, 0, 60, 200});
  config.min_free_pages = one_of<std::int64_t, 4>(random, {-1, 0, 0, 4});
  config.replacement = random.chance(3) ? Replacement::Local : Replacement::Global;
  config.allocation = one_of<Allocation, 3>(
      random, {Allocation::Equal, Allocation::Proportional, Allocation::Priority});
  config.page_out_cluster = one_of<std::uint32_t, 4>(random, {1, 1, 4, 16});
  config.prefer_clean = one_of<std::uint32_t, 4>(random, {0, 0, 1, 8});
  if (random.chance(4)) config.resident_limit_pages = 16 + random.below(frames / 2);
  config.swap_device = one_of<DeviceModel, 3>(random, {kSsd, kZram, kHdd});
  config.file_device = one_of<DeviceModel, 3>(random, {kSsd, kNvme, kHdd});
}

}  // namespace

Scenario make_scenario(std::uint64_t seed, std::size_t ops, bool each) {
  Random random(seed);
  Scenario scenario;
  scenario.seed = seed;
  MachineConfig& config = scenario.config;
  draw_cpu(random, config);
  draw_memory(random, scenario);
  config.prefetch.fault_around_pages = one_of<std::uint32_t, 3>(random, {1, 4, 16});
  config.prefetch.file_readahead_pages = one_of<std::uint32_t, 3>(random, {1, 4, 16});
  config.prefetch.swap_readahead_pages = one_of<std::uint32_t, 3>(random, {1, 4, 8});
  config.prefetch.prepage_pages = one_of<std::uint32_t, 4>(random, {1, 1, 1, 4});
  config.stack_limit = ByteCount(40 * kPageSize);
  config.stack_guard_gap = PageCount(5);
  config.aslr = random.chance(4);
  config.lazy_fork = random.chance(4);
  config.signals_kill = random.chance(4);
  config.seed = seed;
  config.dirty_expire_ns = 20'000'000;
  config.writeback_interval_ns = 5'000'000;
  config.verify_each_operation = each;
  scenario.verify_every = each ? ops : 20;  // the machine itself verifies after each
  for (std::size_t i = 0; i < ops; ++i) {
    const OpKind kind = draw_kind(random);
    scenario.ops.push_back({kind, random.next()});
  }
  return scenario;
}

std::string describe(const Scenario& scenario) {
  const MachineConfig& c = scenario.config;
  const auto number = [](const char* name, auto value) {
    return std::string(" ") + name + "=" + std::to_string(value);
  };
  return "seed=" + std::to_string(scenario.seed) + number("ops", scenario.ops.size()) +
         number("frames", c.ram.value >> kPageShift) + number("swap", c.swap.value >> kPageShift) +
         " policy=" + c.policy + number("levels", c.levels) + number("cpus", c.cpus) +
         number("pcid", c.cpu.tlb.pcid) + number("swappiness", c.swappiness) +
         number("min_free", c.min_free_pages) + number("limit", c.resident_limit_pages) +
         number("around", c.prefetch.fault_around_pages) +
         number("readahead", c.prefetch.file_readahead_pages) +
         number("swap_readahead", c.prefetch.swap_readahead_pages) +
         number("prepage", c.prefetch.prepage_pages) + number("aslr", c.aslr) +
         number("signals_kill", c.signals_kill);
}

}  // namespace pw::model
