// SimCpu against an oracle of the whole hierarchy, written from its description with lists and
// maps; and the numbers that can be worked out by hand.
#include "ports/sim/sim_cpu.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "unit/sim_tables.hpp"

namespace pw::sim {
namespace {

using test::kPageFlags;

// What a cached translation is of: the page's number in units of its level, the level, and its
// space (none if global).
struct PageName {
  int level = 1;
  std::uint64_t number = 0;
  std::int64_t space = -1;
  friend auto operator<=>(const PageName&, const PageName&) = default;
};
std::uint64_t number_at(std::uint64_t vpn, int level) { return vpn >> (9 * (level - 1)); }

// LRU or FIFO sets as lists, next victim first.
class OracleArray {
 public:
  explicit OracleArray(TlbGeometry geometry) : geometry_(geometry), sets_(geometry.sets) {}
  bool exists() const { return geometry_.sets != 0; }
  bool find(const PageName& name) {
    auto& set = sets_[name.number % geometry_.sets];
    for (auto at = set.begin(); at != set.end(); ++at) {
      if (*at != name) continue;
      if (geometry_.replacement == TlbReplacement::Lru) set.splice(set.end(), set, at);
      return true;
    }
    return false;
  }
  bool has(const PageName& name) const {
    const auto& set = sets_[name.number % geometry_.sets];
    return std::find(set.begin(), set.end(), name) != set.end();
  }
  void insert(const PageName& name) {
    auto& set = sets_[name.number % geometry_.sets];
    if (set.size() == geometry_.ways) set.pop_front();
    set.push_back(name);
  }
  template <class Condition>
  void erase_if(Condition condition) {
    for (auto& set : sets_) set.remove_if(condition);
  }

 private:
  TlbGeometry geometry_;
  std::vector<std::list<PageName>> sets_;
};

struct OracleUnit {
  std::vector<OracleArray> arrays;
  bool shares = true;

  OracleArray* home(int level) {
    for (int l = level; l >= 1; --l) {
      if (arrays[static_cast<std::size_t>(l - 1)].exists()) {
        return &arrays[static_cast<std::size_t>(l - 1)];
      }
      if (!shares && level == 3) return nullptr;
    }
    return nullptr;
  }
  bool find(const PageName& name) { return home(name.level) && home(name.level)->find(name); }
  void insert(const PageName& name) {
    if (home(name.level)) home(name.level)->insert(name);
  }
  template <class Condition>
  void erase_if(Condition condition) {
    for (auto& array : arrays) array.erase_if(condition);
  }
};

struct MappedPage {
  int level = 1;
  bool global = false;
  bool dirty = false;
};

class OracleCpu {
 public:
  explicit OracleCpu(const CpuConfig& config) : config_(config) {
    const TlbConfig& tlb = config.tlb;
    for (auto g : {tlb.l1d_4k, tlb.l1d_2m, tlb.l1d_1g}) l1d_.arrays.emplace_back(g);
    for (auto g : {tlb.l1i_4k, tlb.l1i_2m, tlb.l1i_1g}) l1i_.arrays.emplace_back(g);
    for (auto g : {tlb.l2, TlbGeometry{}, tlb.l2_1g}) l2_.arrays.emplace_back(g);
    l2_.shares = false;
    const WalkCacheConfig& walk = config.walk_cache;
    for (const std::uint32_t n : {walk.level2, walk.level3, walk.level4, walk.level5}) {
      upper_.emplace_back(TlbGeometry{n == 0 ? 0U : 1U, n, TlbReplacement::Lru});
    }
  }

  void load(SpaceId space) {
    if (space == active_) return;
    ++counted.space_switches;
    active_ = space;
    if (!config_.tlb.pcid) return flush([](const PageName& name) { return name.space >= 0; });
    for (const auto& held : slots_) {
      if (held == space) return;
    }
    if (slots_.size() < 6) return slots_.push_back(space);
    const std::int64_t gone = slots_[next_];
    slots_[next_] = space;
    next_ = (next_ + 1) % 6;
    flush([gone](const PageName& name) { return name.space == gone; });
  }

  void access(std::uint64_t vpn, Access access, MappedPage& page) {
    OracleUnit& l1 = access == Access::Execute ? l1i_ : l1d_;
    const PageName name{page.level, number_at(vpn, page.level), page.global ? -1 : active_};
    const bool in_l1 = l1.find(name);
    const bool in_l2 = !in_l1 && l2_.find(name);
    ++(in_l1 ? counted.l1_hits : in_l2 ? counted.l2_hits : counted.walks);
    ++(in_l1   ? counted.l1_hits_by_size
       : in_l2 ? counted.l2_hits_by_size
               : counted.walks_by_size)[page.level - 1];
    ++counted.references;
    const bool hit = in_l1 || in_l2;
    if (!hit || (access == Access::Write && clean_.count(name) != 0)) {
      if (hit) ++counted.assists;
      if (access == Access::Write) page.dirty = true;
      walk(vpn, page.level);
      page.dirty ? (void)clean_.erase(name) : (void)clean_.insert(name);
    }
    if (!hit) l2_.insert(name);
    if (!in_l1) l1.insert(name);
  }

  void flush_page(std::uint64_t vpn) {
    for (int level = 1; level <= 3; ++level) {
      for (const std::int64_t space : {active_, std::int64_t{-1}}) {
        const PageName name{level, number_at(vpn, level), space};
        drop([&](const PageName& other) { return other == name; });
      }
    }
    for (auto& array : upper_)
      array.erase_if([&](const auto& name) { return name.space == active_; });
  }
  void flush_space() {
    flush([this](const PageName& name) { return name.space == active_; });
  }

  TlbCounters counted;

 private:
  template <class Condition>
  void drop(Condition condition) {
    for (OracleUnit* unit : {&l1d_, &l1i_, &l2_}) unit->erase_if(condition);
  }
  template <class Condition>
  void flush(Condition condition) {
    drop(condition);
    for (auto& array : upper_) array.erase_if(condition);
  }
  void walk(std::uint64_t vpn, int leaf) {
    int start = config_.levels;
    for (int level = 2; level <= config_.levels; ++level) {
      OracleArray& array = upper_[static_cast<std::size_t>(level - 2)];
      if (!array.exists() || !array.find({level, number_at(vpn, level), active_})) continue;
      ++counted.walk_cache_hits[level];
      start = level - 1;
      break;
    }
    counted.walk_references += static_cast<std::uint64_t>(start - leaf + 1);
    for (int level = start; level > leaf; --level) {
      OracleArray& array = upper_[static_cast<std::size_t>(level - 2)];
      if (array.exists()) array.insert({level, number_at(vpn, level), active_});
    }
  }

  CpuConfig config_;
  OracleUnit l1d_, l1i_, l2_;
  std::vector<OracleArray> upper_;
  std::vector<std::int64_t> slots_;
  std::size_t next_ = 0;
  std::int64_t active_ = -2;
  std::set<PageName> clean_;  // what was cached with D clear
};

void expect_equal(const TlbCounters& got, const TlbCounters& want, int step) {
  ASSERT_EQ(got.references, want.references) << step;
  ASSERT_EQ(got.l1_hits, want.l1_hits) << step;
  ASSERT_EQ(got.l2_hits, want.l2_hits) << step;
  ASSERT_EQ(got.walks, want.walks) << step;
  ASSERT_EQ(got.walk_references, want.walk_references) << step;
  ASSERT_EQ(got.assists, want.assists) << step;
  ASSERT_EQ(got.space_switches, want.space_switches) << step;
  for (int level = 2; level <= 5; ++level) {
    ASSERT_EQ(got.walk_cache_hits[level], want.walk_cache_hits[level]) << step;
  }
  for (int size = 0; size < 3; ++size) {
    ASSERT_EQ(got.l1_hits_by_size[size], want.l1_hits_by_size[size]) << step;
    ASSERT_EQ(got.l2_hits_by_size[size], want.l2_hits_by_size[size]) << step;
    ASSERT_EQ(got.walks_by_size[size], want.walks_by_size[size]) << step;
  }
}

// Gigabytes 0 and 1 hold base pages, 2 holds 2 MiB pages, 3 to 6 are one page each; in every space
// another frame. Every fifth base page is global, and then the same in all.
constexpr std::uint64_t kGigabyte = 1ULL << 18;  // in pages

CpuConfig geometry(int variant) {
  CpuConfig config;
  TlbConfig& tlb = config.tlb;
  if (variant == 1) {  // not powers of two, wide sets, one L1 for all sizes, small walk caches
    tlb.l1d_4k = {1, 20};
    tlb.l1d_2m = tlb.l1d_1g = tlb.l1i_2m = {};
    tlb.l1i_4k = {5, 3, TlbReplacement::Fifo};
    tlb.l2 = {13, 12};
    tlb.l2_1g = {};
    config.walk_cache = {3, 0, 1, 1};
  } else if (variant == 2) {  // no L2, no walk caches, no L1 for instructions
    tlb.l2 = tlb.l2_1g = tlb.l1i_4k = tlb.l1i_2m = tlb.l1i_1g = {};
    tlb.l1d_4k = {8, 2, TlbReplacement::Fifo};
    config.walk_cache = {0, 0, 0, 0};
  }
  return config;
}

struct SimCpuOracle : ::testing::TestWithParam<std::tuple<int, int, bool, bool>> {};
INSTANTIATE_TEST_SUITE_P(Variants, SimCpuOracle,
                         ::testing::Combine(::testing::Values(4, 5), ::testing::Values(0, 1, 2),
                                            ::testing::Bool(), ::testing::Bool()));

TEST_P(SimCpuOracle, EveryReferenceHitsOrWalksAsTheDescriptionSays) {
  const auto [levels, variant, pcid, mixed] = GetParam();
  CpuConfig config = geometry(variant);
  config.levels = levels;
  config.tlb.pcid = pcid;
  constexpr SpaceId kSpaces = 9;
  test::SimTables tables(levels, 400);
  std::vector<Pfn> roots;
  for (SpaceId i = 0; i < kSpaces; ++i) roots.push_back(tables.new_table());
  std::map<std::pair<SpaceId, std::uint64_t>, MappedPage> pages;
  SimCpu cpu(config, tables.memory(), 1);
  OracleCpu oracle(config);
  Random random(static_cast<std::uint64_t>(levels * 100 + variant));
  const std::uint64_t base = levels == 5 ? 1ULL << 40 : 1ULL << 30;
  SpaceId space = 0;
  for (int step = 0; step < 40'000; ++step) {
    if (step == 0 || random.chance(60)) {
      space = static_cast<SpaceId>(random.below(random.chance(4) ? kSpaces : 3));
      cpu.load_space(space, roots[space]);
      oracle.load(space);
    }
    std::uint64_t vpn = base + random.below(2) * kGigabyte + random.below(3) * 512 +
                        random.below(60);
    MappedPage fresh;
    fresh.global = mixed && vpn % 5 == 0;
    if (mixed && random.chance(3)) {
      const bool huge = random.chance(3);
      vpn = base + (huge ? 3 + random.below(4) : 2) * kGigabyte + random.below(40) * 512 +
            random.below(3);
      fresh = {huge ? 3 : 2, false, false};
    }
    const std::uint64_t first = vpn & ~(x86::pages_at(fresh.level).value - 1);
    const Pfn frame(first - base + (fresh.global ? 0 : std::uint64_t{space + 1} << 34));
    const auto [page, made] = pages.try_emplace({fresh.global ? kSpaces : space, first}, fresh);
    std::uint64_t& entry = tables.entry(roots[space], Vpn(first), fresh.level);
    if (entry == 0) {
      const std::uint64_t dirty = page->second.dirty ? x86::kDirty : 0;
      tables.map(roots[space], Vpn(first), fresh.level, frame,
                 kPageFlags | dirty | (fresh.global ? x86::kGlobal : 0));
    }
    if (page->second.dirty) entry |= x86::kDirty;  // a global page has an entry in each space
    const Access access = random.chance(4)   ? Access::Execute
                          : random.chance(3) ? Access::Write
                                             : Access::Read;
    const int repeats = random.chance(5) ? 3 : 1;
    Translation out;
    ASSERT_TRUE(cpu.translate_run(address_of(Vpn(vpn)), access, Mode::User,
                                  static_cast<std::uint64_t>(repeats), out));
    ASSERT_EQ(out.pfn, frame + PageCount(vpn - first));
    ASSERT_EQ(out.level, fresh.level);
    for (int i = 0; i < repeats; ++i) oracle.access(vpn, access, page->second);
    if (random.chance(200)) {
      cpu.flush_active({Vpn(vpn), Vpn(vpn + 3)});
      for (std::uint64_t i = 0; i < 3; ++i) oracle.flush_page(vpn + i);
    } else if (random.chance(1000)) {
      cpu.flush_active_all();
      oracle.flush_space();
    }
    expect_equal(cpu.counters(), oracle.counted, step);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(oracle.counted.l1_hits, 1000U);
  EXPECT_GT(oracle.counted.walks, 1000U);
  EXPECT_GT(oracle.counted.assists, 10U);
}

// References that nothing but other references come between, so many that the stamps of all arrays
// and the log of the walk cache run out: spells that the L1 holds, that the L2 nearly holds, and
// that need more entries of level 2 than are kept.
TEST(SimCpuLongRun, EveryReferenceHitsOrWalksAsTheDescriptionSays) {
  constexpr std::uint64_t kBase = 1ULL << 30, kRegions = 48, kPages = 300;
  const CpuConfig config;
  test::SimTables tables(4, 60);
  const Pfn root = tables.new_table();
  SimCpu cpu(config, tables.memory(), 1);
  OracleCpu oracle(config);
  cpu.load_space(1, root);
  oracle.load(1);
  std::map<std::uint64_t, MappedPage> pages;
  for (std::uint64_t region = 0; region < kRegions; ++region) {
    for (std::uint64_t page = 0; page < kPages; ++page) {
      const std::uint64_t vpn = kBase + region * 512 + page;
      tables.map(root, Vpn(vpn), 1, Pfn(vpn * 3), kPageFlags);
      pages[vpn] = {};
    }
  }
  Random random(1);
  for (int step = 0; step < 240'000; ++step) {
    const int spell = step / 20'000 % 3;
    const std::uint64_t regions = spell == 0 ? 1 : spell == 1 ? 8 : kRegions;
    const std::uint64_t vpn = kBase + random.below(regions) * 512 +
                              random.below(spell == 0 ? 60 : kPages);
    // (Where D has to be set, the log is read.)
    const Access access = random.chance(spell == 1 ? 4'000 : 50) ? Access::Write : Access::Read;
    Translation out;
    ASSERT_TRUE(cpu.translate(address_of(Vpn(vpn)), access, Mode::User, out));
    ASSERT_EQ(out.pfn, Pfn(vpn * 3));
    oracle.access(vpn, access, pages[vpn]);
    expect_equal(cpu.counters(), oracle.counted, step);
    if (HasFatalFailure()) return;
  }
}

struct SimCpuCase : ::testing::Test {
  test::SimTables tables{4, 64};
  Pfn root = tables.new_table();
  CpuConfig config;
  Translation out;

  static constexpr std::uint64_t kBase = 1ULL << 30;
  void map(std::uint64_t page, std::uint64_t flags = kPageFlags) {
    tables.map(root, Vpn(kBase + page), 1, Pfn(5000 + page), flags);
  }
  bool touch(SimCpu& cpu, std::uint64_t page, Access access = Access::Read,
             Mode mode = Mode::User) {
    return cpu.translate(address_of(Vpn(kBase + page)), access, mode, out);
  }
};

TEST_F(SimCpuCase, WalkReferencesAreTheAnalyticOnes) {
  for (const int levels : {4, 5}) {
    test::SimTables deep(levels, 64);
    const Pfn top = deep.new_table();
    for (const std::uint64_t page : {0ULL, 1ULL, 600ULL}) {
      deep.map(top, Vpn(kBase + page), 1, Pfn(1), kPageFlags);
    }
    config.levels = levels;
    config.walk_cache = {0, 0, 0, 0};
    SimCpu plain(config, deep.memory(), 1);
    config.walk_cache = {};
    SimCpu caching(config, deep.memory(), 1);
    std::uint64_t before = 0;
    const auto references = [&](SimCpu& cpu, std::uint64_t page) {
      EXPECT_TRUE(touch(cpu, page));
      return cpu.counters().walk_references - std::exchange(before, cpu.counters().walk_references);
    };
    plain.load_space(1, top);
    EXPECT_EQ(references(plain, 0), static_cast<unsigned>(levels));
    EXPECT_EQ(references(plain, 1), static_cast<unsigned>(levels));
    EXPECT_EQ(references(plain, 0), 0U);  // a hit
    before = 0;
    caching.load_space(1, top);
    EXPECT_EQ(references(caching, 0), static_cast<unsigned>(levels));
    EXPECT_EQ(references(caching, 1), 1U);    // page-directory entry cached
    EXPECT_EQ(references(caching, 600), 2U);  // page-directory-pointer entry cached
    EXPECT_EQ(caching.counters().walk_cache_hits[2], 1U);
    EXPECT_EQ(caching.counters().walk_cache_hits[3], 1U);
  }
}

TEST_F(SimCpuCase, FaultsTellTheTablesVerdictAndAreNoReferences) {
  SimCpu cpu(config, tables.memory(), 1);
  cpu.load_space(1, root);
  map(1, x86::kPresent | x86::kUser | x86::kNoExecute);
  EXPECT_FALSE(touch(cpu, 0));
  EXPECT_EQ(out.error_code, x86::kErrorUser);
  EXPECT_TRUE(touch(cpu, 1));
  EXPECT_FALSE(touch(cpu, 1, Access::Write));
  EXPECT_EQ(out.error_code, x86::kErrorPresent | x86::kErrorUser | x86::kErrorWrite);
  EXPECT_FALSE(touch(cpu, 1, Access::Execute));
  EXPECT_EQ(out.error_code, x86::kErrorPresent | x86::kErrorUser | x86::kErrorFetch);
  EXPECT_FALSE(cpu.translate(VirtAddr(1ULL << 50), Access::Read, Mode::User, out));
  EXPECT_TRUE(out.non_canonical);
  EXPECT_FALSE(touch(cpu, 0));
  EXPECT_FALSE(out.non_canonical);
  EXPECT_EQ(cpu.counters().references, 1U);
  EXPECT_EQ(cpu.counters().faulting_walks, 4U);
}

TEST_F(SimCpuCase, ARightGrantedLaterIsSeenWithoutAFlush) {
  SimCpu cpu(config, tables.memory(), 1);
  cpu.load_space(1, root);
  map(0, x86::kPresent | x86::kUser);
  tables.entry(root, Vpn(kBase), 2) &= ~x86::kWritable;
  ASSERT_TRUE(touch(cpu, 0));
  EXPECT_FALSE(touch(cpu, 0, Access::Write));
  ASSERT_TRUE(touch(cpu, 0));
  tables.entry(root, Vpn(kBase), 1) |= x86::kWritable;  // while the walk cache has level 2 as it
                                                        // was
  tables.entry(root, Vpn(kBase), 2) |= x86::kWritable;
  EXPECT_TRUE(touch(cpu, 0, Access::Write));
  EXPECT_NE(tables.entry(root, Vpn(kBase), 1) & x86::kDirty, 0U);
}

TEST_F(SimCpuCase, ModesAreCheckedOnHits) {
  SimCpu cpu(config, tables.memory(), 1);
  cpu.load_space(1, root);
  map(0);
  map(1, x86::kPresent | x86::kWritable);
  ASSERT_TRUE(touch(cpu, 0, Access::Execute, Mode::User));
  EXPECT_FALSE(touch(cpu, 0, Access::Execute, Mode::Kernel));  // SMEP
  ASSERT_TRUE(touch(cpu, 1, Access::Read, Mode::Kernel));
  EXPECT_FALSE(touch(cpu, 1, Access::Read, Mode::User));
  EXPECT_EQ(out.error_code, x86::kErrorPresent | x86::kErrorUser);
}

TEST_F(SimCpuCase, SwitchingCostsARefillOnlyWithoutPcids) {
  const Pfn other = tables.new_table();
  for (std::uint64_t page = 0; page < 8; ++page) map(page);
  for (const bool pcid : {true, false}) {
    config.tlb.pcid = pcid;
    SimCpu cpu(config, tables.memory(), 1);
    for (int round = 0; round < 2; ++round) {
      cpu.load_space(1, root);
      for (std::uint64_t page = 0; page < 8; ++page) ASSERT_TRUE(touch(cpu, page));
      cpu.load_space(2, other);
      EXPECT_FALSE(touch(cpu, 0));
    }
    EXPECT_EQ(cpu.counters().walks, pcid ? 8U : 16U);
  }
}

TEST_F(SimCpuCase, TimeIsWhatTheCountersCost) {
  config.costs = {1, 10, 100, 1000, 10000};
  SimCpu cpu(config, tables.memory(), 1);
  cpu.load_space(1, root);
  map(0);
  ASSERT_TRUE(cpu.translate_run(address_of(Vpn(kBase)), Access::Read, Mode::User, 5, out));
  cpu.receive_ipi();
  EXPECT_EQ(cpu.time_ps(), 5U + 4 * 100 + 1000 + 10000);
}

}  // namespace
}  // namespace pw::sim
