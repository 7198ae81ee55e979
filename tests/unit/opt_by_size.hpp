// For the tests of the OPT curve: OPT on a filtered trace at one size at a time, by definition: the
// page at rest whose next use is farthest goes (Belady, IBM Systems Journal 5(2), 1966). Pages in
// use stay, for the reason that analysis/opt_curve.hpp gives.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "base/check.hpp"

namespace pw::analysis::testing {

inline constexpr std::uint32_t kNever = 0xFFFF'FFFFU;

// The resident pages at rest, farthest next use first. Entries of pages that came into use again
// are left behind: their next use is past, so they sink below every valid entry, and are swept out
// when they must be the most, as no more than `frames` entries are valid.
class Candidates {
 public:
  explicit Candidates(std::uint64_t frames) : frames_(frames) {}

  void push(std::uint32_t next_use, PageId id) {
    if (next_use == kNever) {
      never_.push_back(id);
      return;
    }
    heap_.push_back({next_use, id});
    std::push_heap(heap_.begin(), heap_.end());
  }

  // A page used never again if there is one that `resident` accepts, else the farthest; `now` is
  // the index of the operation being worked on.
  template <class Resident>
  PageId pop(std::uint32_t now, Resident&& resident) {
    while (!never_.empty()) {
      const PageId id = never_.back();
      never_.pop_back();
      if (resident(id)) return id;
    }
    if (heap_.size() > 2 * frames_ + kSlack) sweep(now);
    PW_CHECK(!heap_.empty() && heap_.front().next_use > now);
    const PageId id = heap_.front().id;
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
    return id;
  }

 private:
  struct Entry {
    std::uint32_t next_use;
    PageId id;
    friend bool operator<(const Entry& a, const Entry& b) { return a.next_use < b.next_use; }
  };
  static constexpr std::size_t kSlack = 64;

  void sweep(std::uint32_t now) {
    std::erase_if(heap_, [now](const Entry& e) { return e.next_use <= now; });
    std::make_heap(heap_.begin(), heap_.end());
  }

  std::vector<Entry> heap_;
  std::vector<PageId> never_;  // dropped pages may linger here; they are not resident
  std::uint64_t frames_;
};

// For each operation that is a Rest: the index of the page's next Use in `ops`, else kNever.
inline std::vector<std::uint32_t> next_uses(const DenseTrace& trace) {
  PW_CHECK(trace.ops.size() < kNever);
  std::vector<std::uint32_t> next(trace.ops.size(), kNever);
  std::vector<std::uint32_t> next_of(trace.ids, kNever);
  for (std::size_t i = trace.ops.size(); i-- > 0;) {
    const Op op = trace.ops[i];
    if (op.kind() == OpKind::Use) {
      next_of[op.id()] = static_cast<std::uint32_t>(i);
    } else if (op.kind() == OpKind::Rest) {
      next[i] = next_of[op.id()];
    }
  }
  return next;
}

class OptBySize {
 public:
  explicit OptBySize(const DenseTrace& trace) : trace_(trace), next_use_(next_uses(trace)) {}

  bool known(std::uint64_t pages) const { return pages > trace_.filter_pages; }
  std::uint64_t misses(std::uint64_t pages) const {
    PW_CHECK(known(pages));
    std::vector<bool> resident(trace_.ids, false);
    Candidates candidates(pages);
    std::uint64_t used = 0;
    std::uint64_t misses = 0;
    for (std::uint32_t i = 0; i < trace_.ops.size(); ++i) {
      const PageId id = trace_.ops[i].id();
      switch (trace_.ops[i].kind()) {
        case OpKind::Use:
          if (resident[id]) break;
          ++misses;
          if (used == pages) {
            resident[candidates.pop(i, [&](PageId v) { return resident[v]; })] = false;
          } else {
            ++used;
          }
          resident[id] = true;
          break;
        case OpKind::Rest:
          candidates.push(next_use_[i], id);
          break;
        case OpKind::Drop:
          if (resident[id]) {
            resident[id] = false;
            --used;
          }
          break;
      }
    }
    return misses;
  }

 private:
  const DenseTrace& trace_;
  std::vector<std::uint32_t> next_use_;
};

}  // namespace pw::analysis::testing
