// PageTables against a plain map: what they remember of tables used last is never of a table that
// has gone.
#include "arch/x86/page_tables.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/random.hpp"

namespace pw::x86 {
namespace {

// Frames for tables; one that was freed is the next to be given out.
class Frames final : public TableFrames {
 public:
  TableMemory memory() { return TableMemory(reinterpret_cast<std::byte*>(words_.data())); }
  bool allocate_table(int, Pfn& out) override {
    if (free_.empty()) return false;
    out = free_.back();
    free_.pop_back();
    std::fill_n(memory().table(out), kEntriesPerTable, std::uint64_t{0});
    return true;
  }
  void free_table(Pfn table) override { free_.push_back(table); }
  std::uint16_t& entries(Pfn table) override { return entries_[table.value]; }
  std::size_t taken() const { return kFrames - free_.size(); }

 private:
  static constexpr std::uint64_t kFrames = 300;
  static std::vector<Pfn> all() {
    std::vector<Pfn> frames;
    for (std::uint64_t pfn = kFrames; pfn-- > 0;) frames.push_back(Pfn(pfn));
    return frames;
  }
  std::vector<std::uint64_t> words_ = std::vector<std::uint64_t>(kFrames * kEntriesPerTable);
  std::vector<std::uint16_t> entries_ = std::vector<std::uint16_t>(kFrames);
  std::vector<Pfn> free_ = all();
};

// Blocks of pages, each with a table of its own; of eight neighbours, then as many far away, so
// that many have one place among the tables used last.
Vpn page_of_block(std::uint64_t block, std::uint64_t page) {
  return Vpn(((block % 8) + (block / 8) * 64) * kEntriesPerTable + page);
}

TEST(PageTables, FindWhatIsMapped) {
  constexpr std::uint64_t kBlocks = 120, kPages = 4;
  constexpr std::uint64_t kFlags = kPresent | kUser;
  Random random(31);
  Frames frames;
  PageTables tables(frames.memory(), frames, 4);
  ASSERT_TRUE(tables.create_root());
  std::map<std::uint64_t, std::uint64_t> plain;  // vpn -> pfn
  for (int step = 0; step < 30'000; ++step) {
    const Vpn vpn = page_of_block(random.below(kBlocks), random.below(kPages));
    const std::uint64_t what = random.below(100);
    if (what < 50) {
      const Pfn pfn(1 + random.below(1U << 20));
      Pte* entry = tables.ensure(vpn);
      ASSERT_NE(entry, nullptr);
      tables.write(entry, Pte::make(pfn, kFlags));
      plain[vpn.value] = pfn.value;
    } else if (what < 99) {
      tables.clear(vpn);
      plain.erase(vpn.value);
    } else {
      const Vpn end = vpn + PageCount(1 + random.below(100 * kEntriesPerTable));
      tables.clear_range({vpn, end}, [](Vpn, int, Pte) {});
      plain.erase(plain.lower_bound(vpn.value), plain.lower_bound(end.value));
    }
    for (int asked = 0; asked < 8; ++asked) {
      const Vpn other = page_of_block(random.below(kBlocks), random.below(kPages));
      const Pte* entry = tables.find(other);
      const auto known = plain.find(other.value);
      ASSERT_EQ(entry != nullptr && entry->present(), known != plain.end()) << step;
      if (known != plain.end()) {
        ASSERT_EQ(entry->pfn().value, known->second) << step;
      }
    }
  }
  tables.destroy();
  EXPECT_EQ(frames.taken(), 0U);
}

TEST(PageTables, ALargeLeafStandsInPlaceOfItsTable) {
  Frames frames;
  PageTables tables(frames.memory(), frames, 4);
  ASSERT_TRUE(tables.create_root());
  const Vpn first(7 * kEntriesPerTable);
  tables.write(tables.ensure(first), Pte::make(Pfn(5), kPresent | kUser));
  EXPECT_NE(tables.find(first), nullptr);
  tables.clear(first);
  EXPECT_EQ(tables.find(first), nullptr);
  ASSERT_TRUE(tables.map_large(first, Pte::make(Pfn(512), kPresent | kUser | kLarge)));
  EXPECT_EQ(tables.find(first), nullptr);
  tables.split_large(first, Pfn(512), 1, 0);
  ASSERT_NE(tables.find(first + PageCount(3)), nullptr);
  EXPECT_EQ(tables.find(first + PageCount(3))->pfn(), Pfn(515));
  tables.destroy();
}

}  // namespace
}  // namespace pw::x86
