// RP3: global and local replacement, and how local replacement divides the frames. A program that
// streams through memory lives beside one with a small working set.
#include <gtest/gtest.h>

#include "tests/support/small_machine.hpp"

namespace pw {
namespace {

using namespace pw::test;

MachineConfig config_of(Replacement replacement, Allocation allocation) {
  MachineConfig config = exact_config(4_MiB);
  config.verify_each_operation = false;
  config.swap = 64_MiB;
  config.policy = "lru";
  config.resident_limit_pages = 96;
  config.replacement = replacement;
  config.allocation = allocation;
  return config;
}

struct Program {
  Pid pid = 0;
  VirtAddr base;
  std::uint64_t pages = 0;
};

Program start(Machine& machine, std::uint64_t pages) {
  const Pid pid = *machine.spawn();
  return {pid, map(machine, pid, bytes_of(PageCount(pages))), pages};
}

std::uint64_t major_faults(Machine& machine, const Program& program) {
  return machine.find(program.pid)->space->counters().faults.major;
}

std::uint64_t frames_of(Machine& machine, const Program& program) {
  return machine.reclaimer().parts()[machine.find(program.pid)->space->id() + 1].frames;
}

// Every page of `small` again and again, while `stream` goes through its own once for each; how
// often `small` had to fetch pages back.
std::uint64_t disturbed(Replacement replacement) {
  const auto machine = make_machine(config_of(replacement, Allocation::Equal));
  const Program small = start(*machine, 32);
  const Program stream = start(*machine, 1'000);
  for (std::uint64_t i = 0; i < 4'000; ++i) {
    EXPECT_TRUE(machine->touch(stream.pid, page(stream.base, i % 1'000), Access::Write).ok());
    if (i % 8 != 0) continue;
    EXPECT_TRUE(machine->touch(small.pid, page(small.base, i / 8 % 32), Access::Write).ok());
  }
  EXPECT_TRUE(machine->verify());
  EXPECT_EQ(machine->counters().reclaim.local_evictions > 0, replacement == Replacement::Local);
  return major_faults(*machine, small);
}

TEST(LocalReplacementGolden, AStreamDoesNotTakeItsNeighboursPages) {
  EXPECT_GT(disturbed(Replacement::Global), 300U);
  EXPECT_EQ(disturbed(Replacement::Local), 0U);
}

// Both programs fill what they may have.
void fill(Machine& machine, const Program& a, const Program& b) {
  for (int round = 0; round < 3; ++round) {
    for (const Program* program : {&a, &b}) {
      for (std::uint64_t i = 0; i < program->pages; ++i) {
        EXPECT_TRUE(machine.touch(program->pid, page(program->base, i), Access::Write).ok());
      }
    }
  }
  EXPECT_TRUE(machine.verify());
}

TEST(LocalReplacementGolden, EqualAllocationGivesEachTheSame) {
  const auto machine = make_machine(config_of(Replacement::Local, Allocation::Equal));
  const Program a = start(*machine, 100), b = start(*machine, 300);
  fill(*machine, a, b);
  EXPECT_EQ(frames_of(*machine, a), 48U);
  EXPECT_EQ(frames_of(*machine, b), 48U);
}

// The textbook's a_i = s_i / S * m (Silberschatz, Galvin, Gagne, 10.5.2).
TEST(LocalReplacementGolden, ProportionalAllocationGoesBySize) {
  const auto machine = make_machine(config_of(Replacement::Local, Allocation::Proportional));
  const Program a = start(*machine, 100), b = start(*machine, 300);
  fill(*machine, a, b);
  EXPECT_EQ(frames_of(*machine, a), 96U * 100 / 400);
  EXPECT_EQ(frames_of(*machine, b), 96U * 300 / 400);
}

TEST(LocalReplacementGolden, PriorityTakesFromTheLowerAndLeavesItTheLeast) {
  const auto machine = make_machine(config_of(Replacement::Local, Allocation::Priority));
  const Program low = start(*machine, 200), high = start(*machine, 200);
  EXPECT_TRUE(machine->set_priority(high.pid, 2));
  EXPECT_FALSE(machine->set_priority(high.pid, -1));
  fill(*machine, low, high);  // `high` is last
  EXPECT_GT(machine->counters().reclaim.taken_from_lower, 0U);
  EXPECT_EQ(frames_of(*machine, low), Part::kLeast);
  EXPECT_EQ(frames_of(*machine, high), 96U - Part::kLeast);
}

TEST(LocalReplacementGolden, WhatAnEndedProcessLeavesGoesFirst) {
  MachineConfig config = config_of(Replacement::Local, Allocation::Equal);
  const auto machine = make_machine(config);
  const FileId file = machine->open_file("file", 64_KiB);
  const Program reader = start(*machine, 8), other = start(*machine, 200);
  const VirtAddr text = map_file(*machine, reader.pid, file, kReadOnly);
  for (std::uint64_t i = 0; i < 16; ++i) {
    EXPECT_TRUE(machine->touch(reader.pid, page(text, i), Access::Read).ok());
  }
  EXPECT_TRUE(machine->exit(reader.pid, 0));
  EXPECT_EQ(machine->reclaimer().parts()[0].frames, 16U);
  for (std::uint64_t i = 0; i < 200; ++i) {
    EXPECT_TRUE(machine->touch(other.pid, page(other.base, i), Access::Write).ok());
  }
  EXPECT_TRUE(machine->verify());
  EXPECT_EQ(machine->reclaimer().parts()[0].frames, 0U);
  EXPECT_EQ(frames_of(*machine, other), 96U);
}

}  // namespace
}  // namespace pw
