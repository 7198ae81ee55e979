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
// S is not kept as a stack. Only LIR pages stand in line, by recency; each has a stamp from a
// counter, which steps on when a page comes on top as LIR. A page that comes there as HIR takes the
// stamp of the moment, and is in S for as long as that is not below the bottom's:
//
//    LIR pages   L 3 (bottom)    L 7    L 8 (counter)
//    HIR pages   2: not in S     7: in S, between L 7 and L 8       so long as the bottom is <= 7
//
// Thus a page that is out costs its number and nothing else, though S has no bound. Stamps are
// renumbered in their order when the counter has come to two for each id: O(1) amortised. Only
// where `stack` can matter, because there are more ids than that, S is a queue too (stack_).
//
// Memory: 8 bytes a slot of the LIR pages and of Q, at most 1.6 slots a resident page, and a number
// an id; while stamps are renumbered a third of a byte an id more. With a bound on S: also 4
// bytes a slot of S and another number an id.
//
// The victim is the front of Q, or, if no page of Q may go, the lowest LIR page that may. A page
// that may not go keeps its place. erase() takes a page out of S and Q; the next new page becomes
// LIR while their share is not full. With too few frames for an LIR page it is LRU.
#pragma once

#include <algorithm>
#include <bit>
#include <optional>
#include <vector>

#include "policy/id_queues.hpp"
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
      : lir_limit_(lir_limit(setup)),
        stack_limit_(setup.value(kParameters, 1) * setup.frames),
        most_stamps_(most_stamps(setup)),
        pages_(setup, most_stamps_) {
    if (stack_limit_ >= setup.ids) return;
    Setup bounded = setup;
    bounded.frames = static_cast<std::uint32_t>(stack_limit_) + 1;
    stack_.emplace(bounded);
  }

  std::uint32_t size() const { return pages_.size(); }

  void insert(Id id) {
    PW_CHECK_MSG(id < pages_.ids() && !pages_.contains(id),
                 "the page is resident already, or no id of this policy");
    last_ = id;
    refer(id, pages_.size(kLir) < lir_limit_ || in_stack(id));
  }
  void touch(Id id) {
    if (id == last_) return;
    last_ = id;
    if (pages_.queue_of(id) == kLir) {
      pages_.move_to_back(id, kLir, 0, next_stamp());
      if (stack_) {
        to_top(id);
        tidy();
      }
    } else {
      refer(id, in_stack(id));
    }
  }
  void erase(Id id) {
    if (last_ == id) last_ = kNoPage;
    if (pages_.contains(id)) {
      pages_.remove(id);
    } else {
      pages_.set_note(id, 0);
    }
    if (!stack_) return;
    if (stack_->contains(id)) leave_stack(id);
    prune();
  }

  template <class Probe>
  Id victim(Probe&& probe) {
    Id id = first_evictable(pages_, kHir, probe);
    if (id == kNoPage) {
      id = first_evictable(pages_, kLir, probe);
      if (id == kNoPage) return kNoPage;
      lowest_hir_ = kNoPage;
    }
    const std::uint32_t stamp = pages_.extra(id);
    pages_.remove(id);
    pages_.set_note(id, stamp);
    if (stack_) prune();
    return id;
  }
  void prefetch(Id id) const { pages_.prefetch(id); }

 private:
  enum Queue : unsigned { kLir, kHir, kQueues };
  using Pages = IdQueues<kQueues, 0, std::uint32_t, Packing::Dense>;

  static std::uint32_t lir_limit(const Setup& setup) {
    const std::uint32_t hir = setup.share(setup.value(kParameters, 0), 2);
    return setup.frames > hir ? setup.frames - hir : 0;
  }
  static std::uint32_t most_stamps(const Setup& setup) {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(std::uint64_t{2} * setup.ids, (1U << 31) - 1));
  }

  bool is_lir(Id id) const { return pages_.contains(id) && pages_.queue_of(id) == kLir; }
  // Whether the page, which is not LIR, is in S.
  bool in_stack(Id id) {
    if (stack_) return stack_->contains(id);
    if (pages_.front(kLir) == kNoPage) return false;
    const std::uint32_t stamp = pages_.contains(id) ? pages_.extra(id) : pages_.note(id);
    return stamp >= pages_.front_extra(kLir);
  }
  // Puts the page on top of S, as LIR or as HIR. If there are too many LIR pages then, the lowest
  // one makes place, which is the end of S for what lies below the next.
  void refer(Id id, bool lir) {
    const unsigned queue = lir ? kLir : kHir;
    const std::uint32_t stamp = lir ? next_stamp() : stamp_;
    if (pages_.contains(id)) {
      pages_.move_to_back(id, queue, 0, stamp);
    } else {
      pages_.push_back(id, queue, 0, stamp);
    }
    if (stack_) to_top(id);
    if (pages_.size(kLir) > lir_limit_) {
      const Id lowest = pages_.front(kLir);
      pages_.move_to_back(lowest, kHir, 0, kNoStamp);
      if (stack_) leave_stack(lowest);
    }
    if (stack_) tidy();
  }

  std::uint32_t next_stamp() {
    if (stamp_ == most_stamps_) [[unlikely]]
      renumber();
    return ++stamp_;
  }
  // The stamp of a LIR page becomes its place in line, that of another page the place of the LIR
  // page next below it: kNoStamp if there is none.
  [[gnu::noinline]] void renumber() {
    constexpr std::uint32_t kBits = 64;
    std::vector<std::uint64_t> used(most_stamps_ / kBits + 1, 0);  // by LIR pages, a bit a stamp
    std::vector<std::uint32_t> below(used.size() / 2 + 1);  // two words: how many before these
    pages_.for_each(kLir, [&](Id id) {
      const std::uint32_t stamp = pages_.extra(id);
      used[stamp / kBits] |= std::uint64_t{1} << stamp % kBits;
    });
    stamp_ = 0;
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (i % 2 == 0) below[i / 2] = stamp_;
      stamp_ += static_cast<std::uint32_t>(std::popcount(used[i]));
    }
    PW_CHECK(stamp_ < most_stamps_);
    const auto renumbered = [&](std::uint32_t stamp) {
      const std::uint64_t up_to = ~std::uint64_t{0} >> (kBits - 1 - stamp % kBits);
      const std::uint32_t word = stamp / kBits;
      const int here = std::popcount(used[word] & up_to) +
                       (word % 2 == 0 ? 0 : std::popcount(used[word - 1]));
      return below[word / 2] + static_cast<std::uint32_t>(here);
    };
    for (const unsigned queue : {kLir, kHir}) {
      pages_.for_each(queue, [&](Id id) { pages_.extra(id) = renumbered(pages_.extra(id)); });
    }
    pages_.change_notes(renumbered);
  }

  // S as a queue, where it has a bound.
  void to_top(Id id) {
    if (stack_->contains(id)) leave_stack(id);
    stack_->push_back(id, 0);
  }
  void leave_stack(Id id) {
    if (lowest_hir_ == id) lowest_hir_ = stack_->next(id);
    stack_->remove(id);
  }
  // S ends with an LIR page: what lies below the lowest has no yardstick.
  void prune() {
    for (Id id; (id = stack_->front(0)) != kNoPage && !is_lir(id);) leave_stack(id);
  }
  void tidy() {
    prune();
    while (stack_->size() > stack_limit_) {
      if (lowest_hir_ == kNoPage) lowest_hir_ = stack_->front(0);
      while (lowest_hir_ != kNoPage && is_lir(lowest_hir_)) {
        lowest_hir_ = stack_->next(lowest_hir_);
      }
      if (lowest_hir_ == kNoPage) return;
      leave_stack(lowest_hir_);
    }
  }

  static constexpr std::uint32_t kNoStamp = 0;  // below every bottom

  std::uint32_t lir_limit_;
  double stack_limit_;
  std::uint32_t most_stamps_;
  std::uint32_t stamp_ = 0;  // of the LIR page that came on top last
  Pages pages_;              // LIR by recency, bottom in front; Q; extras are stamps, and notes too
  std::optional<IdQueues<1, 0, NoExtra, Packing::Dense>> stack_;  // S; absent: no bound on it
  Id lowest_hir_ = kNoPage;  // no HIR page of S lies below it; kNoPage: not known
  Id last_ = kNoPage;        // the page referenced last
};

}  // namespace pw::policy
