// The curve engine's inner loop: one policy over one trace with one memory size, as a template, so
// that a hit costs a byte's test and what the policy itself does with it.
//
// A byte of flags for each page says whether it is resident and carries its accessed bit, as a page
// table entry would; the policy sees it through its probe. Frames are all free at the start.
// Virtual time is the number of the reference.
//
// On a filtered recording (DenseTrace) the references known are a page's Use and its Rest; those
// between are hidden by the recorder's filter. A page that the policy evicts while it is in use is
// referenced again at once, since its next hidden reference is about to come; the accessed bit of a
// page in use is always set. That is exact for LRU beyond the filter's size, and for every policy
// where nothing is hidden (--detail full); otherwise it is a model, see Played::modelled.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/page_trace.hpp"
#include "base/check.hpp"
#include "policy/list.hpp"
#include "policy/policy.hpp"

namespace pw::analysis {

// What one run came to.
struct Played {
  std::uint64_t references = 0;    // played, hits and misses
  std::uint64_t misses = 0;        // cold ones included
  std::uint64_t evictions = 0;     // misses + given_up - what is resident at the end - dropped
  std::uint64_t given_up = 0;      // of these, because the policy wanted (surplus)
  std::uint64_t resident_sum = 0;  // resident pages at each reference, summed: the mean is
                                   // resident_sum / references. Policies that give up pages only
  std::uint64_t modelled = 0;      // references inserted for pages evicted while in use
};

struct NoObserver {
  void evicted(PageId, std::uint64_t /*time*/) {}
};

// The memory: flags, free frames, and the policy's doings. Observer hears of each eviction. Flags
// are zero memory that the host supplies where it is touched, so `ids` may be far above those in
// use.
template <class P, class Observer = NoObserver>
class Player {
 public:
  Player(P& policy, std::uint32_t ids, std::uint32_t frames, Observer observer = {})
      : policy_(policy), flags_(ids), frames_(frames), observer_(observer) {
    PW_CHECK(frames > 0);
    run_ticks(0);
  }

  // The reference with number `time`, which never goes back; `next` is the time of the page's next
  // reference (used by policies that need the future).
  void reference(PageId page, std::uint64_t time, std::uint64_t next = policy::kNever) {
    if constexpr (policy::kTicks<P>) {
      if (time >= next_tick_) run_ticks(time);
    }
    if constexpr (policy::kGivesUp<P>) played_.resident_sum += used_;
    ++played_.references;
    std::uint8_t& flags = flags_[page];
    if ((flags & kResident) == 0) [[unlikely]] {
      miss(page, time, next);
      return;
    }
    if constexpr (P::kNeeds == policy::Needs::AccessedBits) {
      flags |= kAccessed;
    } else if constexpr (policy::kHearsReferences<P>) {
      if constexpr (P::kNeeds == policy::Needs::Future) policy_.foresee(next);
      policy_.touch(page);
    }
  }

  // References to `pages`, of which the first has the number `time`. Not for policies that need the
  // future.
  void references(std::span<const PageId> pages, std::uint64_t time) {
    static_assert(P::kNeeds != policy::Needs::Future);
    for (std::size_t i = 0; i < pages.size(); ++i) {
      if (i + kAhead < pages.size()) prefetch(pages[i + kAhead]);
      reference(pages[i], time + i);
    }
  }

  // The page is in use from here, or no longer: see DenseTrace.
  void set_in_use(PageId page, bool in_use) {
    flags_[page] = static_cast<std::uint8_t>(in_use ? flags_[page] | kInUse
                                                    : flags_[page] & ~kInUse);
  }
  // Its memory was given back.
  void drop(PageId page) {
    if ((flags_[page] & kResident) != 0) {
      --used_;
      policy_.erase(page);
    } else if constexpr (policy::remembers<P>()) {
      policy_.erase(page);
    }
    flags_[page] = 0;
  }

  bool resident(PageId page) const { return (flags_[page] & kResident) != 0; }
  std::uint32_t used() const { return used_; }
  const Played& played() const { return played_; }
  static constexpr std::size_t kAhead = 16;  // references between prefetch() and the page's turn
  // Hints to the host that the page's reference is near.
  void prefetch(PageId page) const {
    __builtin_prefetch(&flags_[page]);
    if constexpr (policy::kPrefetches<P>) policy_.prefetch(page);
  }

 private:
  enum Flag : std::uint8_t { kResident = 1, kAccessed = 2, kInUse = 4 };

  struct Probe {
    std::uint8_t* flags;

    policy::Verdict operator()(PageId page) const {
      const bool accessed = (flags[page] & (kAccessed | kInUse)) != 0;
      flags[page] &= static_cast<std::uint8_t>(~kAccessed);
      return accessed ? policy::Verdict::Accessed : policy::Verdict::Idle;
    }
    [[gnu::always_inline]] void prefetch(PageId page) const { __builtin_prefetch(&flags[page], 1); }
  };
  Probe probe() { return {&flags_[0]}; }

  void run_ticks(std::uint64_t time) {
    if constexpr (policy::kTicks<P>) {
      next_tick_ = policy_.tick(time, probe());
      take_surplus(time);
    }
  }
  void take_surplus(std::uint64_t time) {
    if constexpr (policy::kGivesUp<P>) {
      for (PageId page; (page = policy_.surplus(probe())) != policy::kNoPage;) {
        ++played_.given_up;
        evict(page, time);
      }
    }
  }
  void evict(PageId page, std::uint64_t time) {
    flags_[page] &= static_cast<std::uint8_t>(~(kResident | kAccessed));
    --used_;
    ++played_.evictions;
    observer_.evicted(page, time);
    if ((flags_[page] & kInUse) != 0) again_.push_back(page);
  }

  void miss(PageId page, std::uint64_t time, std::uint64_t next) {
    fetch(page, time, next);
    // Pages evicted while in use come back, each at most once for one reference.
    for (std::size_t i = 0; i < again_.size() && i < frames_; ++i) {
      if (resident(again_[i])) continue;
      ++played_.modelled;
      ++played_.references;
      fetch(again_[i], time, policy::kNever);
    }
    again_.clear();
  }
  void fetch(PageId page, std::uint64_t time, std::uint64_t next) {
    ++played_.misses;
    run_ticks(time);
    if constexpr (policy::kHearsMisses<P>) {
      policy_.miss(page, probe());
      take_surplus(time);
    }
    if (used_ == frames_) {
      const PageId victim = policy_.victim(probe());
      PW_CHECK_MSG(victim != policy::kNoPage, "a policy found no victim though all may go");
      evict(victim, time);
    }
    if constexpr (P::kNeeds == policy::Needs::Future) policy_.foresee(next);
    policy_.insert(page);
    ++used_;
    bool accessed = P::kNeeds == policy::Needs::AccessedBits;
    if constexpr (requires { policy_.marks_new(); }) accessed = policy_.marks_new();
    flags_[page] |= static_cast<std::uint8_t>(accessed ? kResident | kAccessed : kResident);
  }

  P& policy_;
  policy::ZeroedArray<std::uint8_t> flags_;
  std::uint32_t frames_;
  std::uint32_t used_ = 0;
  std::uint64_t next_tick_ = policy::kNever;
  std::vector<PageId> again_;  // evicted while in use by the reference being worked on
  Played played_;
  [[no_unique_address]] Observer observer_;
};

// `next`: next_references(trace) for a policy that needs the future, else null.
template <class P, class Observer = NoObserver>
Played play(const PageTrace& trace, P& policy, std::uint32_t frames,
            [[maybe_unused]] const std::uint32_t* next = nullptr, Observer observer = {}) {
  Player<P, Observer> player(policy, trace.ids, frames, observer);
  if constexpr (P::kNeeds == policy::Needs::Future) {
    const std::size_t count = trace.pages.size();
    for (std::size_t i = 0; i < count; ++i) {
      if (i + player.kAhead < count) player.prefetch(trace.pages[i + player.kAhead]);
      player.reference(trace.pages[i], i, next[i] == kNoNext ? policy::kNever : next[i]);
    }
  } else {
    player.references(trace.pages, 0);
  }
  return player.played();
}

// The same over a recording. Policies that need the future are not run here: see opt_curve.hpp.
template <class P, class Observer = NoObserver>
Played play(const DenseTrace& trace, P& policy, std::uint32_t frames, Observer observer = {}) {
  static_assert(P::kNeeds != policy::Needs::Future);
  Player<P, Observer> player(policy, trace.ids, frames, observer);
  std::uint64_t time = 0;
  for (const Op op : trace.ops) {
    switch (op.kind()) {
      case OpKind::Use:
        player.reference(op.id(), time++);
        player.set_in_use(op.id(), true);
        break;
      case OpKind::Rest:
        player.set_in_use(op.id(), false);
        player.reference(op.id(), time++);
        break;
      case OpKind::Drop:
        player.drop(op.id());
        break;
    }
  }
  return player.played();
}

}  // namespace pw::analysis
