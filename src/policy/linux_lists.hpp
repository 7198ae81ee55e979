// Linux's two lists: the active and the inactive list with refault distance, as Linux ages
// anonymous memory without the multi-generational LRU. Followed is Linux 6.6: mm/vmscan.c
// (shrink_lruvec(), shrink_active_list(), folio_check_references(), inactive_is_low()),
// mm/workingset.c.
//
//                     used again (twice seen), or
//                     refaulted soon enough
//                  +-------------------------------+
//                  |                               v
//   fault ---> [ inactive ]  <-- deactivated -- [ active ]
//                  |               (too long)
//                  v
//              evicted, remembered with the age at which it went
//
// A page that is mapped by its first fault comes with its accessed bit set, so one look that finds
// the bit proves nothing: the page is marked and goes round once more; a second such look makes it
// active. Pages of the active list are deactivated in turn, referenced or not, while the inactive
// list is shorter (inactive_is_low: in machines of many GiB it may be shorter by a factor), or
// while refaults are seen, which say that the active pages are no longer the right ones.
//
// Refault distance. `age` counts evictions and activations: each moves every page of the inactive
// list a place on. A page evicted at age E that comes back at age R would not have been evicted if
// the inactive list had been R - E longer. It could have been that long had the active pages not
// been there; so if R - E <= the active pages, the newcomer goes to the active list.
//
// Reclaim works in rounds: at priority p a round looks at a 2^p-th of each list, in turns of
// `batch` pages (SWAP_CLUSTER_MAX); it begins at `priority` (DEF_PRIORITY 12) and goes on to lower
// ones until `batch` pages were freed. Here it stops at every page freed and goes on there when the
// next is wanted. If all rounds of a search down to priority 0 free nothing twice, where Linux
// would kill, the oldest page that may go is taken, referenced or not.
//
// Not followed: PG_workingset, which only weighs the two pairs of lists against each other and
// serves statistics. Here one pair of lists stands for both kinds of pages, by the rules of
// anonymous ones (with --swappiness the machine has a pair for each kind, which don't hear of each
// other's sizes). Executable file pages get no extra trip, and a page with several translations
// counts as referenced once. What may not go is activated, as Linux does with pages that it finds
// pinned or under writeback. erase() of a page that is not resident forgets its age. miss() is not
// needed: all is done by insert().
//
// Parameters: batch, priority; refaults=0 takes every page for a new one.
#pragma once

#include <algorithm>

#include "policy/id_queues.hpp"
#include "policy/policy.hpp"
#include "policy/shown_list.hpp"

namespace pw::policy {

class LinuxLists {
 public:
  static constexpr std::string_view kName = "linux-lists";
  static constexpr Needs kNeeds = Needs::AccessedBits;
  static constexpr bool kRemembers = true;
  static constexpr std::array kParameters{
      Parameter{"batch", 32, 1, 4096, "pages looked at, and freed, at a time: SWAP_CLUSTER_MAX"},
      Parameter{"priority", 12, 0, 30, "a round begins with a 2^priority-th of a list"},
      Parameter{"refaults", 1, 0, 1, "whether refault distances activate pages"}};

  explicit LinuxLists(const Setup& setup)
      : lists_(setup),
        most_active_(2 * setup.frames),
        batch_(static_cast<std::uint32_t>(setup.value(kParameters, 0))),
        first_priority_(static_cast<int>(setup.value(kParameters, 1))),
        refaults_on_(setup.value(kParameters, 2) != 0),
        age_mask_((1U << (lists_.note_bits() - 1)) - 1),  // a note is 2 * age + 1, so never 0
        priority_(first_priority_) {}

  std::uint32_t size() const { return lists_.size(); }
  std::uint32_t active() const { return lists_.size(kActive); }
  void touch(Id) {}
  void prefetch(Id id) const { lists_.prefetch(id); }

  void insert(Id id) {
    const std::uint32_t note = lists_.contains(id) || id >= lists_.ids() ? 0 : lists_.note(id);
    if (note == 0 || !refaults_on_ || distance(note) > lists_.size(kActive)) {
      lists_.push_back(id, kInactive);
      return;
    }
    lists_.push_back(id, kActive);
    grow_older();
    ++refaults_;
  }
  void erase(Id id) {
    if (lists_.contains(id)) {
      lists_.remove(id);
    } else {
      lists_.set_note(id, 0);
    }
  }

  template <class Probe>
  Id victim(Probe&& probe) {
    for (int failures = 0; failures < 2;) {
      if (!in_round_) begin_round();
      while (turn_ > 0) {
        --turn_;
        const Id id = lists_.front(kInactive);
        if (id == kNoPage) break;
        if (!may_evict(id, probe)) continue;
        ++freed_;
        return evict(id);
      }
      const std::uint32_t active_turn = std::min(active_left_, batch_);
      active_left_ -= active_turn;
      shrink_active(active_turn, probe);
      in_round_ = inactive_left_ > 0 && (freed_ < batch_ || priority_ == first_priority_);
      if (in_round_) {
        begin_turn();
      } else if (!end_round(probe)) {
        ++failures;
      }
    }
    return take_any(probe);
  }
  std::vector<ShownList> lists() {
    return {shown_queue(lists_, kInactive, "inactive"), shown_queue(lists_, kActive, "active")};
  }

 private:
  static constexpr unsigned kInactive = 0, kActive = 1;
  static constexpr unsigned kReferenced = 1;  // PG_referenced

  std::uint32_t distance(std::uint32_t note) const { return (age_ - (note >> 1)) & age_mask_; }
  // Ages in notes wrap round. Before one could seem young again it is dropped: none counts beyond
  // the number of active pages.
  void grow_older() {
    age_ = (age_ + 1) & age_mask_;
    if ((age_ & (age_mask_ >> 1)) != 0) return;
    for (Id id = 0; id < lists_.ids(); ++id) {
      if (lists_.contains(id) || lists_.note(id) == 0) continue;
      if (distance(lists_.note(id)) > most_active_) lists_.set_note(id, 0);
    }
  }
  // inactive_is_low(): one to one below a GiB, then 1 to sqrt(10 * GiB).
  bool inactive_is_low() const {
    constexpr unsigned kPagesOfGib = 18;
    const std::uint64_t gib = lists_.size() >> kPagesOfGib;
    std::uint64_t ratio = 1;
    while (gib > 0 && (ratio + 1) * (ratio + 1) <= 10 * gib) ++ratio;
    return lists_.size(kInactive) * ratio < lists_.size(kActive);
  }

  // folio_check_references() and where shrink_folio_list() puts the page.
  template <class Probe>
  bool may_evict(Id id, Probe& probe) {
    const Verdict verdict = probe(id);
    if (verdict == Verdict::Idle) return true;
    const unsigned flags = lists_.flags(id);
    if (verdict == Verdict::Unevictable || flags == kReferenced) {
      activate(id, flags);
    } else {
      lists_.move_to_back(id, kInactive, kReferenced);
    }
    return false;
  }
  void activate(Id id, unsigned flags) {
    lists_.move_to_back(id, kActive, flags);
    grow_older();
  }
  Id evict(Id id) {
    lists_.remove(id);
    lists_.set_note(id, age_ << 1 | 1);
    grow_older();
    return id;
  }
  template <class Probe>
  void shrink_active(std::uint32_t pages, Probe& probe) {
    for (; pages > 0; --pages) {
      const Id id = lists_.front(kActive);
      if (id == kNoPage) return;
      probe(id);  // its bit is cleared; that it was set does not keep it
      lists_.move_to_back(id, kInactive, lists_.flags(id));
    }
  }
  void begin_round() {
    const bool deactivate = refaults_ != refaults_seen_ || inactive_is_low();
    inactive_left_ = lists_.size(kInactive) >> priority_;
    active_left_ = deactivate && inactive_left_ > 0 ? lists_.size(kActive) >> priority_ : 0;
    in_round_ = true;
    begin_turn();
  }
  void begin_turn() {
    turn_ = std::min(inactive_left_, batch_);
    inactive_left_ -= turn_;
  }
  // False: the lowest priority ended without enough pages.
  template <class Probe>
  bool end_round(Probe& probe) {
    if (inactive_is_low()) shrink_active(batch_, probe);
    if (freed_ < batch_ && priority_ > 0) {
      --priority_;
      return true;
    }
    const bool enough = freed_ >= batch_;
    priority_ = first_priority_;
    freed_ = 0;
    refaults_seen_ = refaults_;
    return enough;
  }
  template <class Probe>
  Id take_any(Probe& probe) {
    const auto may_go = [&](Id id) { return probe(id) != Verdict::Unevictable; };
    Id found = lists_.find(kInactive, may_go);
    if (found == kNoPage) found = lists_.find(kActive, may_go);
    return found == kNoPage ? kNoPage : evict(found);
  }

  IdQueues<2, 1> lists_;       // the next to be looked at in front
  std::uint32_t most_active_;  // generously: callers count frames roughly
  std::uint32_t batch_;
  int first_priority_;
  bool refaults_on_;
  std::uint32_t age_mask_;
  std::uint32_t age_ = 0;                           // nonresident_age
  std::uint64_t refaults_ = 0, refaults_seen_ = 0;  // that activated; at the end of the last
                                                    // reclaim
  // The round under way: pages still to be looked at, in this turn and after it.
  bool in_round_ = false;
  int priority_;
  std::uint32_t turn_ = 0, inactive_left_ = 0, active_left_ = 0;
  std::uint32_t freed_ = 0;  // by this reclaim
};

}  // namespace pw::policy
