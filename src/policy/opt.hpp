// OPT: the page whose next reference is farthest in the future goes. No policy that has to make
// room on each miss has fewer misses; none that runs on a machine can do it. The yardstick.
//
//   now |  c   a   c   b   a ...         d is never used again: it goes
//       resident: a b c d                then b, whose next use is farthest
//
// Source: Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
// Journal 5(2), 1966 (MIN); optimality: Mattson, Gecsei, Slutz, Traiger, IBM Systems Journal 9(2),
// 1970. Demand paging: every missed page comes in, also one that is never used again. No
// parameters. The number of misses does not depend on how ties are broken, and only pages that are
// never used again can tie: the highest id goes.
//
// What is foreseen must come true (times of foresee() are those of later touch() or insert() calls)
// and lies below 2^32 - 1. Then a page's old entry in the heap needs no removal when the page is
// referenced: its time is past, and a victim's never is. Entries of the past are swept out when
// they are as many as the others. An erased page's entry goes at the next search that meets it. A
// page that may not go stays. O(log frames) a fault, O(1) on average a reference.
//
// Memory: 16 bytes a resident page (24 while the heap grows), 1 an id.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/check.hpp"
#include "policy/list.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class Opt {
 public:
  static constexpr std::string_view kName = "opt";
  static constexpr Needs kNeeds = Needs::Future;

  explicit Opt(const Setup& setup) : ids_(setup.ids), resident_(setup.ids) {}

  std::uint32_t size() const { return size_; }
  void foresee(std::uint64_t next) {
    PW_CHECK(next == kNever || next < kFar);
    next_ = next == kNever ? kFar : next;
  }
  void insert(Id id) {
    PW_CHECK_MSG(id < ids_ && resident_[id] == 0,
                 "the page is resident already, or no id of this policy");
    resident_[id] = 1;
    ++size_;
    push(id);
  }
  void touch(Id id) { push(id); }
  void erase(Id id) {
    PW_CHECK_MSG(id < ids_ && resident_[id] != 0, "the page is not resident in this policy");
    resident_[id] = 0;
    --size_;
  }

  template <class Probe>
  Id victim(Probe&& probe) {
    Id gone = kNoPage;
    kept_.clear();
    while (gone == kNoPage && !heap_.empty()) {
      const std::uint64_t entry = heap_.front();
      if (entry >> 32 < now_) break;  // only the past is left
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
      const auto id = static_cast<Id>(entry);
      if (resident_[id] == 0) continue;
      if (probe(id) == Verdict::Unevictable) {
        kept_.push_back(entry);
      } else {
        gone = id;
      }
    }
    for (const std::uint64_t entry : kept_) {
      heap_.push_back(entry);
      std::push_heap(heap_.begin(), heap_.end());
    }
    if (gone != kNoPage) erase(gone);
    return gone;
  }
  template <class Probe>
  std::uint64_t tick(std::uint64_t now, Probe&&) {
    now_ = now;
    return now + std::max(size_, kLeastSwept);
  }
  void prefetch(Id id) const { __builtin_prefetch(&resident_[id]); }

 private:
  static constexpr std::uint64_t kFar = 0xFFFF'FFFFU;
  static constexpr std::uint32_t kLeastSwept = 32;

  void push(Id id) {
    if (heap_.size() >= sweep_at_) sweep();
    heap_.push_back(next_ << 32 | id);
    std::push_heap(heap_.begin(), heap_.end());
  }
  void sweep() {
    std::erase_if(heap_, [&](std::uint64_t entry) {
      return entry >> 32 < now_ || resident_[static_cast<Id>(entry)] == 0;
    });
    std::make_heap(heap_.begin(), heap_.end());
    sweep_at_ = std::max<std::size_t>(2 * heap_.size(), kLeastSwept);
  }

  std::uint32_t ids_;
  ZeroedArray<std::uint8_t> resident_;
  std::vector<std::uint64_t> heap_;  // time of the next reference, id; the farthest in front
  std::vector<std::uint64_t> kept_;  // of one search: pages that may not go
  std::uint64_t next_ = kFar;        // of the page that comes next
  std::uint64_t now_ = 0;            // as told last
  std::size_t sweep_at_ = kLeastSwept;
  std::uint32_t size_ = 0;
};

}  // namespace pw::policy
