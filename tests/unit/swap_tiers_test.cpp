// Swap in tiers: several areas by priority, one of them compressed and in RAM itself.
#include <gtest/gtest.h>

#include <cstring>

#include "ports/host/compressed_store.hpp"
#include "tests/support/small_machine.hpp"

namespace pw {
namespace {

using namespace pw::test;

// A page that zstd makes small, one of noise, one of a repeated word.
enum class Fill : std::uint8_t { Text, Noise, Same };

std::vector<std::byte> page_of_kind(Fill fill, std::uint64_t seed) {
  std::vector<std::byte> page(kPageSize);
  Random random(seed);
  for (std::size_t at = 0; at < kPageSize; at += 8) {
    std::uint64_t word = seed * 0x0101'0101'0101'0101ULL;
    if (fill == Fill::Noise) word = random.next();
    if (fill == Fill::Text) word = at % 64 == 0 ? random.next() : at;
    std::memcpy(&page[at], &word, sizeof word);
  }
  return page;
}

class CountingCharge final : public MemoryCharge {
 public:
  explicit CountingCharge(std::uint64_t limit) : limit_(limit) {}
  bool take_frame() override { return taken_ < limit_ && ++taken_ > 0; }
  void return_frame() override { --taken_; }
  std::uint64_t frames() const override { return taken_; }

 private:
  std::uint64_t limit_, taken_ = 0;
};

TEST(CompressedStore, GivesBackWhatWasWrittenAndChargesWhatItKeeps) {
  CountingCharge charge(1000);
  host::CompressedStore store(charge);
  ASSERT_TRUE(store.resize(1_MiB));
  std::vector<std::byte> out(kPageSize);
  for (std::uint64_t i = 0; i < 256; ++i) {
    const auto page = page_of_kind(i % 4 == 0 ? Fill::Same : Fill::Text, i);
    ASSERT_TRUE(store.write(bytes_of(PageCount(i)), page));
    ASSERT_TRUE(store.read(bytes_of(PageCount(i)), out));
    ASSERT_EQ(out, page);
  }
  EXPECT_EQ(store.stored_pages(), 256U);
  EXPECT_EQ(store.same_filled_pages(), 64U);
  EXPECT_EQ(charge.frames(), pages_for(store.compressed_bytes()).value);
  EXPECT_GT(charge.frames(), 10U);
  EXPECT_LT(charge.frames(), 100U);
  store.discard(ByteCount(0), 1_MiB);
  EXPECT_EQ(charge.frames(), 0U);
  ASSERT_TRUE(store.read(ByteCount(0), out));
  EXPECT_EQ(out, std::vector<std::byte>(kPageSize));
}

TEST(CompressedStore, RefusesWhatFreesNothing) {
  CountingCharge charge(1000);
  host::CompressedStore store(charge);
  ASSERT_TRUE(store.resize(1_MiB));
  EXPECT_FALSE(store.write(ByteCount(0), page_of_kind(Fill::Noise, 1)));
  EXPECT_EQ(charge.frames(), 0U);
}

TEST(CompressedStore, RefusesWhatFindsNoRoom) {
  CountingCharge charge(1);
  host::CompressedStore store(charge);
  ASSERT_TRUE(store.resize(1_MiB));
  std::uint64_t kept = 0;
  while (store.write(bytes_of(PageCount(kept)), page_of_kind(Fill::Text, kept + 1))) ++kept;
  EXPECT_GE(kept, 3U);
  EXPECT_LE(store.compressed_bytes(), 4_KiB);
  EXPECT_TRUE(store.write(bytes_of(PageCount(kept)), page_of_kind(Fill::Same, 3)))
      << "costs nothing";
  EXPECT_EQ(store.write(ByteCount(1), page_of_kind(Fill::Same, 3)).error().code, Errno::Invalid);
}

class SwapTiers : public ::testing::Test {
 protected:
  void make(ByteCount ram, ByteCount compressed, ByteCount disk) {
    MachineConfig config = exact_config(ram);
    config.min_free_pages = -1;
    config.verify_each_operation = false;
    machine = make_machine(config);
    if (compressed.value > 0) {
      auto store = std::make_unique<host::CompressedStore>(machine->kernel_memory());
      tier = store.get();
      ASSERT_TRUE(machine->add_swap(std::move(store), compressed, 100, kZram));
    }
    if (disk.value > 0) {
      auto store = std::make_unique<sim::MemoryStore>(ByteCount(0));
      ASSERT_TRUE(machine->add_swap(std::move(store), disk, 1, kSsd));
    }
    pid = *machine->spawn();
  }
  bool put(std::uint64_t n, Fill fill, std::uint64_t seed) {
    return machine->write(pid, page(base, n), page_of_kind(fill, seed)).ok();
  }
  bool holds(std::uint64_t n, Fill fill, std::uint64_t seed) {
    std::vector<std::byte> out(kPageSize);
    return machine->read(pid, page(base, n), out).ok() && out == page_of_kind(fill, seed);
  }

  std::unique_ptr<Machine> machine;
  host::CompressedStore* tier = nullptr;
  Pid pid = 0;
  VirtAddr base;
};

TEST_F(SwapTiers, ContentsSurviveManyTripsThroughEveryTier) {
  make(1_MiB, 2_MiB, 4_MiB);
  base = map(*machine, pid, 4_MiB);
  constexpr std::uint64_t kPages = 1024;
  const auto fill_of = [](std::uint64_t n) { return static_cast<Fill>(n % 3); };
  std::vector<std::uint64_t> seed(kPages);
  std::uint64_t most = 0;
  for (std::uint64_t round = 1; round <= 8; ++round) {
    for (std::uint64_t n = 0; n < kPages; ++n) {
      if (round > 1) {
        ASSERT_TRUE(holds(n, fill_of(n), seed[n])) << "page " << n;
      }
      if ((n + round) % 3 != 0 && round > 1) continue;
      seed[n] = n * 100 + round;
      ASSERT_TRUE(put(n, fill_of(n), seed[n]));
    }
    most = std::max(most, tier->stored_pages());
    ASSERT_EQ(machine->kernel_memory().frames(), tier->charged_frames());
    ASSERT_TRUE(machine->verify());
  }
  EXPECT_GT(most, 100U) << "the compressed tier was not used";
  EXPECT_GT(machine->swap().used_slots(), most) << "the disk was not used";
  EXPECT_GT(machine->counters().reclaim.pswpin, 4000U);
}

TEST_F(SwapTiers, TheCompressedTierTakesItsRoomFromRam) {
  make(1_MiB, 16_MiB, 0_KiB);
  base = map(*machine, pid, 8_MiB);
  std::uint64_t written = 0;
  while (written < 2048 && put(written, Fill::Text, written)) ++written;
  // 256 frames hold about 4 compressed pages each, and never as many as 16 MiB of slots would.
  EXPECT_GT(written, 500U);
  EXPECT_LT(written, 1800U);
  EXPECT_EQ(machine->find(pid)->cause, ExitCause::OutOfMemory);
  EXPECT_EQ(machine->kernel_memory().frames(), 0U) << "its pages are gone, and so is the charge";
  EXPECT_EQ(machine->swap().used_slots(), 0U);
  ASSERT_TRUE(machine->verify());
}

TEST_F(SwapTiers, PagesReadAgainGiveTheirRoomBack) {
  make(1_MiB, 16_MiB, 0_KiB);
  base = map(*machine, pid, 2_MiB);
  for (std::uint64_t n = 0; n < 400; ++n) ASSERT_TRUE(put(n, Fill::Text, n));
  const std::uint64_t before = machine->kernel_memory().frames();
  ASSERT_GT(before, 20U);
  ASSERT_TRUE(machine->munmap(pid, base, 2_MiB));
  EXPECT_EQ(machine->kernel_memory().frames(), 0U);
}

TEST_F(SwapTiers, WhenEveryTierIsFullTheOneWhoAsksIsKilled) {
  make(1_MiB, 0_KiB, 1_MiB);
  const Pid other = *machine->spawn();
  const VirtAddr small = map(*machine, other, 4_KiB);
  ASSERT_TRUE(store(*machine, other, small, 77).ok());
  base = map(*machine, pid, 8_MiB);
  std::uint64_t written = 0;
  while (written < 2048 && put(written, Fill::Noise, written)) ++written;
  EXPECT_GT(written, 256 + 200U);
  EXPECT_LE(written, 512U);
  EXPECT_EQ(machine->find(pid)->cause, ExitCause::OutOfMemory);
  EXPECT_EQ(machine->counters().reclaim.oom_kills, 1U);
  EXPECT_EQ(load(*machine, other, small), 77U);
  ASSERT_TRUE(machine->verify());
}

// A program that walks `anonymous` pages, again and again, beside a file: which of them are
// evicted?
struct Stolen {
  std::uint64_t anonymous = 0, file = 0;
};
Stolen stolen_with(int swappiness) {
  MachineConfig config = exact_config(1_MiB);
  config.swap = 16_MiB;
  config.swappiness = swappiness;
  const auto machine = make_machine(config);
  const Pid pid = *machine->spawn();
  const VirtAddr base = map(*machine, pid, 512_KiB);
  const FileId file = machine->open_file("data", std::make_unique<sim::MemoryStore>(2_MiB));
  const VirtAddr mapped = map_file(*machine, pid, file, kReadOnly);
  for (std::uint64_t i = 0; i < 512; ++i) {
    EXPECT_TRUE(store(*machine, pid, page(base, i % 128), i).ok());
    EXPECT_TRUE(machine->touch(pid, page(mapped, i), Access::Read).ok());
  }
  const ReclaimCounters& counters = machine->counters().reclaim;
  return {counters.pswpout, counters.pgsteal_direct + counters.pgsteal_kswapd - counters.pswpout};
}

TEST(Swappiness, ChoosesBetweenAnonymousAndFilePages) {
  const Stolen none = stolen_with(0), half = stolen_with(100), all = stolen_with(200);
  EXPECT_EQ(none.anonymous, 0U);
  EXPECT_GT(none.file, 300U);
  EXPECT_GT(half.anonymous, 50U);
  EXPECT_GT(half.file, 50U);
  EXPECT_GT(all.anonymous, half.anonymous);
  EXPECT_LT(all.file, half.file);
}

}  // namespace
}  // namespace pw
