// CLOCK-Pro: LIRS made for accessed bits. One clock holds hot pages (short reuse distance), cold
// pages, and the names of cold pages that were evicted while their test ran. A page enters cold
// and in its test; if it is referenced again before the test ends, its distance is shorter than
// that of the hot page longest unused, and the two change places:
//
//               clock, time runs this way -->                           new pages
//      h   h  [n]  h  [n]  c   h   c   c   h  c                             |
//      ^          ^        ^                   ^----------------------------'
//   HAND hot   HAND test  HAND cold
//   makes idle ends tests,  evicts idle cold pages, leaves their names [n] while their test runs,
//   hot pages  drops names  promotes cold pages that were used in their test
//   cold
//
// Three hands turn the same way. How many frames cold pages get adapts: a page that returns in its
// test says that cold pages stayed too short (credit up), a test that ends without says the
// opposite. As many names as frames at most.
//
// Source: Jiang, Chen, Zhang, "CLOCK-Pro: an effective improvement of the CLOCK replacement",
// USENIX 2005, in every detail as the authors' program of that year does it, so that miss counts
// agree, among them: memory fills with hot pages first; the hot hand cannot pass the test hand but
// pushes it on; and where credit delays a promotion, it is the page under the next hand position
// that is spared once more. (That program skips a reference to the page referenced just before,
// which a policy on accessed bits cannot see: after a fault it sets the bit here.)
// Parameters: adaptive (1; 0: the share of cold pages stays at `least`), least and most (0.01 and
// 0.99: bounds of that share, two pages at least), fresh (0, as there: a page enters with its bit
// clear).
//
// A cold page that may not go moves to where pages enter; when no cold page may go, a hot one goes
// as in clock. A page is spared a bounded number of times in a search, even if its bit is set again
// and again. Without miss(), insert() promotes a page whose test runs, and the next search makes a
// hot page cold in return. erase() takes a page or a name out; freed frames are filled as at the
// start.
#pragma once

#include "policy/id_queues.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class ClockPro {
 public:
  static constexpr std::string_view kName = "clock-pro";
  static constexpr Needs kNeeds = Needs::AccessedBits;
  static constexpr bool kRemembers = true;
  static constexpr std::array kParameters{
      Parameter{"adaptive", 1, 0, 1, "whether the share of cold pages adapts"},
      Parameter{"least", 0.01, 0, 1, "least share of the frames for cold pages"},
      Parameter{"most", 0.99, 0, 1, "most of it"},
      Parameter{"fresh", 0, 0, 1, "whether the reference that faults sets the accessed bit"}};

  explicit ClockPro(const Setup& setup)
      : frames_(setup.frames),
        least_cold_(setup.share(setup.value(kParameters, 1), 2)),
        most_cold_(setup.share(setup.value(kParameters, 2), least_cold_)),
        adaptive_(setup.value(kParameters, 0) != 0),
        marks_new_(setup.value(kParameters, 3) != 0),
        clock_(setup) {}
  bool marks_new() const { return marks_new_; }

  std::uint32_t size() const { return resident_; }
  void touch(Id) {}
  void miss(Id id, auto&&) {
    if (awaited_ != id) balanced_ = false;
    awaited_ = id;
  }
  void insert(Id id) {
    const bool ghost = clock_.contains(id) && !is_resident(id);
    const bool balanced = awaited_ == id && balanced_;
    const bool filling = resident_ < frames_ && frames_ - resident_ > least_cold_;
    if (ghost) drop(id);
    if (ghost || balanced) earn_credit();
    if (ghost && !balanced && !filling) ++owed_;
    awaited_ = kNoPage;
    balanced_ = false;
    ++resident_;
    if (ghost || balanced || filling) {
      enter_hot(id);
    } else {
      enter_cold(id, kTest);
    }
  }
  void erase(Id id) {
    if (awaited_ == id) awaited_ = kNoPage;
    if (clock_.contains(id)) forget(id);
  }

  template <class Probe>
  Id victim(Probe&& probe) {
    for (; owed_ > 0; --owed_) run_hot_hand(kNoPage, probe);
    Id gone = coldest(probe);
    if (gone == kNoPage) gone = idle_hot(probe);
    if (gone == kNoPage) return kNoPage;
    if (awaited_ != kNoPage && !balanced_ && clock_.contains(awaited_)) {
      balanced_ = run_hot_hand(awaited_, probe).demoted;
      if (!balanced_ && clock_.contains(awaited_)) drop(awaited_);
    }
    return gone;
  }
  void prefetch(Id id) const { clock_.prefetch(id); }

 private:
  // What the clock holds, and a mark beside it: cold pages, in their test or not, hot ones, and
  // names (kGone), whose test runs too. So the bit kTest tells of a running test.
  enum Kind : unsigned { kCold = 0, kHot = 1, kTest = 2, kGone = 3, kKinds = 3 };
  static constexpr unsigned kSpared = 4;
  struct Sweep {
    bool met = false;      // the hand came by the cold page it runs for: its test is over
    bool demoted = false;  // a hot page became cold
  };

  bool is_hot(Id id) const { return (clock_.flags(id) & kKinds) == kHot; }
  bool is_resident(Id id) const { return (clock_.flags(id) & kKinds) != kGone; }
  std::uint32_t cold_pages() const { return resident_ - hot_; }
  Id after(Id id) {
    const Id next = clock_.next(id);
    return next == kNoPage ? clock_.front(0) : next;
  }

  // Entering and leaving the clock. Hands on a page that leaves step on.
  void link(Id id, unsigned flags) {
    clock_.push_back(id, 0, flags);
    if (hand_hot_ == kNoPage) hand_hot_ = hand_test_ = id;
  }
  void unlink(Id id) {
    const bool last = clock_.size() == 1;
    for (Id* hand : {&hand_hot_, &hand_test_, &hand_cold_}) {
      if (*hand == id) *hand = last ? kNoPage : after(id);
    }
    clock_.remove(id);
  }
  void enter_hot(Id id) {
    ++hot_;
    link(id, kHot);
  }
  void enter_cold(Id id, unsigned kind) {
    link(id, kind);
    if (hand_cold_ == kNoPage) hand_cold_ = id;
  }
  void drop(Id name) {
    unlink(name);
    --names_;
  }
  void forget(Id id) {
    if (!is_resident(id)) return drop(id);
    if (is_hot(id)) --hot_;
    --resident_;
    unlink(id);
    settle_cold_hand();
  }
  // The cold hand rests on a resident cold page, if there is one.
  void settle_cold_hand() {
    if (cold_pages() == 0) hand_cold_ = kNoPage;
    if (hand_cold_ == kNoPage) return;
    while (is_hot(hand_cold_) || !is_resident(hand_cold_)) hand_cold_ = after(hand_cold_);
  }

  void earn_credit() { credit_ += adaptive_ ? 1 : 0; }
  void lose_credit() { credit_ -= adaptive_ ? 1 : 0; }
  void bound_credit() {
    const std::int64_t cold = std::int64_t{frames_} - hot_;
    if (credit_ > 0 && cold >= most_cold_) credit_ = 0;
    if (credit_ < 0 && cold <= least_cold_) credit_ = 0;
  }

  void clear(Id id, unsigned flag) { clock_.set_flags(id, clock_.flags(id) & ~flag); }
  // Tests and clears the accessed bit.
  template <class Probe>
  Verdict look(Id id, Probe&& probe) {
    const Verdict verdict = probe(id);
    if ((clock_.flags(id) & kSpared) == 0) return verdict;
    clear(id, kSpared);
    return verdict == Verdict::Idle ? Verdict::Accessed : verdict;
  }

  // Turns the hot hand until an idle hot page became cold, or until it meets `cold`; then on to the
  // next hot page.
  template <class Probe>
  Sweep run_hot_hand(Id cold, Probe&& probe) {
    Sweep sweep;
    const std::uint32_t round = hot_;
    bool done = round == 0;
    for (std::uint32_t looks = 0; !done || (hot_ > 0 && !is_hot(hand_hot_));) {
      const Id id = hand_hot_;
      if (is_hot(id)) {
        const Verdict verdict = look(id, probe);
        const bool again = looks++ >= round;
        sweep.demoted = verdict == Verdict::Idle || (verdict == Verdict::Accessed && again);
        done = done || sweep.demoted || looks == 2 * round;
        unlink(id);
        --hot_;
        if (sweep.demoted) {
          enter_cold(id, kCold);
        } else {
          enter_hot(id);
        }
      } else {
        sweep.met = sweep.met || id == cold;
        done = done || id == cold;
        hand_hot_ = after(id);
      }
      if (after(hand_test_) == hand_hot_) run_test_hand(probe);
    }
    return sweep;
  }

  // One step.
  template <class Probe>
  void run_test_hand(Probe&& probe) {
    const Id id = hand_test_;
    if (!is_hot(id) && !is_resident(id)) {
      lose_credit();
      drop(id);
    } else {
      end_test(id, probe);
    }
    bound_names(probe);
  }
  template <class Probe>
  void end_test(Id id, Probe&& probe) {
    hand_test_ = after(id);
    if (is_hot(id)) return;
    look(id, probe);
    clear(id, kTest);
  }
  template <class Probe>
  void bound_names(Probe&& probe) {
    if (names_ <= frames_) return;
    while (is_resident(hand_test_)) end_test(hand_test_, probe);
    lose_credit();
    drop(hand_test_);
  }

  // Turns the cold hand until a page went.
  template <class Probe>
  Id coldest(Probe&& probe) {
    std::uint32_t spares = 2 * resident_;
    for (std::uint32_t fixed = 0; fixed < cold_pages();) {
      const Id id = hand_cold_;
      const Verdict verdict = look(id, probe);
      if (verdict == Verdict::Unevictable) {
        ++fixed;
        enter_anew(id, clock_.flags(id) & kTest);
        settle_cold_hand();
        continue;
      }
      fixed = 0;
      const bool idle = verdict == Verdict::Idle || (clock_.flags(id) & kTest) == 0;
      if (idle || spares == 0 || !spare(id, probe)) return evict_cold(id, probe);
      --spares;
      settle_cold_hand();
    }
    return kNoPage;
  }
  // A cold page was used in its test: promotes it, or lets it stay cold, by credit. False: its test
  // ended just now.
  template <class Probe>
  bool spare(Id id, Probe&& probe) {
    bound_credit();
    if (credit_ < 0) {
      ++credit_;
      promote(id);
      return true;
    }
    const bool grow_cold = credit_ > 0;
    const Sweep sweep = run_hot_hand(id, probe);
    if (grow_cold && sweep.demoted) --credit_;
    if (sweep.met && (grow_cold || !sweep.demoted)) return false;
    if (sweep.demoted && !grow_cold) {
      promote(id);
    } else {
      enter_anew(id, kTest);
      if (sweep.demoted) clock_.set_flags(hand_cold_, clock_.flags(hand_cold_) | kSpared);
    }
    return true;
  }
  void promote(Id id) {
    unlink(id);
    enter_hot(id);
  }
  void enter_anew(Id id, unsigned kind) {
    unlink(id);
    enter_cold(id, kind);
  }
  template <class Probe>
  Id evict_cold(Id id, Probe&& probe) {
    --resident_;
    hand_cold_ = after(id);
    if ((clock_.flags(id) & kTest) != 0) {
      clock_.set_flags(id, kGone);
      ++names_;
    } else {
      unlink(id);
    }
    settle_cold_hand();
    bound_names(probe);
    return id;
  }
  // No cold page may go: the first idle hot page does, or else the first that may. The hands stay.
  template <class Probe>
  Id idle_hot(Probe&& probe) {
    bool spared = false;
    for (int round = 0; round < 2; ++round) {
      Id id = hand_hot_;
      for (std::uint32_t left = clock_.size(); left > 0; --left, id = after(id)) {
        if (!is_hot(id)) continue;
        const Verdict verdict = look(id, probe);
        if (verdict == Verdict::Idle || (verdict == Verdict::Accessed && round == 1)) {
          forget(id);
          return id;
        }
        spared = spared || verdict == Verdict::Accessed;
      }
      if (!spared) break;
    }
    return kNoPage;
  }

  std::uint32_t frames_;
  std::uint32_t least_cold_;
  std::uint32_t most_cold_;
  bool adaptive_;
  bool marks_new_;
  // Its back, where pages enter, is followed by its front; hands go to the next.
  IdQueues<1, 3, NoExtra, Packing::Dense> clock_;
  Id hand_hot_ = kNoPage;
  Id hand_test_ = kNoPage;
  Id hand_cold_ = kNoPage;
  std::uint32_t resident_ = 0;
  std::uint32_t hot_ = 0;
  std::uint32_t names_ = 0;
  std::uint32_t owed_ = 0;   // promotions for which no hot page became cold
  std::int64_t credit_ = 0;  // > 0: cold pages should get more frames
  Id awaited_ = kNoPage;     // missed, not inserted yet
  bool balanced_ = false;    // a hot page became cold for it
};

}  // namespace pw::policy
