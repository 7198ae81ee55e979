// A policy in the machine evicts what the same policy evicts in the curve engine: one algorithm,
// two uses. The machine faults, swaps, names pages anew each time they come back, and tells the
// policy of accessed bits out of page tables; the engine has a byte a page.
//
// One process, private memory, no background reclaim, frames limited to those of the engine. TLBs
// are flushed before each reference: the accessed bit is set by a walk, and a page that a TLB holds
// is not walked for.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "analysis/play.hpp"
#include "policy/catalogue.hpp"
#include "support/compare_policies.hpp"
#include "support/small_machine.hpp"

namespace pw {
namespace {

using test::frame_at;
using test::page;

struct Play {
  std::uint32_t pages, frames;
  int references;
  std::uint64_t seed;
};

std::unique_ptr<Machine> machine_with(std::string_view policy, std::uint32_t frames) {
  MachineConfig config = test::exact_config(ByteCount(4U << 20));
  config.swap = ByteCount(4U << 20);
  config.resident_limit_pages = frames;
  config.policy = policy;
  return test::make_machine(config);
}

// Private pages, which go to swap, or pages of a mapped file, which leave a shadow behind.
enum class Memory { Private, File };

VirtAddr map_pages(Machine& machine, Pid pid, Memory memory, std::uint32_t pages) {
  const ByteCount length(pages * kPageSize);
  if (memory == Memory::Private) return test::map(machine, pid, length);
  const FileId file = machine.open_file("data", std::make_unique<sim::MemoryStore>(length));
  return test::map_file(machine, pid, file, kReadWrite, true);
}

template <class P>
void expect_the_same(const Play& play, Memory memory) {
  policy::Setup setup;
  setup.ids = play.pages;
  setup.frames = play.frames;
  P policy(setup);
  analysis::Player<P> engine(policy, play.pages, play.frames);
  const auto machine = machine_with(P::kName, play.frames);
  const Pid pid = *machine->spawn();
  const VirtAddr base = map_pages(*machine, pid, memory, play.pages);
  const Access access = memory == Memory::Private ? Access::Write : Access::Read;
  test::RandomString string(play.seed, play.pages);
  for (int i = 0; i < play.references; ++i) {
    const policy::Id id = string.next();
    engine.reference(id, static_cast<std::uint64_t>(i));
    machine->mmu().cpu(0).flush_active_all();
    ASSERT_TRUE(machine->touch(pid, page(base, id), access).ok());
    for (std::uint32_t n = 0; n < play.pages; ++n) {
      ASSERT_EQ(frame_at(*machine, pid, page(base, n)) != kNoFrame, engine.resident(n))
          << P::kName << ": page " << n << " after reference " << i << " to page " << id
          << ", seed " << play.seed << ", " << play.frames << " frames";
    }
  }
  const MachineCounters& counters = machine->counters();
  const std::uint64_t misses = memory == Memory::Private
                                   ? counters.faults.anonymous + counters.faults.swap_in
                                   : counters.reclaim.file_read;
  EXPECT_EQ(misses, engine.played().misses);
  EXPECT_EQ(counters.reclaim.pgsteal_direct + counters.reclaim.pgsteal_kswapd,
            engine.played().evictions);
  EXPECT_EQ(counters.reclaim.pgsteal_kswapd, engine.played().given_up);
}

void expect_the_same_of_all(Memory memory) {
  policy::Everything::for_each([&]<class P>() {
    if constexpr (P::kNeeds != policy::Needs::Future) {
      for (std::uint64_t seed = 1; seed <= 10 && !testing::Test::HasFatalFailure(); ++seed) {
        const auto frames = static_cast<std::uint32_t>(1 + seed * 3 % 17);
        const auto more = static_cast<std::uint32_t>(seed % 3) * frames;
        expect_the_same<P>({frames + 1 + more, frames, 300, seed}, memory);
      }
    }
  });
}

TEST(PoliciesInMachine, EvictPrivatePagesAsInTheCurveEngine) {
  expect_the_same_of_all(Memory::Private);
}

TEST(PoliciesInMachine, EvictFilePagesAsInTheCurveEngine) { expect_the_same_of_all(Memory::File); }

TEST(PoliciesInMachine, NamesWhatItCannotRun) {
  MachineConfig config = test::exact_config(ByteCount(4U << 20));
  for (const auto& [policy, reason] : {std::pair{"opt", "the future"},
                                       {"magic", "there are fifo"},
                                       {"clock:fresh=7", "from 0 to 1"}}) {
    config.policy = policy;
    const auto machine = Machine::create(config);
    ASSERT_FALSE(machine) << policy;
    EXPECT_NE(machine.error().message.find(reason), std::string::npos) << machine.error().message;
  }
  config.policy = "clock:fresh=0";
  EXPECT_TRUE(Machine::create(config));
}

}  // namespace
}  // namespace pw
