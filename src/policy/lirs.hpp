// LIRS, low inter-reference recency set: ranks pages by the distance between their last two
// references instead of by the last one alone. LIR pages have a short one and own nearly all
// frames; HIR pages have a long or unknown one and pass through a small queue. The stack S orders
// pages by recency and always ends with an LIR page; the recency of that page is the yardstick: a
// HIR page that is referenced again while it is still in S has a shorter distance, so the two
// change places:
//
//    S (recent on top)              Q (HIR pages in memory)
//      h  HIR, in memory   --.        front -> goes next
//      L  LIR                 '----->  h
//      n  HIR, not in memory          h'  (in Q, no longer in S)
//      L  LIR  <- bottom: becomes HIR, to the end of Q, when h or n is referenced
//
// Pages loop and scan through Q alone; a loop longer than the memory keeps most of it.
//
// Source: Jiang, Zhang, "LIRS: an efficient low inter-reference recency set replacement policy",
// SIGMETRICS 2002, in the variant of the authors' program: the first pages are LIR, a reference to
// the page referenced just before counts for nothing, and S is long enough never to matter.
// libCacheSim's variant, which bounds S at twice the memory, also gives up a page when a page is
// referenced that is in Q alone, and has other miss counts.
// Parameters: hir (0.01, two pages at least), stack (2500: pages in S, in sizes of the memory;
// beyond that the lowest HIR page leaves S).
//
// The victim is the front of Q, or, if no page of Q may go, the lowest LIR page that may. A page
// that may not go keeps its place. erase() takes a page out of S and Q; the next new page becomes
// LIR while their share is not full. With too few frames for an LIR page it is LRU.
#pragma once

#include "policy/id_queues.hpp"
#include "policy/list.hpp"
#include "policy/policy.hpp"
#include "policy/search.hpp"

namespace pw::policy {

class Lirs {
 public:
  static constexpr std::string_view kName = "lirs";
  static constexpr Needs kNeeds = Needs::References;
  static constexpr bool kRemembers = true;
  static constexpr std::array kParameters{
      Parameter{"hir", 0.01, 0, 1, "share of the frames for pages with long distances"},
      Parameter{"stack", 2500, 1, 1e6, "pages known by recency, as a multiple of the frames"}};

  explicit Lirs(const Setup& setup)
      : ids_(setup.ids),
        lir_limit_(lir_limit(setup)),
        stack_limit_(setup.value(kParameters, 1) * setup.frames),
        stack_(setup.ids),
        queue_(setup),
        state_(setup.ids) {}

  std::uint32_t size() const { return lir_pages_ + queue_.size(); }

  void insert(Id id) {
    PW_CHECK_MSG(id < ids_ && (state_[id] & kResident) == 0,
                 "the page is resident already, or no id of this policy");
    last_ = id;
    const bool known = (state_[id] & kInStack) != 0;
    to_top(id);
    if (known || lir_pages_ < lir_limit_) {
      become_lir(id);
    } else {
      state_[id] = kInStack | kResident;
      queue_.push_back(id, 0);
    }
    tidy();
  }
  void touch(Id id) {
    if (id == last_) return;
    last_ = id;
    const std::uint8_t state = state_[id];
    to_top(id);
    if ((state & kLir) == 0) {
      if ((state & kInStack) != 0) {
        queue_.remove(id);
        become_lir(id);
      } else {
        queue_.move_to_back(id, 0);
      }
    }
    tidy();
  }
  void erase(Id id) {
    if (last_ == id) last_ = kNoPage;
    const std::uint8_t state = state_[id];
    if (state == 0) return;
    if ((state & kLir) != 0) {
      --lir_pages_;
    } else if ((state & kResident) != 0) {
      queue_.remove(id);
    }
    if ((state & kInStack) != 0) leave_stack(id);
    state_[id] = 0;
    prune();
  }

  template <class Probe>
  Id victim(Probe&& probe) {
    Id id = first_evictable(queue_, 0, probe);
    if (id != kNoPage) {
      queue_.remove(id);
    } else {
      id = lowest_lir(probe);
      if (id == kNoPage) return kNoPage;
      --lir_pages_;
      lowest_hir_ = kNoPage;
    }
    state_[id] &= kInStack;
    prune();
    return id;
  }
  void prefetch(Id id) const { __builtin_prefetch(&state_[id]); }

 private:
  // A page is in S (kInStack), in memory (kResident) as LIR or as HIR, or known by name alone.
  enum State : std::uint8_t { kLir = 1, kResident = 2, kInStack = 4 };

  static std::uint32_t lir_limit(const Setup& setup) {
    const std::uint32_t hir = setup.share(setup.value(kParameters, 0), 2);
    return setup.frames > hir ? setup.frames - hir : 0;
  }

  void to_top(Id id) {
    if ((state_[id] & kInStack) != 0) leave_stack(id);
    stack_.push_back(id);
    state_[id] |= kInStack;
  }
  void leave_stack(Id id) {
    if (lowest_hir_ == id) lowest_hir_ = stack_.next(id);
    stack_.remove(id);
  }
  // The page on top; the lowest LIR page makes place for it.
  void become_lir(Id id) {
    state_[id] = kLir | kResident | kInStack;
    if (++lir_pages_ <= lir_limit_) return;
    prune();
    const Id lowest = stack_.front();
    leave_stack(lowest);
    state_[lowest] = kResident;
    queue_.push_back(lowest, 0);
    --lir_pages_;
  }
  // S ends with an LIR page: what lies below the lowest has no yardstick.
  void prune() {
    for (Id id; (id = stack_.front()) != kNoPage && (state_[id] & kLir) == 0;) forget_recency(id);
  }
  void tidy() {
    prune();
    while (stack_.size() > stack_limit_) {
      if (lowest_hir_ == kNoPage) lowest_hir_ = stack_.front();
      while (lowest_hir_ != kNoPage && (state_[lowest_hir_] & kLir) != 0) {
        lowest_hir_ = stack_.next(lowest_hir_);
      }
      if (lowest_hir_ == kNoPage) return;
      forget_recency(lowest_hir_);
    }
  }
  void forget_recency(Id id) {
    leave_stack(id);
    state_[id] &= static_cast<std::uint8_t>(~kInStack);
  }
  template <class Probe>
  Id lowest_lir(Probe&& probe) {
    for (Id id = stack_.front(); id != kNoPage; id = stack_.next(id)) {
      if ((state_[id] & kLir) != 0 && probe(id) != Verdict::Unevictable) return id;
    }
    return kNoPage;
  }

  std::uint32_t ids_;
  std::uint32_t lir_limit_;
  double stack_limit_;
  IdLists<> stack_;    // S, bottom in front
  IdQueues<1> queue_;  // Q
  ZeroedArray<std::uint8_t> state_;
  std::uint32_t lir_pages_ = 0;
  Id lowest_hir_ = kNoPage;  // no HIR page of S lies below it; kNoPage: not known
  Id last_ = kNoPage;        // the page referenced last
};

}  // namespace pw::policy
