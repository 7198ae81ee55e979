// For the tests of the curves: reference strings, a plain LRU-K filter that makes of them what a
// recorder would, and naive LRU and OPT on the unfiltered string.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "base/random.hpp"
#include "record/recording.hpp"

namespace pw::analysis::testing {

using Pages = std::vector<std::uint64_t>;

// One stream's filter: references in, events of a chunk out.
class Filter {
 public:
  explicit Filter(std::size_t k) : k_(k) {}

  std::vector<std::uint64_t> pages() const {
    std::vector<std::uint64_t> pages;
    for (const auto& [page, clock] : last_) pages.push_back(page);
    return pages;
  }
  std::uint64_t clock() const { return clock_; }

  void reference(std::uint64_t page, std::vector<record::Event>& out) {
    ++clock_;
    if (!last_.contains(page)) {
      record::Event e;
      e.kind = record::EventKind::Fetch;
      e.clock = clock_;
      e.page = page;
      if (last_.size() == k_) {
        const auto oldest = std::min_element(
            last_.begin(), last_.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
        e.evicted = oldest->first;
        e.last_reference = oldest->second;
        last_.erase(oldest);
      }
      out.push_back(e);
    }
    last_[page] = clock_;
  }

  void reset(std::vector<record::Event>& out) {  // in order of the pages, as a recorder's slots
    for (const auto& [page, clock] : last_) {
      record::Event e;
      e.kind = record::EventKind::FilterGone;
      e.clock = clock_;
      e.page = page;
      e.last_reference = clock;
      out.push_back(e);
    }
    last_.clear();
  }

 private:
  std::size_t k_;
  std::uint64_t clock_ = 0;
  std::map<std::uint64_t, std::uint64_t> last_;  // page -> clock of its last reference
};

inline record::Chunk begin_chunk(const Filter& filter, std::uint32_t pid) {
  record::Chunk chunk;
  chunk.info.pid = pid;
  chunk.info.clock = filter.clock();
  chunk.filter = filter.pages();
  return chunk;
}

inline void end_chunk(const Filter& filter, record::Chunk& chunk) {
  chunk.info.end_clock = filter.clock();
  chunk.info.events = chunk.events.size();
}

// What a recorder with a filter of `k` pages tells of the references, as a trace.
inline DenseTrace filtered(const Pages& refs, std::size_t k,
                           std::size_t references_per_chunk = ~std::size_t{0}) {
  DenseTraceBuilder builder(record::Detail::Pages, static_cast<std::uint32_t>(k));
  Filter filter(k);
  for (std::size_t at = 0; at < refs.size();) {
    record::Chunk chunk = begin_chunk(filter, 1);
    const std::size_t end = at + std::min(refs.size() - at, references_per_chunk);
    for (; at < end; ++at) filter.reference(refs[at], chunk.events);
    end_chunk(filter, chunk);
    EXPECT_TRUE(builder.add(chunk));
  }
  return builder.finish();
}

// A chunk of a recording with every reference.
inline record::Chunk unfiltered_chunk(const Pages& refs) {
  record::Chunk chunk;
  chunk.info.pid = 1;
  for (const std::uint64_t page : refs) {
    record::Event e;
    e.kind = record::EventKind::Reference;
    e.clock = ++chunk.info.end_clock;
    e.address = page * kPageSize + 100;
    e.size = 8;
    chunk.events.push_back(e);
  }
  return chunk;
}

// Misses of LRU by definition: a list, most recent first.
inline std::uint64_t naive_lru(const Pages& refs, std::size_t frames) {
  std::list<std::uint64_t> stack;
  std::uint64_t misses = 0;
  for (const std::uint64_t page : refs) {
    const auto at = std::find(stack.begin(), stack.end(), page);
    if (at == stack.end()) {
      ++misses;
      if (stack.size() == frames) stack.pop_back();
    } else {
      stack.erase(at);
    }
    stack.push_front(page);
  }
  return misses;
}

// Misses of OPT by definition: on a miss, the page whose next reference is farthest goes.
inline std::uint64_t naive_opt(const Pages& refs, std::size_t frames) {
  std::vector<std::size_t> next(refs.size());
  std::map<std::uint64_t, std::size_t> seen;
  for (std::size_t i = refs.size(); i-- > 0;) {
    next[i] = seen.contains(refs[i]) ? seen[refs[i]] : refs.size();
    seen[refs[i]] = i;
  }
  std::map<std::uint64_t, std::size_t> resident;  // page -> its next reference
  std::uint64_t misses = 0;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (!resident.contains(refs[i])) {
      ++misses;
      if (resident.size() == frames) {
        resident.erase(
            std::max_element(resident.begin(), resident.end(),
                             [](const auto& a, const auto& b) { return a.second < b.second; }));
      }
    }
    resident[refs[i]] = next[i];
  }
  return misses;
}

// Reference strings of different character, `length` long, over at most `pages` pages.
inline Pages uniform(Random& random, std::size_t length, std::uint64_t pages) {
  Pages refs(length);
  for (auto& r : refs) r = random.below(pages);
  return refs;
}

inline Pages loops(Random& random, std::size_t length, std::uint64_t pages) {
  Pages refs;
  while (refs.size() < length) {
    const std::uint64_t begin = random.below(pages);
    const std::uint64_t size = 1 + random.below(pages - begin);
    for (std::uint64_t round = 1 + random.below(4); round > 0; --round) {
      for (std::uint64_t p = begin; p < begin + size; ++p) refs.push_back(p);
    }
  }
  refs.resize(length);
  return refs;
}

// A few hot pages among a scan, with phases: what programs look like.
inline Pages phases(Random& random, std::size_t length, std::uint64_t pages) {
  Pages refs;
  while (refs.size() < length) {
    const std::uint64_t hot = random.below(pages);
    std::uint64_t scan = random.below(pages);
    for (std::uint64_t i = 20 + random.below(200); i > 0; --i) {
      refs.push_back((hot + random.below(3) * random.below(5)) % pages);
      if (random.chance(3)) refs.push_back(scan++ % pages);
    }
  }
  refs.resize(length);
  return refs;
}

inline std::vector<Pages> strings_of_all_kinds(std::uint64_t seed, std::size_t length,
                                               std::uint64_t pages) {
  Random random(seed);
  return {uniform(random, length, pages), loops(random, length, pages),
          phases(random, length, pages)};
}

}  // namespace pw::analysis::testing
