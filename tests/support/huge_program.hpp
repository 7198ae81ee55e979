// A program on a machine with huge pages, for tests.
#pragma once

#include "support/small_machine.hpp"
#include "view/area_sizes.hpp"

namespace pw::test {

inline constexpr std::uint64_t kHuge = HugeBlocks::kFrames;

inline MachineConfig huge_config(ByteCount ram, HugePages policy = HugePages::Always) {
  MachineConfig config = exact_config(ram);
  config.swap = 64_MiB;
  config.verify_each_operation = false;  // at the end of each test
  config.linux_options.huge_pages = policy;
  return config;
}

// A machine with one process, and an area of so many pages that begins at a border of 2 MiB.
struct HugeProgram {
  explicit HugeProgram(std::uint64_t pages, const MachineConfig& config = huge_config(64_MiB))
      : machine(make_machine(config)), pid(*machine->spawn()) {
    at = *map_at(*machine, pid, std::uint64_t{1} << 32, bytes_of(PageCount(pages)));
  }
  ~HugeProgram() { expect_sound(); }
  HugeProgram(const HugeProgram&) = delete;
  HugeProgram& operator=(const HugeProgram&) = delete;
  AddressSpace& space(Pid who) { return *machine->find(who)->space; }
  std::uint64_t resident(Pid who) { return space(who).counters().resident_pages; }
  std::uint64_t resident() { return resident(pid); }
  std::uint64_t minor() { return space(pid).counters().faults.minor; }
  const HugeCounters& huge() { return machine->counters().huge; }
  std::uint64_t mapped_huge(Pid who) {
    return view::sizes_of(*machine, space(who)).anonymous_huge / (kHuge * kPageSize);
  }
  std::uint64_t mapped_huge() { return mapped_huge(pid); }
  void write_all(std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t i = first; i < end; ++i) {
      ASSERT_TRUE(store(*machine, pid, page(at, i), i + 1).ok());
    }
  }
  void expect_all(Pid who, std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t i = first; i < end; ++i) {
      ASSERT_EQ(load(*machine, who, page(at, i)), i + 1) << "page " << i;
    }
  }
  void expect_sound() {
    const auto sound = machine->verify();
    EXPECT_TRUE(sound) << sound.error().message;
  }
  ByteCount pages(std::uint64_t n) { return bytes_of(PageCount(n)); }

  std::unique_ptr<Machine> machine;
  Pid pid;
  VirtAddr at;
};

}  // namespace pw::test
