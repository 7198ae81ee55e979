// RP3: how dirty pages go: clean ones first where reclaim is told to prefer them, and neighbours
// together in one request where it may cluster.
#include <gtest/gtest.h>

#include "tests/support/small_machine.hpp"

namespace pw {
namespace {

using namespace pw::test;

constexpr std::uint64_t kPages = 64;

struct Traffic {
  std::uint64_t writes = 0, pages = 0;  // requests and pages to the swap device
  std::uint64_t clustered = 0, passed = 0;
};

Traffic traffic_of(Machine& machine) {
  const SwapSpace::Traffic swap = machine.swap().traffic();
  Traffic traffic;
  traffic.writes = swap.requests - swap.reads;
  traffic.pages = machine.counters().reclaim.pswpout;
  traffic.clustered = machine.counters().reclaim.clustered;
  traffic.passed = machine.counters().reclaim.dirty_passed;
  return traffic;
}

// Clears the accessed bits of pages from `base` on, as a scan would.
void clear_accessed(Machine& machine, Pid pid, VirtAddr base, std::uint64_t pages) {
  x86::PageTables& tables = machine.find(pid)->space->tables();
  for (std::uint64_t i = 0; i < pages; ++i) {
    tables.find(page_of(page(base, i)))->raw &= ~x86::kAccessed;
  }
}

// Writes 64 pages one after the other, then reclaims them all; every byte comes back.
Traffic write_and_reclaim(std::uint32_t cluster) {
  MachineConfig config = exact_config(4_MiB);
  config.swap = 16_MiB;
  config.policy = "fifo";
  config.page_out_cluster = cluster;
  const auto machine = make_machine(config);
  const Pid pid = *machine->spawn();
  const VirtAddr base = map(*machine, pid, bytes_of(PageCount(kPages)));
  for (std::uint64_t i = 0; i < kPages; ++i) {
    EXPECT_TRUE(store(*machine, pid, page(base, i), i + 1).ok());
  }
  machine->advance(1'000'000);
  clear_accessed(*machine, pid, base, kPages);  // nobody has looked at them since
  EXPECT_EQ(machine->reclaimer().reclaim(kPages), kPages);
  EXPECT_TRUE(machine->verify());
  const Traffic traffic = traffic_of(*machine);
  for (std::uint64_t i = 0; i < kPages; ++i) EXPECT_EQ(load(*machine, pid, page(base, i)), i + 1);
  return traffic;
}

TEST(PageOutGolden, NeighboursGoInOneRequest) {
  const Traffic alone = write_and_reclaim(1);
  EXPECT_EQ(alone.writes, kPages);
  EXPECT_EQ(alone.pages, kPages);
  EXPECT_EQ(alone.clustered, 0U);
  const Traffic together = write_and_reclaim(8);
  EXPECT_EQ(together.writes, kPages / 8);
  EXPECT_EQ(together.pages, kPages);  // each page is written once all the same
  EXPECT_EQ(together.clustered, kPages - kPages / 8);
}

TEST(PageOutGolden, APageWrittenAheadThatChangesIsWrittenAgain) {
  MachineConfig config = exact_config(4_MiB);
  config.swap = 16_MiB;
  config.policy = "fifo";
  config.page_out_cluster = 4;
  const auto machine = make_machine(config);
  const Pid pid = *machine->spawn();
  const VirtAddr base = map(*machine, pid, bytes_of(PageCount(4)));
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(store(*machine, pid, page(base, i), 7).ok());
  machine->advance(1'000'000);
  clear_accessed(*machine, pid, base, 4);
  EXPECT_EQ(machine->reclaimer().reclaim(1), 1U);
  EXPECT_EQ(traffic_of(*machine).pages, 4U);
  EXPECT_TRUE(store(*machine, pid, page(base, 2), 8).ok());  // its copy is out of date
  EXPECT_EQ(machine->reclaimer().reclaim(3), 3U);
  EXPECT_EQ(traffic_of(*machine).pages, 5U);
  EXPECT_EQ(load(*machine, pid, page(base, 1)), 7U);
  EXPECT_EQ(load(*machine, pid, page(base, 2)), 8U);
}

TEST(PageOutGolden, FilePagesAreClusteredToo) {
  MachineConfig config = exact_config(4_MiB);
  config.policy = "fifo";
  config.page_out_cluster = 16;
  const auto machine = make_machine(config);
  const Pid pid = *machine->spawn();
  const FileId file = machine->open_file("file", 64_KiB);
  const VirtAddr base = map_file(*machine, pid, file, kReadWrite, true);
  for (std::uint64_t i = 0; i < 16; ++i) {
    EXPECT_TRUE(machine->touch(pid, page(base, i), Access::Write).ok());
  }
  machine->advance(1'000'000);
  clear_accessed(*machine, pid, base, 16);
  EXPECT_EQ(machine->reclaimer().reclaim(1), 1U);
  EXPECT_EQ(machine->counters().reclaim.file_written, 16U);
  EXPECT_EQ(machine->counters().reclaim.clustered, 15U);
  EXPECT_TRUE(machine->verify());
}

// Pages written and pages only read again, in turns: reclaim that prefers clean ones writes
// nothing while there are any.
TEST(PageOutGolden, CleanPagesGoFirst) {
  for (const std::uint32_t prefer : {0U, 64U}) {
    MachineConfig config = exact_config(4_MiB);
    config.swap = 16_MiB;
    config.policy = "fifo";
    config.prefer_clean = prefer;
    const auto machine = make_machine(config);
    const Pid pid = *machine->spawn();
    const VirtAddr base = map(*machine, pid, bytes_of(PageCount(16)));
    for (std::uint64_t i = 0; i < 16; ++i) EXPECT_TRUE(store(*machine, pid, page(base, i), i).ok());
    machine->advance(1'000'000);
    EXPECT_EQ(machine->reclaimer().reclaim(16), 16U);
    for (std::uint64_t i = 0; i < 16; ++i) {  // all back, half of them changed
      EXPECT_EQ(load(*machine, pid, page(base, i)), i);
      if (i % 2 == 0) {
        EXPECT_TRUE(store(*machine, pid, page(base, i), i + 1).ok());
      }
    }
    machine->advance(1'000'000);
    const std::uint64_t before = traffic_of(*machine).pages;
    EXPECT_EQ(machine->reclaimer().reclaim(8), 8U);
    EXPECT_EQ(traffic_of(*machine).pages - before, prefer == 0 ? 4U : 0U);
    EXPECT_EQ(traffic_of(*machine).passed > 0, prefer > 0);
    EXPECT_EQ(machine->reclaimer().reclaim(8), 8U);  // what is left goes all the same
    EXPECT_EQ(traffic_of(*machine).pages - before, 8U);
    for (std::uint64_t i = 0; i < 16; ++i) {
      EXPECT_EQ(load(*machine, pid, page(base, i)), i % 2 == 0 ? i + 1 : i);
    }
  }
}

}  // namespace
}  // namespace pw
