// What the events of a filtered recording must be, from a recording of every reference: a plain LRU
// list of K pages, and LRU miss counts by memory size. For the tests of the Valgrind recorder.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "valgrind_guest.h"
#include "valgrind_spool.hpp"

namespace pw::recorder_test {

inline constexpr std::uint64_t kPageMask = GUEST_PAGE - 1;
inline constexpr unsigned kMunmap = 11;
inline constexpr unsigned kMmap = 9;
inline constexpr unsigned kMadvise = 28;

// kind, page, clock; for fetches: the page that left and its age; for drops: the age
using Expected = std::tuple<unsigned, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>;

struct PageRange {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
};

// The pages that a system call of the guest takes away.
inline std::optional<PageRange> taken_away(const SpoolEvent& event) {
  if (event.kind != PW_CONTROL || event.code != PW_SYSCALL || event.values.size() < 8)
    return std::nullopt;
  auto result = static_cast<std::int64_t>(event.values[7]);
  std::uint64_t start = event.values[1];
  std::uint64_t length = event.values[2];
  if (result < 0) return std::nullopt;
  switch (event.values[0]) {
    case kMmap:
      start = event.values[7];
      break;
    case kMunmap:
      break;
    case kMadvise:
      if (event.values[3] != 4) return std::nullopt;
      break;
    default:
      return std::nullopt;
  }
  return PageRange{start >> 12, (start + length + kPageMask) >> 12};
}

// Every reference to a page, in order, from a spool of detail full.
template <typename Touch, typename Gone>
void replay_full(const Spool& full, Touch touch, Gone gone) {
  for (const SpoolEvent& event : full.events) {
    if (auto range = taken_away(event)) gone(*range);
    if (event.kind != PW_REFERENCE) continue;
    std::uint64_t first = event.page >> 12;
    std::uint64_t last = (event.page + event.size - 1) >> 12;
    touch(first, event.access, event.clock);
    if (last != first) touch(last, event.access, event.clock + 1);
  }
}

inline unsigned fetch_kind(unsigned access) {
  switch (access) {
    case 0:
      return PW_FETCH_READ;
    case 1:
      return PW_FETCH_WRITE;
    case 2:
      return PW_FETCH_EXECUTE;
    case 4:
      return PW_FETCH_KERNEL_READ;
    default:
      return PW_FETCH_KERNEL_WRITE;
  }
}

// A plain LRU list of K pages.
class ModelFilter {
 public:
  explicit ModelFilter(std::size_t k) : k_(k) {}

  void touch(std::uint64_t page, unsigned access, std::uint64_t clock) {
    bool write = (access & 3) == 1;
    auto found = index_.find(page);
    if (found == index_.end()) {
      std::uint64_t evicted = 0;
      std::uint64_t age = 0;
      if (pages_.size() == k_) {
        evicted = pages_.back().page;
        age = clock - pages_.back().clock;
        index_.erase(evicted);
        pages_.pop_back();
      }
      expected.emplace_back(fetch_kind(access), page, clock, evicted, age);
      pages_.push_front({page, clock, write});
      index_[page] = pages_.begin();
      return;
    }
    if (write && !found->second->written) {
      expected.emplace_back(PW_FIRST_WRITE, page, clock, 0, 0);
      found->second->written = true;
    }
    found->second->clock = clock;
    pages_.splice(pages_.begin(), pages_, found->second);
  }

  void drop(PageRange range) {
    for (auto held = pages_.begin(); held != pages_.end();) {
      auto next = std::next(held);
      if (held->page >= range.first && held->page < range.end) {
        index_.erase(held->page);
        pages_.erase(held);
      }
      held = next;
    }
  }

  std::vector<Expected> expected;

 private:
  struct Held {
    std::uint64_t page;
    std::uint64_t clock;
    bool written;
  };
  std::size_t k_;
  std::list<Held> pages_;
  std::unordered_map<std::uint64_t, std::list<Held>::iterator> index_;
};

inline std::vector<Expected> fetches_and_first_writes(const Spool& spool) {
  std::vector<Expected> events;
  for (const SpoolEvent& event : spool.events) {
    if (event.kind > PW_FIRST_WRITE) continue;
    events.emplace_back(event.kind, event.page, event.clock, event.evicted, event.age);
  }
  return events;
}

inline void expect_equal(const std::vector<Expected>& got, const std::vector<Expected>& wanted) {
  EXPECT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < std::min(got.size(), wanted.size()); ++i)
    ASSERT_EQ(got[i], wanted[i]) << "event " << i;
}

// LRU misses by memory size, from a list of pages in order of their last reference.
class MissCounter {
 public:
  explicit MissCounter(std::vector<std::size_t> sizes)
      : misses(sizes.size()), sizes_(std::move(sizes)) {}
  // `depth`: number of other pages referenced since; nothing: never referenced.
  void count(std::optional<std::size_t> depth) {
    for (std::size_t i = 0; i < sizes_.size(); ++i)
      if (!depth || *depth >= sizes_[i]) ++misses[i];
  }
  std::vector<std::uint64_t> misses;

 private:
  std::vector<std::size_t> sizes_;
};

class PageList {
 public:
  std::optional<std::size_t> depth(std::uint64_t page) const {
    for (std::size_t i = 0; i < pages_.size(); ++i)
      if (pages_[pages_.size() - 1 - i] == page) return i;
    return std::nullopt;
  }
  void remove(std::uint64_t page) { std::erase(pages_, page); }
  void put_first(std::uint64_t page) { remove(page), pages_.push_back(page); }
  void drop(PageRange range) {
    std::erase_if(pages_, [&](std::uint64_t p) { return p >= range.first && p < range.end; });
  }

 private:
  std::vector<std::uint64_t> pages_;  // the last one was referenced last
};

inline const std::vector<std::size_t> kSizes = {64, 65, 70, 80, 100, 128, 150, 200, 300, 400};

inline std::vector<std::uint64_t> misses_of_full(const Spool& full) {
  MissCounter counter(kSizes);
  PageList list;
  replay_full(
      full,
      [&](std::uint64_t page, unsigned, std::uint64_t) {
        counter.count(list.depth(page));
        list.put_first(page);
      },
      [&](PageRange range) { list.drop(range); });
  return counter.misses;
}

// Only the pages outside the filter are in order; those inside were all referenced later.
inline std::vector<std::uint64_t> misses_of_pages(const Spool& pages) {
  MissCounter counter(kSizes);
  PageList outside;
  std::size_t inside = 0;
  for (const SpoolEvent& event : pages.events) {
    if (event.kind == PW_CONTROL && event.code == PW_FILTER_DROP) --inside;
    if (auto range = taken_away(event)) outside.drop(*range);
    if (event.kind > PW_FETCH_KERNEL_WRITE) continue;
    auto depth = outside.depth(event.page);
    counter.count(depth ? std::optional(*depth + inside) : std::nullopt);
    outside.remove(event.page);
    if (event.evicts) outside.put_first(event.evicted);
    inside += event.evicts ? 0 : 1;
  }
  return counter.misses;
}

inline std::vector<Expected> model_of(const Spool& full, std::size_t k) {
  ModelFilter model(k);
  replay_full(
      full, [&](auto page, auto access, auto clock) { model.touch(page, access, clock); },
      [&](PageRange range) { model.drop(range); });
  return std::move(model.expected);
}

}  // namespace pw::recorder_test
