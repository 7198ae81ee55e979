// VmaTree against a sorted map searched linearly: same answers, exactly, over random operations.
#include "space/vma_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.hpp"

namespace pw {
namespace {

class Area {
 public:
  explicit Area(VpnRange range, PageCount guard = {}) : range_(range), guard_(guard) {}
  ~Area() { ++destroyed; }
  VpnRange range() const { return range_; }
  void set_range(VpnRange range) { range_ = range; }
  PageCount guard_below() const { return guard_; }

  static inline int destroyed = 0;

 private:
  VpnRange range_;
  PageCount guard_;
};

VpnRange pages(std::uint64_t begin, std::uint64_t end) { return {Vpn(begin), Vpn(end)}; }

// Keyed by begin page; every answer by walking all of it.
class NaiveAreas {
 public:
  struct Entry {
    std::uint64_t end;
    std::uint64_t guard;
    Area* area;
  };
  std::map<std::uint64_t, Entry> entries;

  Area* find(std::uint64_t page) const {
    for (const auto& [begin, entry] : entries) {
      if (begin <= page && page < entry.end) return entry.area;
    }
    return nullptr;
  }
  Area* lower_bound(std::uint64_t page) const {
    for (const auto& [begin, entry] : entries) {
      if (entry.end > page) return entry.area;
    }
    return nullptr;
  }
  bool free(VpnRange range, const Area* but = nullptr) const {
    return std::ranges::none_of(entries, [&](const auto& e) {
      return e.second.area != but && e.first < range.end.value && range.begin.value < e.second.end;
    });
  }
  // All holes inside the window, from low to high; a guard belongs to the area above it.
  std::vector<VpnRange> holes(VpnRange window) const {
    std::vector<VpnRange> found;
    std::uint64_t from = window.begin.value;
    for (const auto& [begin, entry] : entries) {
      const std::uint64_t top = begin > entry.guard ? begin - entry.guard : 0;
      const std::uint64_t to = std::min(window.end.value, top);
      if (from < to) found.push_back(pages(from, to));
      from = std::max(from, entry.end);
    }
    if (from < window.end.value) found.push_back(pages(from, window.end.value));
    return found;
  }
  std::optional<Vpn> lowest_gap(std::uint64_t n, VpnRange window) const {
    for (const VpnRange hole : holes(window)) {
      if (hole.pages().value >= n) return hole.begin;
    }
    return std::nullopt;
  }
  std::optional<Vpn> highest_gap(std::uint64_t n, VpnRange window) const {
    std::optional<Vpn> best;
    for (const VpnRange hole : holes(window)) {
      if (hole.pages().value >= n) best = hole.end - PageCount(n);
    }
    return best;
  }
};

// One run of random operations; `world` pages wide, so that a small one is crowded.
class Run {
 public:
  Run(std::uint64_t seed, std::uint64_t world, std::size_t most_areas)
      : random_(seed), world_(world), most_areas_(most_areas) {}

  void step() {
    const std::uint64_t choice = random_.below(8);
    if (choice < 3 && naive_.entries.size() < most_areas_) {
      insert();
    } else if (choice < 4 || (choice < 6 && naive_.entries.size() >= most_areas_)) {
      erase();
    } else if (choice < 7) {
      resize();
    } else {
      map_in_gap();
    }
    compare_answers();
  }
  void compare_all() {
    tree_.verify();
    ASSERT_EQ(tree_.size(), naive_.entries.size());
    auto at = tree_.begin();
    Area* before = nullptr;
    for (const auto& [begin, entry] : naive_.entries) {
      ASSERT_EQ(&*at, entry.area);
      ASSERT_EQ(at->range(), pages(begin, entry.end));
      ASSERT_EQ(tree_.prev(*at), before);
      if (before != nullptr) {
        ASSERT_EQ(tree_.next(*before), &*at);
      }
      before = &*at++;
    }
    ASSERT_EQ(at, tree_.end());
    ASSERT_EQ(tree_.last(), before);
  }

 private:
  Area* any() {
    if (naive_.entries.empty()) return nullptr;
    const auto at = naive_.entries.lower_bound(random_.below(world_));
    return (at == naive_.entries.end() ? naive_.entries.begin() : at)->second.area;
  }
  VpnRange random_range() {
    const std::uint64_t begin = random_.below(world_);
    return pages(begin, begin + 1 + random_.below(1 + random_.below(64)));
  }
  void insert_at(VpnRange range) {
    const std::uint64_t guard = random_.chance(8) ? random_.below(40) : 0;
    Area* area = tree_.insert(std::make_unique<Area>(range, PageCount(guard)));
    naive_.entries[range.begin.value] = {range.end.value, guard, area};
  }
  void insert() {
    const VpnRange range = random_range();
    ASSERT_EQ(tree_.overlaps(range), !naive_.free(range));
    if (naive_.free(range)) insert_at(range);
  }
  void erase() {
    Area* area = any();
    if (area == nullptr) return;
    naive_.entries.erase(area->range().begin.value);
    ASSERT_EQ(tree_.erase(*area).get(), area);
  }
  void resize() {
    Area* area = any();
    if (area == nullptr) return;
    const VpnRange range = random_.chance(2)
                               ? pages(area->range().begin.value, random_.below(world_ + 64))
                               : pages(random_.below(world_), area->range().end.value);
    if (range.empty() || !naive_.free(range, area)) return;
    auto node = naive_.entries.extract(area->range().begin.value);
    tree_.resize(*area, range);
    node.key() = range.begin.value;
    node.mapped().end = range.end.value;
    naive_.entries.insert(std::move(node));
  }
  void map_in_gap() {
    const std::uint64_t n = 1 + random_.below(16);
    const auto gap = tree_.highest_gap(PageCount(n), pages(0, world_));
    ASSERT_EQ(gap, naive_.highest_gap(n, pages(0, world_)));
    if (gap && naive_.entries.size() < most_areas_) insert_at(range_of(*gap, PageCount(n)));
  }
  void compare_answers() {
    const std::uint64_t page = random_.below(world_ + 64);
    ASSERT_EQ(tree_.find(Vpn(page)), naive_.find(page));
    ASSERT_EQ(tree_.lower_bound(Vpn(page)), naive_.lower_bound(page));
    const std::uint64_t n = 1 + random_.below(1 + random_.below(world_));
    const std::uint64_t low = random_.below(world_);
    const VpnRange window = pages(low, low + random_.below(world_));
    ASSERT_EQ(tree_.highest_gap(PageCount(n), window), naive_.highest_gap(n, window));
    ASSERT_EQ(tree_.lowest_gap(PageCount(n), window), naive_.lowest_gap(n, window));
  }

  Random random_;
  std::uint64_t world_;
  std::size_t most_areas_;
  VmaTree<Area> tree_;
  NaiveAreas naive_;
};

void play(std::uint64_t seed, std::uint64_t world, std::size_t most_areas, int steps) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Run run(seed, world, most_areas);
  for (int i = 0; i < steps; ++i) {
    run.step();
    if (i % 1024 == 0) run.compare_all();
    if (testing::Test::HasFatalFailure()) return;
  }
  run.compare_all();
}

TEST(VmaTree, AgreesWithALinearSearchWhenCrowded) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) play(seed, 300, 40, 20'000);
}

TEST(VmaTree, AgreesWithALinearSearchOverSeveralLevels) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) play(seed, 40'000, 1'500, 20'000);
}

TEST(VmaTree, KeepsItsShapeAsItGrowsAndShrinksToNothing) {
  constexpr std::uint64_t kAreas = 20'000;
  Random random(7);
  for (const int order : {0, 1, 2}) {
    VmaTree<Area> tree;
    std::vector<std::uint64_t> starts(kAreas);
    for (std::uint64_t i = 0; i < kAreas; ++i) starts[i] = 3 * i;
    if (order == 1) std::ranges::reverse(starts);
    if (order == 2) {
      for (std::size_t i = kAreas - 1; i > 0; --i)
        std::swap(starts[i], starts[random.below(i + 1)]);
    }
    for (const auto start : starts) tree.insert(std::make_unique<Area>(pages(start, start + 2)));
    tree.verify();
    EXPECT_EQ(tree.lowest_gap(PageCount(2), pages(0, 3 * kAreas)), std::nullopt);
    std::uint64_t erased = 0;
    for (const auto start : starts) {
      tree.erase(*tree.find(Vpn(start)));
      if (++erased % 4'000 == 0) tree.verify();
    }
    EXPECT_TRUE(tree.empty());
    EXPECT_EQ(tree.first(), nullptr);
    EXPECT_EQ(tree.last(), nullptr);
  }
}

TEST(VmaTree, PlacesTopDownAtTheTopOfTheHighestHoleThatFits) {
  VmaTree<Area> tree;
  const VpnRange window = pages(10, 100);
  EXPECT_EQ(tree.highest_gap(PageCount(90), window), Vpn(10));
  EXPECT_EQ(tree.highest_gap(PageCount(91), window), std::nullopt);
  tree.insert(std::make_unique<Area>(pages(90, 95)));
  tree.insert(std::make_unique<Area>(pages(50, 60)));
  EXPECT_EQ(tree.highest_gap(PageCount(5), window), Vpn(95));
  EXPECT_EQ(tree.highest_gap(PageCount(6), window), Vpn(84));
  EXPECT_EQ(tree.highest_gap(PageCount(31), window), Vpn(19));
  EXPECT_EQ(tree.lowest_gap(PageCount(31), window), Vpn(10));
  EXPECT_EQ(tree.lowest_gap(PageCount(5), pages(48, 100)), Vpn(60));
}

TEST(VmaTree, LeavesTheGuardBelowAStackFree) {
  VmaTree<Area> tree;
  tree.insert(std::make_unique<Area>(pages(900, 1000), PageCount(256)));
  EXPECT_EQ(tree.highest_gap(PageCount(10), pages(0, 1000)), Vpn(900 - 256 - 10));
  EXPECT_EQ(tree.find(Vpn(800)), nullptr);
  EXPECT_FALSE(tree.overlaps(pages(700, 900)));
}

TEST(VmaTree, GivesBackAreasAndDestroysTheRest) {
  Area::destroyed = 0;
  {
    VmaTree<Area> tree;
    Area* kept = tree.insert(std::make_unique<Area>(pages(1, 2)));
    tree.insert(std::make_unique<Area>(pages(5, 6)));
    EXPECT_EQ(tree.find(Vpn(1)), kept);
    const std::unique_ptr<Area> back = tree.erase(*kept);
    EXPECT_EQ(Area::destroyed, 0);
    EXPECT_EQ(tree.find(Vpn(1)), nullptr);  // though it was the last one found
    VmaTree<Area> moved = std::move(tree);
    EXPECT_NE(moved.find(Vpn(5)), nullptr);
  }
  EXPECT_EQ(Area::destroyed, 2);
}

TEST(VmaTreeDeathTest, RefusesOverlapsAndResizingIntoANeighbour) {
  VmaTree<Area> tree;
  Area* area = tree.insert(std::make_unique<Area>(pages(10, 20)));
  tree.insert(std::make_unique<Area>(pages(30, 40)));
  EXPECT_DEATH(tree.insert(std::make_unique<Area>(pages(19, 25))), "overlaps");
  EXPECT_DEATH(tree.resize(*area, pages(10, 31)), "above");
  Area stranger(pages(10, 20));
  EXPECT_DEATH(tree.erase(stranger).release(), "item");
}

}  // namespace
}  // namespace pw
