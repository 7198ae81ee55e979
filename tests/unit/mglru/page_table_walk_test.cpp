// The walk that ages: which tables it reads, which it leaves out, and what becomes of the pages
// that were referenced. The page tables and accessed bits are those of a machine; the generations
// are the test's own.
#include "reclaim/mglru/page_table_walk.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/random.hpp"
#include "machine/machine.hpp"

namespace pw {
namespace {

constexpr std::uint64_t kTable = 512;  // pages below an entry of level 2
constexpr VirtAddr kBase{1ULL << 32};

class WalkTest : public ::testing::Test {
 protected:
  WalkTest() {
    MachineConfig config;
    config.contents = Contents::MetadataOnly;
    config.ram = ByteCount(256ULL << 20);
    config.model = MemoryModel::Linux;
    machine_ = std::move(*Machine::create(config));
    pid_ = *machine_->spawn();
    flags_.emplace(config.ram.value >> kPageShift);
    generations_.emplace(*flags_, config.ram.value >> kPageShift);
    walk_.emplace(*generations_, [](Pfn pfn) { return LruUnit(pfn); });
    walk_->space_began(space());
  }
  AddressSpace& space() { return *machine_->find(pid_)->space; }
  void map(std::uint64_t first, std::uint64_t pages) {
    MmapRequest request;
    request.address = at(first);
    request.fixed = true;
    request.length = ByteCount(pages * kPageSize);
    request.rights = {true, true, false};
    ASSERT_TRUE(machine_->mmap(pid_, request));
    for (std::uint64_t i = first; i < first + pages; ++i) {
      ASSERT_TRUE(machine_->touch(pid_, at(i), Access::Write).ok());
      generations_->add(frame(i), {});
    }
  }
  static VirtAddr at(std::uint64_t page) { return kBase + ByteCount(page * kPageSize); }
  x86::Pte& entry(std::uint64_t page) { return *space().tables().find(page_of(at(page))); }
  Pfn frame(std::uint64_t page) { return entry(page).pfn(); }
  x86::Pte& directory(std::uint64_t page) { return *space().tables().find(page_of(at(page)), 2); }
  void touch(std::uint64_t page) {
    machine_->mmu().drop_space(space().id(), FlushReason::Unmap);
    ASSERT_TRUE(machine_->touch(pid_, at(page), Access::Read).ok());
  }
  // A walk of a program that has run, and the generation that it begins.
  PageTableWalk::Counts walk(int swappiness = 60, bool ran = true) {
    const PageTableWalk::Counts before = walk_->counts();
    if (ran) walk_->ran(space().id());
    (void)walk_->run(machine_->core(), swappiness);
    generations_->add_youngest(swappiness);
    PageTableWalk::Counts now = walk_->counts();
    return {now.walks - before.walks,      now.spaces - before.spaces, now.leaves - before.leaves,
            now.young - before.young,      now.found - before.found,   now.added - before.added,
            now.promoted - before.promoted};
  }

  std::unique_ptr<Machine> machine_;
  Pid pid_ = 0;
  std::optional<LruLists> flags_;
  std::optional<Generations> generations_;
  std::optional<PageTableWalk> walk_;
};

TEST_F(WalkTest, TheFirstReadsAllOfAProgramThatIsNew) {
  map(0, 3 * kTable);
  const auto first = walk();
  EXPECT_EQ(first.spaces, 1U);
  EXPECT_EQ(first.found, 3U);
  EXPECT_EQ(first.added, 3U);
  EXPECT_EQ(first.leaves, 3 * kTable);
  EXPECT_EQ(first.young, 3 * kTable);
  EXPECT_EQ(first.promoted, 0U);  // seen for the first time
  for (std::uint64_t i = 0; i < 3 * kTable; ++i) {
    EXPECT_FALSE(entry(i).accessed());
    EXPECT_TRUE(flags_->has(frame(i), kLruReferenced));
  }
  EXPECT_TRUE(directory(0).accessed());  // not asked about
}

TEST_F(WalkTest, ATableThatNobodyHasUsedIsReadOnceMoreAndThenLeftOut) {
  map(0, kTable);
  (void)walk();
  EXPECT_EQ(walk().found, 1U);  // its entry's bit was there still
  EXPECT_FALSE(directory(0).accessed());
  const auto third = walk();
  EXPECT_EQ(third.spaces, 1U);
  EXPECT_EQ(third.found, 0U);
  EXPECT_EQ(third.leaves, 0U);
}

TEST_F(WalkTest, ThinlyUsedTablesAreLeftToEvictionWhichMayNameThem) {
  map(0, kTable);
  (void)walk();
  (void)walk();
  walk_->note_dense(space(), page_of(at(7)));
  EXPECT_EQ(walk().found, 0U);  // named, but no walk of the CPU has been there since
  touch(7);
  EXPECT_TRUE(directory(0).accessed());
  EXPECT_EQ(walk().found, 0U);  // in no filter
  EXPECT_TRUE(entry(7).accessed());
  EXPECT_FALSE(directory(0).accessed());
  touch(8);
  walk_->note_dense(space(), page_of(at(8)));
  const auto named = walk();
  EXPECT_EQ(named.found, 1U);
  EXPECT_EQ(named.young, 2U);
  EXPECT_EQ(named.added, 0U);
  // What the first walk saw was forgotten when the pages were pushed on from the oldest generation.
  EXPECT_EQ(named.promoted, 0U);
}

TEST_F(WalkTest, TheSecondReferenceMovesAPageToTheYoungestGeneration) {
  map(0, kTable);
  (void)walk_->run(machine_->core(), 60);
  touch(8);
  touch(9);
  walk_->ran(space().id());
  (void)walk_->run(machine_->core(), 60);
  EXPECT_EQ(walk_->counts().promoted, 2U);
  EXPECT_TRUE(generations_->in_youngest(frame(8)));
  EXPECT_TRUE(flags_->has(frame(8), kLruWorkingset));
  EXPECT_FALSE(generations_->in_youngest(frame(10)));
  EXPECT_EQ(generations_->size(false, generations_->max_seq()), 2U);
}

TEST_F(WalkTest, AnEighthOfATableInUseKeepsItInTheFilter) {
  map(0, 2 * kTable);
  (void)walk();
  for (std::uint64_t i = 0; i < kTable / 8; ++i) touch(i * 8);
  for (std::uint64_t i = 1; i < kTable / 8; ++i) touch(kTable + i * 8);
  const auto second = walk();
  EXPECT_EQ(second.found, 2U);
  EXPECT_EQ(second.young, kTable / 4 - 1);
  EXPECT_EQ(second.added, 1U);
  touch(0);
  touch(kTable);
  const auto third = walk();
  EXPECT_EQ(third.found, 1U);
  EXPECT_FALSE(entry(0).accessed());
  EXPECT_TRUE(entry(kTable).accessed());
}

TEST_F(WalkTest, ProgramsThatHaveNotRunAreLeftOut) {
  map(0, kTable);
  (void)walk();
  touch(1);
  EXPECT_EQ(walk(60, false).spaces, 0U);
  EXPECT_TRUE(entry(1).accessed());
  EXPECT_EQ(walk().spaces, 1U);
  walk_->space_ended(space().id());
  EXPECT_EQ(walk().spaces, 0U);
}

TEST_F(WalkTest, AreasWhoseReferencesTellNothingAreLeftOut) {
  map(0, 5 * kTable);
  const auto bytes = ByteCount(kTable * kPageSize);
  ASSERT_TRUE(machine_->madvise(pid_, at(0), bytes, Advice::Random));
  ASSERT_TRUE(machine_->madvise(pid_, at(kTable), bytes, Advice::Sequential));
  ASSERT_TRUE(machine_->mlock(pid_, at(2 * kTable), bytes));
  ASSERT_TRUE(machine_->mprotect(pid_, at(3 * kTable), bytes, Rights{}));
  EXPECT_EQ(walk(0).found, 0U);  // nor anonymous memory when there is no swap
  walk_->space_ended(space().id());
  walk_->space_began(space());
  const auto walked = walk();
  EXPECT_EQ(walked.found, 1U);
  EXPECT_EQ(walked.young, kTable);
  for (std::uint64_t i = 0; i < 5 * kTable; ++i) EXPECT_EQ(entry(i).accessed(), i < 4 * kTable);
}

// Against a reference that asks each page by itself.
TEST_F(WalkTest, OfANewProgramEachPageInUseIsFoundAndNoOther) {
  Random random(9);
  std::set<std::uint64_t> mapped;
  for (std::uint64_t first = 0; first < 40 * kTable;) {
    first += random.below(2 * kTable);
    const std::uint64_t pages = 1 + random.below(200);
    map(first, pages);
    for (std::uint64_t i = 0; i < pages; ++i) mapped.insert(first + i);
    first += pages;
  }
  for (int round = 0; round < 6; ++round) {
    std::set<std::uint64_t> in_use, known, youngest;
    for (const std::uint64_t page : mapped) {
      if (random.below(3) == 0) {
        entry(page).raw |= x86::kAccessed;
        in_use.insert(page);
      } else {
        entry(page).raw &= ~x86::kAccessed;
      }
      if (flags_->has(frame(page), kLruReferenced | kLruWorkingset)) known.insert(page);
    }
    walk_->space_ended(space().id());
    walk_->space_began(space());
    const std::uint64_t seq = generations_->max_seq();
    for (const std::uint64_t page : mapped) {
      if (generations_->in_youngest(frame(page))) youngest.insert(page);
    }
    EXPECT_EQ(walk().young, in_use.size());
    for (const std::uint64_t page : mapped) {
      const bool used = in_use.contains(page);
      EXPECT_FALSE(entry(page).accessed());
      const bool promoted = used && known.contains(page);
      EXPECT_EQ(generations_->generation(frame(page)) == seq % 4,
                promoted || youngest.contains(page))
          << page;
      EXPECT_TRUE(!promoted || flags_->has(frame(page), kLruWorkingset));
    }
    EXPECT_EQ(generations_->check(), nullptr);
  }
}

}  // namespace
}  // namespace pw
