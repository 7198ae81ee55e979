// The page cache's reading side against what Linux 6.18 was seen to do on ext4: every file of
// tests/data/readahead is a program of reads, writes, mappings and touches with the faults, the
// pages of the page cache and the translations after each of them (test_diff records them: see
// tests/diff/readahead_test.cpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/random.hpp"
#include "support/readahead_machine.hpp"

namespace pw::readahead {
namespace {

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string first_difference(const std::string& expected, const std::string& got) {
  std::istringstream left(expected), right(got);
  std::string a, b, before;
  for (int line = 1; std::getline(left, a); ++line) {
    if (!std::getline(right, b) || a != b) {
      return "line " + std::to_string(line) + " after \"" + before + "\"\n  kernel  " + a +
             "\n  machine " + b;
    }
    before = a;
  }
  return "the machine says more";
}

TEST(Readahead, EveryStepOfTheRecordedProgramsIsTheKernels) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(PW_SOURCE_DIR "/tests/data/readahead")) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  ASSERT_GE(paths.size(), 20U);
  for (const auto& path : paths) {
    const std::string expected = contents(path);
    Case c;
    ASSERT_TRUE(read_case(expected, c)) << path;
    MachinePlayer player(c);
    const std::string got = transcript(c, player);
    EXPECT_EQ(expected == got, true) << path.filename() << ", " << first_difference(expected, got);
    const Result<void> sound = player.machine().verify();
    EXPECT_TRUE(sound) << path.filename() << ": " << sound.error().message;
  }
}

struct Faults {
  std::uint64_t minor = 0, major = 0;
  friend bool operator==(const Faults&, const Faults&) = default;
};

// A file of 512 MiB that is not in memory, touched 131,072 times at random and then from end to
// end.
struct RandomThenAll {
  explicit RandomThenAll(Advice advice) {
    MachineConfig config;
    config.ram = ByteCount(1ULL << 30);
    config.contents = Contents::MetadataOnly;
    config.model = MemoryModel::Linux;
    config.cold_page_cache = true;
    auto machine = std::move(*Machine::create(config));
    const Pid pid = *machine->spawn("mmapfile");
    constexpr std::uint64_t kPages = 131'072;
    MmapRequest request;
    request.length = ByteCount(kPages * kPageSize);
    request.rights = kReadOnly;
    request.backing = &machine->object(machine->open_file("file", request.length));
    const VirtAddr address = *machine->mmap(pid, request);
    EXPECT_TRUE(machine->madvise(pid, address, request.length, advice));
    std::uint64_t state = 7;
    for (std::uint64_t i = 0; i < kPages; ++i) {
      const std::uint64_t page = mix64(state += 0x9E3779B97F4A7C15ULL) % kPages;
      (void)machine->touch(pid, address + ByteCount(page * kPageSize), Access::Read);
    }
    random = {machine->counters().faults.minor, machine->counters().faults.major};
    for (std::uint64_t page = 0; page < kPages; ++page) {
      (void)machine->touch(pid, address + ByteCount(page * kPageSize), Access::Read);
    }
    all = {machine->counters().faults.minor - random.minor,
           machine->counters().faults.major - random.major};
  }

  Faults random, all;
};

// The kernel: 5,583 major faults each time, 82,579 and 48,493 with MADV_RANDOM.
TEST(Readahead, ABigFileTakesTheKernelsFaultsToTheLast) {
  const RandomThenAll plain(Advice::Normal);
  EXPECT_EQ(plain.random, (Faults{6787, 5582}));
  EXPECT_EQ(plain.all, (Faults{1684, 1}));
  const RandomThenAll alone(Advice::Random);
  EXPECT_EQ(alone.random, (Faults{0, 82'579}));
  EXPECT_EQ(alone.all, (Faults{0, 48'493}));
}

// Faults of reading all of a cached file once, forwards: written `chunk` pages at a time.
std::uint64_t faults_of_reading(std::uint64_t pages, std::uint64_t chunk) {
  Case c;
  c.bytes = pages * kPage;
  c.chunk = chunk * kPage;
  c.cold = false;
  MachinePlayer player(c);
  Step map;
  map.kind = Kind::Map;
  map.b = pages;
  player.play(map);
  for (std::uint64_t page = 0; page < pages; ++page) player.play({Kind::Load, 0, page});
  return player.look().minor;
}

TEST(Readahead, OneFaultMapsAFolio) {
  EXPECT_EQ(faults_of_reading(4096, 1), 256U);   // windows of 16 pages
  EXPECT_EQ(faults_of_reading(4096, 256), 31U);  // the folio at the end of the file by windows
  EXPECT_EQ(faults_of_reading(256, 256), 1U);    // but not if it is the first in its page table
}

}  // namespace
}  // namespace pw::readahead
