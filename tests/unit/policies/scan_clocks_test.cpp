// SIEVE, S3-FIFO and CAR, eviction by eviction against references written from the papers with
// plain vectors, and short strings worked out by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "policy/car.hpp"
#include "policy/s3_fifo.hpp"
#include "policy/sieve.hpp"
#include "support/compare_policies.hpp"

namespace pw::policy {
namespace {

using test::compare_many;
using test::evictions;
using test::forgets_what_is_erased;
using test::Pages;
using test::setup_of;

using Ids = std::vector<Id>;

bool has(const Ids& ids, Id id) { return std::ranges::find(ids, id) != ids.end(); }

// Algorithm 1; the queue from head (newest) to tail, the hand a place counted from the tail.
class NaiveSieve {
 public:
  explicit NaiveSieve(const Setup&) {}
  void insert(Id id) { queue_.insert(queue_.begin(), id); }
  void touch(Id) {}
  void erase(Id id) {
    const auto at = std::ranges::find(queue_, id);
    if (queue_.end() - at - 1 < hand_) --hand_;
    queue_.erase(at);
    if (hand_ >= std::ssize(queue_)) hand_ = 0;
  }
  Id victim(Pages& pages) {
    const auto pinned = [&](Id id) { return pages.pinned[id]; };
    if (std::ranges::all_of(queue_, pinned)) return kNoPage;
    for (;;) {
      const Id id = queue_[queue_.size() - 1 - static_cast<std::size_t>(hand_)];
      if (pages(id) == Verdict::Idle) {
        erase(id);
        return id;
      }
      if (++hand_ >= std::ssize(queue_)) hand_ = 0;
    }
  }

 private:
  Ids queue_;
  std::ptrdiff_t hand_ = 0;
};

class NaiveS3Fifo {
 public:
  explicit NaiveS3Fifo(const Setup& setup) {
    const bool plain = setup.values.empty();
    small_most_ = std::max<std::size_t>(
        1, static_cast<std::size_t>((plain ? 0.1 : setup.values[0]) * setup.frames));
    main_most_ = setup.frames - small_most_;
    ghost_most_ = static_cast<std::size_t>((plain ? 0.9 : setup.values[1]) * setup.frames);
    threshold_ = plain ? 2 : static_cast<int>(setup.values[2]);
    filling_ = !plain && setup.values[3] != 0;
  }
  void miss(Id id, Pages&) {
    if (id != returning_) returning_ = has(ghost_, id) ? id : kNoPage;
    std::erase(ghost_, id);
  }
  void insert(Id id) {
    bool to_main = id == returning_ || has(ghost_, id);
    if (filling_ && small_.size() >= small_most_) to_main = true;
    std::erase(ghost_, id);
    returning_ = kNoPage;
    (to_main ? main_ : small_).push_back(id);
    used_[id] = 0;
  }
  void touch(Id id) { used_[id] = std::min(3, used_[id] + 1); }
  void erase(Id id) {
    if (id == returning_) returning_ = kNoPage;
    for (Ids* queue : {&small_, &main_, &ghost_}) std::erase(*queue, id);
  }
  Id victim(Pages& pages) {
    filling_ = false;
    if (main_.size() > main_most_ || small_.empty()) {
      if (const Id id = evict_main(pages); id != kNoPage) return id;
    }
    if (const Id id = evict_small(pages); id != kNoPage) return id;
    return evict_main(pages);
  }

 private:
  Id evict_small(Pages& pages) {
    const Ids now = small_;
    for (const Id id : now) {
      if (used_[id] >= threshold_) {
        std::erase(small_, id);
        main_.push_back(id);
        used_[id] = 0;
      } else if (pages(id) != Verdict::Unevictable) {
        std::erase(small_, id);
        if (ghost_most_ > 0) ghost_.push_back(id);
        if (ghost_.size() > ghost_most_) ghost_.erase(ghost_.begin());
        return id;
      }
    }
    return kNoPage;
  }
  Id evict_main(Pages& pages) {
    // Unused pages that may not go are stepped over; used ones go round.
    std::size_t place = 0;
    while (place < main_.size()) {
      const Id id = main_[place];
      if (used_[id] > 0) {
        --used_[id];
        std::erase(main_, id);
        main_.push_back(id);
      } else if (pages(id) == Verdict::Unevictable) {
        ++place;
      } else {
        std::erase(main_, id);
        return id;
      }
    }
    return kNoPage;
  }
  std::size_t small_most_, main_most_, ghost_most_;
  int threshold_;
  bool filling_;
  Ids small_, main_, ghost_;
  std::map<Id, int> used_;
  Id returning_ = kNoPage;
};

// Figure 2 of the paper; the head of a clock is its first page that may go.
class NaiveCar {
 public:
  explicit NaiveCar(const Setup& setup) : c_(setup.frames) {}
  void insert(Id id) {
    const auto b1 = static_cast<double>(b1_.size());
    const auto b2 = static_cast<double>(b2_.size());
    if (has(b1_, id)) {
      p_ = std::min(p_ + std::max(1.0, b2 / b1), static_cast<double>(c_));
      std::erase(b1_, id);
      t2_.push_back(id);
    } else if (has(b2_, id)) {
      p_ = std::max(p_ - std::max(1.0, b1 / b2), 0.0);
      std::erase(b2_, id);
      t2_.push_back(id);
    } else {
      while (t1_.size() + b1_.size() >= c_ && !b1_.empty()) b1_.erase(b1_.begin());
      while (t1_.size() + t2_.size() + b1_.size() + b2_.size() >= 2 * c_ && !b2_.empty()) {
        b2_.erase(b2_.begin());
      }
      t1_.push_back(id);
    }
  }
  void touch(Id) {}
  void erase(Id id) {
    for (Ids* list : {&t1_, &t2_, &b1_, &b2_}) std::erase(*list, id);
  }
  Id victim(Pages& pages) {
    for (;;) {
      const Id head1 = head(t1_, pages);
      const Id head2 = head(t2_, pages);
      if (head1 == kNoPage && head2 == kNoPage) return kNoPage;
      const bool t1_turn = static_cast<double>(t1_.size()) >= std::max(1.0, p_);
      const bool at_t1 = head1 != kNoPage && (t1_turn || head2 == kNoPage);
      const Id id = at_t1 ? head1 : head2;
      std::erase(at_t1 ? t1_ : t2_, id);
      if (pages(id) == Verdict::Idle) {
        (at_t1 ? b1_ : b2_).push_back(id);
        return id;
      }
      t2_.push_back(id);
    }
  }

 private:
  static Id head(const Ids& clock, const Pages& pages) {
    for (const Id id : clock) {
      if (!pages.pinned[id]) return id;
    }
    return kNoPage;
  }
  std::size_t c_;
  Ids t1_, t2_, b1_, b2_;
  double p_ = 0;
};

TEST(ScanClocks, SieveEvictsAsItsReference) { compare_many<Sieve, NaiveSieve>(); }
TEST(ScanClocks, S3FifoEvictsAsItsReference) { compare_many<S3Fifo, NaiveS3Fifo>(); }
TEST(ScanClocks, S3FifoEvictsAsItsReferenceWithOtherOptions) {
  for (const std::vector<double>& values :
       {std::vector<double>{0.1, 0.9, 2, 1}, {0.25, 1, 1, 0}, {0.5, 0, 3, 1}, {1, 0.5, 2, 0}}) {
    compare_many<S3Fifo, NaiveS3Fifo>(values, 400);
  }
}
TEST(ScanClocks, CarEvictsAsItsReference) { compare_many<Car, NaiveCar>(); }

TEST(ScanClocks, SieveSiftsFromOldToNew) {
  Sieve policy(setup_of(32, 7));
  // 0, 1 and 6 were used; 2 goes for 7. Then 3 is used and spared, 4 goes for 8, 5 for 9.
  EXPECT_EQ(evictions(policy, {0, 1, 2, 3, 4, 5, 6, 0, 1, 6, 7, 0, 3, 8, 1, 9}, 7), (Ids{2, 4, 5}));
}

TEST(ScanClocks, SieveLetsANewPageGoBeforeThoseThatWereUsed) {
  Sieve policy(setup_of(32, 4));
  // 0 and 1 were used; from then on the hand stays on the new side.
  EXPECT_EQ(evictions(policy, {0, 1, 2, 3, 0, 1, 4, 5, 6, 7}, 4), (Ids{2, 3, 4, 5}));
}

TEST(ScanClocks, S3FifoPassesAScanThroughSmall) {
  S3Fifo policy(setup_of(32, 10));  // Small holds 1, Main 9
  // 0 and 1 are used twice and more: they move to Main, the others pass.
  EXPECT_EQ(evictions(policy, {0, 1, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 10),
            (Ids{2, 3, 4}));
}

TEST(ScanClocks, CarMovesUsedPagesToItsSecondClock) {
  Car policy(setup_of(32, 4));
  EXPECT_EQ(evictions(policy, {0, 1, 2, 3, 0, 1, 4, 5, 6, 7}, 4), (Ids{2, 3, 4, 5}));
}

TEST(ScanClocks, ErasedGhostsAreForgotten) {
  forgets_what_is_erased<S3Fifo>();
  forgets_what_is_erased<Car>();
}

}  // namespace
}  // namespace pw::policy
