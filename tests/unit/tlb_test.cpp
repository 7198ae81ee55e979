// TlbArray, FullSet and WalkCache against an oracle written from the definitions of the
// replacements, over random streams.
#include "ports/sim/tlb.hpp"

#include <gtest/gtest.h>

#include <list>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "base/random.hpp"
#include "ports/sim/walk_cache.hpp"

namespace pw::sim {
namespace {

// One set, from the textbook: LRU and FIFO as a list with the next victim first; tree-PLRU as a
// tree of ranges, each of which remembers which half was used last.
class OracleSet {
 public:
  OracleSet(std::uint32_t ways, TlbReplacement replacement)
      : replacement_(replacement), ways_(ways) {}

  std::uint64_t* find(std::uint64_t key) {
    for (std::uint32_t way = 0; way < ways_.size(); ++way) {
      if (!ways_[way] || ways_[way]->first != key) continue;
      if (replacement_ != TlbReplacement::Fifo) use(way);
      return &ways_[way]->second;
    }
    return nullptr;
  }
  void insert(std::uint64_t key, std::uint64_t data) {
    std::uint32_t way = 0;
    while (way < ways_.size() && ways_[way]) ++way;
    if (way == ways_.size()) way = victim();
    ways_[way] = {key, data};
    use(way);
  }
  template <class Condition>
  std::uint64_t erase_if(Condition condition) {
    std::uint64_t count = 0;
    for (std::uint32_t way = 0; way < ways_.size(); ++way) {
      if (!ways_[way] || !condition(ways_[way]->first)) continue;
      ways_[way].reset();
      order_.remove(way);
      ++count;
    }
    return count;
  }
  void collect(std::map<std::uint64_t, std::uint64_t>& all) const {
    for (const auto& way : ways_) {
      if (way) all.insert(*way);
    }
  }

 private:
  void use(std::uint32_t way) {
    order_.remove(way);
    order_.push_back(way);
    for (auto [low, high] = whole(); high - low > 1;) {
      const std::uint32_t middle = low + (high - low) / 2;
      const bool right = way >= middle;
      used_right_[{low, high}] = right;
      (right ? low : high) = middle;
    }
  }
  std::uint32_t victim() {
    if (replacement_ != TlbReplacement::TreePlru) return order_.front();
    auto [low, high] = whole();
    while (high - low > 1) {
      const std::uint32_t middle = low + (high - low) / 2;
      const auto used = used_right_.find({low, high});
      const bool right = used != used_right_.end() && !used->second && middle < ways_.size();
      (right ? low : high) = middle;
    }
    return low;
  }
  std::pair<std::uint32_t, std::uint32_t> whole() const {
    std::uint32_t size = 1;
    while (size < ways_.size()) size *= 2;
    return {0, size};
  }

  TlbReplacement replacement_;
  std::vector<std::optional<std::pair<std::uint64_t, std::uint64_t>>> ways_;
  std::list<std::uint32_t> order_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, bool> used_right_;
};

using Case = std::tuple<TlbReplacement, std::uint32_t, std::uint32_t>;  // sets, ways

struct TlbArrayTest : ::testing::TestWithParam<Case> {
  TlbGeometry geometry{std::get<1>(GetParam()), std::get<2>(GetParam()), std::get<0>(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(
    Geometries, TlbArrayTest,
    ::testing::Combine(::testing::Values(TlbReplacement::Lru, TlbReplacement::Fifo,
                                         TlbReplacement::TreePlru),
                       ::testing::Values(1U, 3U, 16U, 43U),
                       ::testing::Values(1U, 2U, 3U, 4U, 6U, 7U, 8U, 9U, 12U, 16U, 33U, 72U)));

// Keys of two spaces around the capacity of the array, so that hits and evictions are about as
// frequent.
std::uint64_t random_key(Random& random, const TlbGeometry& geometry) {
  const std::uint64_t pages = std::uint64_t{geometry.sets} * geometry.ways * 3 / 4 + 2;
  return tlb_key::make(0x1234'5678 + random.below(pages),
                       1 + static_cast<std::uint32_t>(random.below(2)), 1);
}

std::map<std::uint64_t, std::uint64_t> contents(const TlbArray& array) {
  std::map<std::uint64_t, std::uint64_t> all;
  array.for_each([&](const TlbSlot& slot) {
    EXPECT_TRUE(all.emplace(slot.key, slot.data).second) << "a key twice";
  });
  return all;
}

TEST_P(TlbArrayTest, HitsAndVictimsAreThoseOfTheDefinition) {
  TlbArray array(geometry, 1);
  std::vector<OracleSet> oracle(geometry.sets, OracleSet(geometry.ways, geometry.replacement));
  Random random(geometry.sets * 1000 + geometry.ways);
  for (int step = 0; step < 8'000; ++step) {
    const std::uint64_t key = random_key(random, geometry);
    const TlbProbe probe(key);
    OracleSet& set = oracle[(key & tlb_key::kVpnMask) % geometry.sets];
    if (random.chance(64)) {
      ASSERT_EQ(array.erase(probe), set.erase_if([key](auto k) { return k == key; }) != 0);
    } else if (random.chance(800)) {
      const auto of_first = [](std::uint64_t k) { return tlb_key::pcid(k) == 1; };
      std::uint64_t expected = 0;
      for (OracleSet& each : oracle) expected += each.erase_if(of_first);
      ASSERT_EQ(array.erase_if(of_first), expected);
    } else {
      const std::uint64_t* expected = set.find(key);
      if (array.common() && random.chance(2)) {
        TlbPlace place = array.place_common(probe);
        if (random.chance(2)) place = array.place_common(probe, place.choice);
        ASSERT_EQ(place.found(), expected != nullptr) << "step " << step;
        if (expected != nullptr) {
          ASSERT_EQ(place.data(), *expected);
          ASSERT_EQ(place.found_mask(), ~std::uint64_t{0});
          random.chance(2) ? array.touch_common(place) : array.put_common(place, probe, *expected);
          continue;
        }
        ASSERT_EQ(place.found_mask(), 0U);
        const std::uint64_t data = random.next();
        array.put_common(place, probe, data);
        set.insert(key, data);
        continue;
      }
      const std::uint64_t* found = array.find(probe);
      ASSERT_EQ(found != nullptr, expected != nullptr) << "step " << step;
      if (found != nullptr) {
        ASSERT_EQ(*found, *expected);
        continue;
      }
      const std::uint64_t data = random.next();
      array.insert(probe, data);
      set.insert(key, data);
    }
  }
  std::map<std::uint64_t, std::uint64_t> expected;
  for (const OracleSet& set : oracle) set.collect(expected);
  EXPECT_EQ(contents(array), expected);
}

// Long enough for the stamps of use to run out and be given anew, more than once.
TEST(TlbArrayLru, KeepsItsOrderWhenStampsRunOut) {
  constexpr std::uint32_t kSets = 2, kWays = 6;
  TlbArray array({kSets, kWays, TlbReplacement::Lru}, 1);
  std::vector<OracleSet> oracle(kSets, OracleSet(kWays, TlbReplacement::Lru));
  Random random(3);
  for (int step = 0; step < 200'000; ++step) {
    const std::uint64_t key = random_key(random, {kSets, kWays, TlbReplacement::Lru});
    const TlbProbe probe(key);
    OracleSet& set = oracle[key % kSets];
    const bool expected = set.find(key) != nullptr;
    const TlbPlace place = array.place_common(probe);
    ASSERT_EQ(place.found(), expected) << "step " << step;
    if (random.chance(2)) {
      ASSERT_EQ(array.find(probe) != nullptr, expected);
    } else if (expected) {
      array.touch_common(place);
      array.make_room();
    }
    if (random.chance(500)) {
      ASSERT_EQ(array.erase(probe), set.erase_if([key](auto k) { return k == key; }) != 0);
    } else if (!expected) {
      array.insert(probe, 1);
      set.insert(key, 1);
    }
  }
}

// WalkCache is LRU over all its ways, whether uses are noted at once or later.
TEST(WalkCacheTest, HitsAndVictimsAreThoseOfTheDefinition) {
  for (const std::uint32_t ways : {1U, 2U, 5U, 32U, 100U}) {
    WalkCache cache(ways);
    OracleSet oracle(ways, TlbReplacement::Lru);
    Random random(ways);
    int full = 0;
    for (int step = 0; step < 30'000; ++step) {
      // Spells in which everything fits and stays, so that the log runs full, and others in which
      // it is read.
      const bool calm = step % 5'000 < 3'000;
      const std::uint64_t pages = calm ? ways : ways * 3 / 2 + 1;
      const auto pcid = calm ? 1 : 1 + static_cast<std::uint32_t>(random.below(2));
      const std::uint64_t key = tlb_key::make(random.below(pages) << 9, pcid, 2);
      const std::uint32_t way = cache.find(key);
      if (!calm && random.chance(100)) {
        ASSERT_EQ(way != WalkCache::kNone,
                  oracle.erase_if([key](auto k) { return k == key; }) != 0);
        if (way != WalkCache::kNone) cache.erase(way);
        continue;
      }
      std::map<std::uint64_t, std::uint64_t> held;
      oracle.collect(held);
      ASSERT_EQ(way != WalkCache::kNone, held.count(key) != 0) << "step " << step;
      if (way == WalkCache::kNone) {
        const std::uint64_t data = random.next() & x86::kAddressMask & ~(kPageSize - 1);
        cache.insert(key, x86::UpperEntry(data));
        oracle.insert(key, data);
        continue;
      }
      ASSERT_EQ(cache[way].table, held[key]);
      const bool used = random.chance(2);
      const bool later = calm || !random.chance(8);
      if (later) cache.to_front_if(way, used ? 1 : 0);
      if (cache.log_full()) {
        cache.settle();
        ++full;
      }
      if (!later && used) cache.to_front(way);
      ASSERT_EQ(used && oracle.find(key) == nullptr, false);
    }
    EXPECT_GT(full, 20);
    std::uint32_t live = 0;
    cache.for_each([&](std::uint64_t, const x86::UpperEntry&) { ++live; });
    EXPECT_EQ(live, cache.live());
  }
}

TEST_P(TlbArrayTest, PeekingLeavesTheOrderAlone) {
  TlbArray peeked(geometry, 1);
  TlbArray left_alone(geometry, 1);
  Random random(7);
  for (int step = 0; step < 2'000; ++step) {
    const TlbProbe probe(random_key(random, geometry));
    const TlbProbe other(random_key(random, geometry));
    const std::uint64_t* data = peeked.peek(other);
    ASSERT_TRUE(data == nullptr || *data == other.key);
    const bool hit = peeked.find(probe) != nullptr;
    ASSERT_EQ(left_alone.find(probe) != nullptr, hit);
    if (hit) continue;
    peeked.insert(probe, probe.key);
    left_alone.insert(probe, probe.key);
  }
}

TEST(TlbArrayRandom, StaysInTheSetAndFollowsTheSeed) {
  for (const std::uint32_t ways : {1U, 3U, 8U, 12U, 64U}) {
    const TlbGeometry geometry{4, ways, TlbReplacement::Random};
    TlbArray first(geometry, 5);
    TlbArray same(geometry, 5);
    TlbArray other(geometry, 6);
    for (std::uint64_t page = 0; page < 4000; ++page) {
      const TlbProbe probe(tlb_key::make(page, 1, 1));
      for (TlbArray* array : {&first, &same, &other}) array->insert(probe, page);
      ASSERT_NE(first.peek(probe), nullptr);
    }
    EXPECT_EQ(contents(first), contents(same));
    EXPECT_EQ(contents(first) == contents(other), ways == 1);
    std::map<std::uint64_t, std::uint32_t> in_set;
    for (const auto& [key, page] : contents(first)) ++in_set[page % 4];
    for (const auto& [set, count] : in_set) EXPECT_EQ(count, ways);
  }
}

TEST(TlbArrayRandom, FillsInvalidWaysFirstAndReachesEveryWay) {
  TlbArray array({1, 8, TlbReplacement::Random}, 1);
  for (std::uint64_t page = 0; page < 8; ++page)
    array.insert(TlbProbe(tlb_key::make(page, 1, 1)), 0);
  EXPECT_EQ(contents(array).size(), 8U);
  std::set<std::uint64_t> evicted;
  for (std::uint64_t page = 8; page < 1000; ++page) {
    const auto before = contents(array);
    array.insert(TlbProbe(tlb_key::make(page, 1, 1)), 0);
    for (const auto& [key, data] : before) {
      if (contents(array).count(key) == 0) evicted.insert(key);
    }
  }
  EXPECT_EQ(evicted.size(), 992U);
}

}  // namespace
}  // namespace pw::sim
