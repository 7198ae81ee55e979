// SlotTable against a plain map: what it remembers of chunks used last is never of one that has
// gone, or that another table has.
#include "object/slot_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "base/random.hpp"

namespace pw {
namespace {

class NoRefs final : public SlotRefs {
 public:
  void retain(PageSlot) override {}
  void release(PageSlot) override {}
};

// Pages of chunks some of which have one place among those used last, however many there are.
PageOffset offset_of(std::uint64_t chunk, std::uint64_t page) {
  return PageOffset(((chunk % 40) + (chunk / 40) * 4096) * kSlotsPerChunk + page);
}

struct Pair {
  explicit Pair(SlotRefs& refs) : table(refs) {}
  SlotTable table;
  std::map<std::uint64_t, PageSlot> plain;
};

TEST(SlotTable, HasWhatWasStored) {
  constexpr std::uint64_t kChunks = 80, kPages = 3;
  Random random(17);
  NoRefs refs;
  auto one = std::make_unique<Pair>(refs);
  auto other = std::make_unique<Pair>(refs);  // a fork of `one` now and then
  for (int step = 0; step < 100'000; ++step) {
    if (random.below(2) == 0) std::swap(one, other);
    const PageOffset at = offset_of(random.below(kChunks), random.below(kPages));
    const std::uint64_t what = random.below(1000);
    if (what < 550) {
      const PageSlot slot = PageSlot::shadow(1 + random.below(1U << 20));
      one->table.set(at, slot);
      one->plain[at.value] = slot;
    } else if (what < 990) {
      one->table.set(at, PageSlot());
      one->plain.erase(at.value);
    } else if (what < 998) {
      const PageOffset end = at + PageCount(1 + random.below(30 * kSlotsPerChunk));
      one->table.erase(at, end);
      one->plain.erase(one->plain.lower_bound(at.value), one->plain.lower_bound(end.value));
    } else {
      other->table.clear();
      other->table.share_from(one->table);
      other->plain = one->plain;
    }
    for (int asked = 0; asked < 4; ++asked) {
      const Pair& pair = asked % 2 == 0 ? *one : *other;
      const PageOffset place = offset_of(random.below(kChunks), random.below(kPages));
      const auto known = pair.plain.find(place.value);
      const PageSlot expected = known == pair.plain.end() ? PageSlot() : known->second;
      ASSERT_EQ(pair.table.get(place), expected) << step;
    }
  }
}

}  // namespace
}  // namespace pw
