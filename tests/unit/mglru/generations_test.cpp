// Pages in their generations against a reference that numbers generations without end and keeps
// each page's history in plain words; and the kernel's table of where pages begin.
#include "reclaim/mglru/generations.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>

namespace pw {
namespace {

constexpr std::uint64_t kPages = 96;

struct Page {
  std::uint64_t seq = 0;  // its generation
  bool file = false, active = false, referenced = false, working = false, reclaim = false;
  unsigned uses = 0;  // counted by descriptors beyond the first
  bool listed = false;
};

// Lists by (generation, kind), front first, for ever; of a page that a walk has promoted the place
// in the list stays.
struct Reference {
  std::map<std::pair<std::uint64_t, bool>, std::deque<std::uint64_t>> lists;
  std::map<std::uint64_t, std::pair<std::uint64_t, bool>> where;  // page -> list
  std::vector<Page> pages{kPages};
  std::uint64_t youngest = 3, oldest[2] = {0, 0};

  std::uint64_t place(const Page& page, const Generations::Standing& standing) const {
    std::uint64_t back = 0;  // generations behind the youngest
    if (page.active) {
      back = page.working ? 0 : 1;
    } else if (standing.reclaiming) {
      back = 3;
    } else if ((!page.file && !standing.swap_cached) || (page.reclaim && standing.unwritten)) {
      back = 1;
    } else {
      back = page.working ? 2 : 3;
    }
    return std::max(youngest - back, oldest[page.file ? 1 : 0]);
  }
  void take(std::uint64_t n) {
    auto& list = lists[where.at(n)];
    list.erase(std::find(list.begin(), list.end(), n));
    where.erase(n);
  }
  void put(std::uint64_t n, bool front) {
    const auto key = std::pair{pages[n].seq, pages[n].file};
    auto& list = lists[key];
    if (front) {
      list.push_front(n);
    } else {
      list.push_back(n);
    }
    where[n] = key;
  }
  void step(std::uint64_t n) {
    Page& page = pages[n];
    if (page.seq != oldest[page.file ? 1 : 0]) return;
    ++page.seq;
    page.referenced = false;
    page.uses = 0;
  }
  bool second_look(Page& page) {
    const bool first = !page.referenced && !page.working;
    page.uses = 0;
    page.referenced = first;
    page.working = page.working || !first;
    return !first;
  }
  void advance() {
    std::uint64_t to[2] = {oldest[0], oldest[1]};
    for (const bool file : {false, true}) {
      std::uint64_t& seq = to[file ? 1 : 0];
      while (youngest - seq >= 2 && lists[{seq, file}].empty()) ++seq;
    }
    for (const int kind : {0, 1}) {
      // Three generations are kept of the one while the other has four.
      if (to[kind] == youngest - 1 && to[1 - kind] < youngest - 2) to[kind] = youngest - 2;
      oldest[kind] = std::max(oldest[kind], to[kind]);
    }
  }
  void age() {
    for (const bool file : {false, true}) {
      std::uint64_t& seq = oldest[file ? 1 : 0];
      if (youngest - seq < 3) continue;
      auto& list = lists[{seq, file}];
      while (!list.empty()) {
        const std::uint64_t n = list.back();
        step(n);
        take(n);
        put(n, false);
      }
      ++seq;
    }
    ++youngest;
  }
};

class GenerationsTest : public ::testing::Test {
 protected:
  void check(const Reference& want) {
    ASSERT_EQ(got_.check(), nullptr);
    ASSERT_EQ(got_.max_seq(), want.youngest);
    std::map<std::pair<std::uint64_t, bool>, std::uint64_t> sizes;
    for (std::uint64_t n = 0; n < kPages; ++n) {
      const Page& page = want.pages[n];
      ASSERT_EQ(got_.listed(Pfn(n)), page.listed);
      ASSERT_EQ(flags_.has(Pfn(n), kLruWorkingset), page.working);
      ASSERT_EQ(flags_.has(Pfn(n), kLruReferenced), page.referenced);
      ASSERT_EQ(got_.refs(Pfn(n)), page.referenced ? page.uses + 1 : 0);
      if (!page.listed) continue;
      ASSERT_EQ(got_.generation(Pfn(n)), page.seq % 4);
      ++sizes[{page.seq, page.file}];
    }
    for (const bool file : {false, true}) {
      ASSERT_EQ(got_.min_seq(file), want.oldest[file ? 1 : 0]);
      for (std::uint64_t seq = got_.min_seq(file); seq <= got_.max_seq(); ++seq) {
        const std::uint64_t size = sizes[{seq, file}];
        ASSERT_EQ(got_.size(file, seq), size);
      }
      Pfn back;
      const auto list = want.lists.find({got_.min_seq(file), file});
      const bool any = list != want.lists.end() && !list->second.empty();
      ASSERT_EQ(got_.back(file, back), any);
      if (!any) continue;
      ASSERT_EQ(back, Pfn(list->second.back()));
    }
  }
  void add(Reference& want, std::uint64_t n, std::uint64_t luck) {
    Page& page = want.pages[n];
    page.file = (luck & 1) != 0;
    page.active = (luck & 2) != 0;
    page.reclaim = (luck & 4) != 0;
    const Generations::Standing standing{(luck & 8) != 0, (luck & 16) != 0, (luck & 32) != 0};
    std::uint8_t& flags = flags_.flags(Pfn(n)) = 0;
    if (page.working) flags |= kLruWorkingset;
    if (page.referenced) flags |= kLruReferenced;
    if (page.file) flags |= kLruFile;
    if (page.active) flags |= kLruActive;
    if (page.reclaim) flags |= kLruReclaim;
    page.seq = want.place(page, standing);
    page.active = false;
    page.listed = true;
    want.put(n, !standing.reclaiming);
    got_.add(Pfn(n), standing);
  }

  void come_or_go(Reference& want, std::uint64_t n, std::uint64_t luck, bool go) {
    Page& page = want.pages[n];
    if (page.listed != go) return;
    if (!go) return add(want, n, luck);
    got_.remove(Pfn(n));
    want.take(n);
    page.listed = false;
  }
  // A reference, seen by a walk, by eviction or made through a descriptor; or all are forgotten.
  void refer(Reference& want, std::uint64_t n, unsigned kind, std::uint64_t luck) {
    Page& page = want.pages[n];
    if (kind < 6) {
      if (!page.listed) return;
      const bool moves = want.second_look(page) && page.seq != want.youngest;
      if (moves) page.seq = want.youngest;
      promoted_ += moves ? 1 : 0;
      EXPECT_EQ(got_.update(Pfn(n)), moves);
    } else if (kind == 6) {
      EXPECT_EQ(got_.set_refs(Pfn(n)), want.second_look(page));
    } else if (kind < 9) {
      got_.inc_refs(Pfn(n));
      page.working = page.working || (page.referenced && page.uses == 3);
      page.uses = page.referenced ? std::min(page.uses + 1, 3U) : 0;
      page.referenced = true;
    } else if (luck % 5 == 0) {
      got_.clear_refs(Pfn(n));
      page.referenced = page.working = false;
    }
  }
  // Eviction meets the last page of the oldest generation, and moves it on.
  void meet(Reference& want, bool file, bool front) {
    Pfn back;
    if (!got_.back(file, back)) return;
    got_.step(back);
    got_.relink(back, front);
    want.step(back.value);
    want.take(back.value);
    want.put(back.value, front);
    ++met_;
  }

  int aged_ = 0, met_ = 0, promoted_ = 0;
  LruLists flags_{kPages};
  Generations got_{flags_, kPages};
};

TEST_F(GenerationsTest, AgreeWithTheReferenceAfterEveryStep) {
  std::mt19937_64 random(11);
  Reference want;
  for (int round = 0; round < 30'000; ++round) {
    const std::uint64_t n = random() % kPages;
    const auto luck = random();
    const unsigned kind = luck % 16;
    if (kind < 4) {
      come_or_go(want, n, luck >> 8, kind == 3);
    } else if (kind < 10) {
      refer(want, n, kind, luck);
    } else if (kind < 14) {
      meet(want, luck % 3 == 0, luck % 2 == 0);
    } else if (kind == 14) {
      const std::uint64_t before[2] = {want.oldest[0], want.oldest[1]};
      want.advance();
      const bool moved = before[0] != want.oldest[0] || before[1] != want.oldest[1];
      EXPECT_EQ(got_.advance_oldest(60), moved);
    } else if (luck % 7 == 0) {
      got_.add_youngest(60);
      want.age();
      ++aged_;
    }
    check(want);
    if (HasFatalFailure()) FAIL() << "at step " << round;
  }
  EXPECT_GT(aged_, 100);
  EXPECT_GT(met_, 1000);
  EXPECT_GT(promoted_, 500);
}

// The table over lru_gen_folio_seq(): four categories, four generations.
TEST_F(GenerationsTest, PagesBeginWhereTheirUsesSay) {
  const Pfn pfn(1);
  const auto place = [&](unsigned flags, Generations::Standing standing = {}) {
    flags_.flags(pfn) = static_cast<std::uint8_t>(flags);
    return got_.max_seq() - got_.place_of(pfn, standing);
  };
  EXPECT_EQ(place(kLruActive | kLruWorkingset), 0U);  // a fault brings it back
  EXPECT_EQ(place(kLruActive), 1U);                   // a fault brings it in
  EXPECT_EQ(place(kLruFile | kLruWorkingset), 2U);
  EXPECT_EQ(place(kLruFile), 3U);  // read(2), or read ahead
  EXPECT_EQ(place(0), 1U);         // anonymous, without a copy in swap
  EXPECT_EQ(place(0, {.swap_cached = true}), 3U);
  EXPECT_EQ(place(kLruFile | kLruReclaim, {.unwritten = true}), 1U);  // waits for its write
  EXPECT_EQ(place(kLruFile | kLruWorkingset, {.reclaiming = true}), 3U);
}

TEST_F(GenerationsTest, TiersAreLogarithmsOfUses) {
  const Pfn pfn(2);
  const unsigned tiers[] = {0, 0, 1, 2, 2, 3, 3};  // after 0, 1, 2 ... uses
  for (const unsigned tier : tiers) {
    EXPECT_EQ(got_.tier(pfn), tier);
    EXPECT_EQ(got_.used_up(pfn), tier == 3);
    got_.inc_refs(pfn);
  }
}

// Without swap the window of anonymous pages moves along unseen, and what was oldest is youngest.
TEST_F(GenerationsTest, WithoutSwapOnlyFilesKeepTheirOrder) {
  Reference want;
  add(want, 1, 2);      // anonymous, faulted in
  add(want, 2, 1 | 2);  // of a file
  for (int i = 0; i < 6; ++i) got_.add_youngest(0);
  EXPECT_EQ(got_.check(), nullptr);
  EXPECT_TRUE(got_.in_oldest(Pfn(2)) || got_.generation(Pfn(2)) == (got_.min_seq(true) + 1) % 4);
  EXPECT_EQ(got_.oldest(0), got_.min_seq(true));
  EXPECT_EQ(got_.size(0), 1U);
  EXPECT_EQ(got_.size(60), 2U);
}

}  // namespace
}  // namespace pw
