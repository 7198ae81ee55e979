// Linux's ways of replacing pages, eviction by eviction against references that are written in the
// order in which the kernel does things: loops over lists, stopped in the middle where a page was
// freed.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <coroutine>
#include <deque>
#include <exception>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "analysis/play.hpp"
#include "policy/linux_lists.hpp"
#include "policy/mglru.hpp"
#include "support/compare_policies.hpp"

namespace pw::policy {
namespace {

using test::compare_many;
using test::Pages;
using test::setup_of;

constexpr Id kFailed = kNoPage - 1;

// A search that hands out pages one by one and waits in between.
class Search {
 public:
  struct promise_type {
    Id found = kNoPage;
    Search get_return_object() { return Search(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(Id id) {
      found = id;
      return {};
    }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  using Handle = std::coroutine_handle<promise_type>;
  explicit Search(Handle handle) : handle_(handle) {}
  ~Search() {
    if (handle_) handle_.destroy();
  }
  // For Clang 14, which moves what a coroutine returns.
  Search(Search&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;
  Id next() {
    handle_.resume();
    return handle_.promise().found;
  }

 private:
  Handle handle_;
};

class NaiveLinuxLists {
 public:
  explicit NaiveLinuxLists(const Setup& setup)
      : batch_(static_cast<std::size_t>(setup.value(LinuxLists::kParameters, 0))),
        priority_(static_cast<int>(setup.value(LinuxLists::kParameters, 1))),
        search_(reclaim()) {}

  void insert(Id id) {
    referenced_.erase(id);
    const auto shadow = shadow_.find(id);
    if (shadow != shadow_.end() && age_ - shadow->second <= active_.size()) {
      active_.push_front(id);
      ++age_;
      ++refaults_;
    } else {
      inactive_.push_front(id);
    }
    shadow_.erase(id);
  }
  void erase(Id id) {
    std::erase(inactive_, id);
    std::erase(active_, id);
    shadow_.erase(id);
  }
  Id victim(Pages& pages) {
    pages_ = &pages;
    for (int failures = 0; failures < 2;) {
      const Id id = search_.next();
      if (id != kFailed) return id;
      ++failures;
    }
    for (auto* list : {&inactive_, &active_}) {
      for (auto it = list->rbegin(); it != list->rend(); ++it) {
        if (pages(*it) == Verdict::Unevictable) continue;
        const Id id = *it;
        std::erase(*list, id);
        note_eviction(id);
        return id;
      }
    }
    return kNoPage;
  }

 private:
  bool inactive_is_low() const { return inactive_.size() < active_.size(); }  // below a GiB
  void note_eviction(Id id) {
    shadow_[id] = age_++;
    ++freed_;
  }
  void shrink_active_list(std::size_t n) {
    for (; n > 0 && !active_.empty(); --n) {
      const Id id = active_.back();
      active_.pop_back();
      (*pages_)(id);
      inactive_.push_front(id);
    }
  }
  // Whether the page, taken off the inactive list, is freed; else it is on a list again.
  bool shrink_folio(Id id) {
    const Verdict verdict = (*pages_)(id);
    if (verdict == Verdict::Idle) {
      note_eviction(id);
      return true;
    }
    bool activate = verdict == Verdict::Unevictable;
    if (verdict == Verdict::Accessed) {
      activate = !referenced_.insert(id).second;
    }
    (activate ? active_ : inactive_).push_front(id);
    if (activate) ++age_;
    return false;
  }
  Search reclaim() {
    for (;;) {
      freed_ = 0;
      for (int priority = priority_; priority >= 0; --priority) {
        const bool deactivate = refaults_ != refaults_seen_ || inactive_is_low();
        std::size_t nr_inactive = inactive_.size() >> priority;
        std::size_t nr_active = deactivate ? active_.size() >> priority : 0;
        while (nr_inactive > 0) {
          const std::size_t turn = std::min(nr_inactive, batch_);
          nr_inactive -= turn;
          for (std::size_t i = 0; i < turn && !inactive_.empty(); ++i) {
            const Id id = inactive_.back();
            inactive_.pop_back();
            if (shrink_folio(id)) co_yield id;
          }
          const std::size_t active_turn = std::min(nr_active, batch_);
          nr_active -= active_turn;
          shrink_active_list(active_turn);
          if (freed_ >= batch_ && priority < priority_) break;
        }
        if (inactive_is_low()) shrink_active_list(batch_);
        if (freed_ >= batch_) break;
      }
      refaults_seen_ = refaults_;
      if (freed_ < batch_) co_yield kFailed;
    }
  }

  std::size_t batch_;
  int priority_;
  std::deque<Id> inactive_, active_;  // head in front, reclaim takes the back
  std::set<Id> referenced_;
  std::map<Id, std::uint64_t> shadow_;
  std::uint64_t age_ = 0;
  std::size_t freed_ = 0;
  std::uint64_t refaults_ = 0, refaults_seen_ = 0;
  Pages* pages_ = nullptr;
  Search search_;
};

TEST(LinuxLists, EvictsAsItsReference) {
  compare_many<LinuxLists, NaiveLinuxLists>();
  for (const auto& values : {std::array{1.0, 0.0, 1.0}, {2.0, 1.0, 1.0}, {5.0, 3.0, 1.0}}) {
    compare_many<LinuxLists, NaiveLinuxLists>(values, 300);
  }
}

// A note of an age has 22 bits where there are few frames: a page that stayed away for 2^22 ages
// would seem to have been gone for a moment.
TEST(LinuxLists, DoesNotTakeAnOldPageForARecentOneWhenAgesWrap) {
  constexpr Id kCycle = 100, kActive = 20, kOld = 190, kFrames = 64;
  constexpr std::uint32_t kAges = 1U << 22;
  LinuxLists lists(setup_of(200, kFrames));
  std::vector<bool> resident(200, false);
  const auto insert = [&](Id id) {
    lists.insert(id);
    resident[id] = true;
  };
  const auto evict = [&] {
    const Id id = lists.victim([](Id page) {
      return page >= kCycle && page < kCycle + kActive ? Verdict::Accessed : Verdict::Idle;
    });
    resident[id] = false;
    return id;
  };
  insert(kOld);
  for (Id id = 0; id < kActive; ++id) insert(kCycle + id);
  for (Id id = 0; lists.size() < kFrames; ++id) insert(id);
  ASSERT_EQ(evict(), kOld);
  // From here on an age for each eviction, and one for each page that becomes active.
  for (Id id = 0, left = kAges - kActive + 5; left > 0; --left) {
    while (resident[id]) id = (id + 1) % kCycle;
    insert(id);
    evict();
  }
  ASSERT_EQ(lists.active(), kActive);
  insert(kOld);
  EXPECT_EQ(lists.active(), kActive);
}

class NaiveMglru {
 public:
  explicit NaiveMglru(const Setup& setup)
      : batch_(static_cast<int>(setup.value(Mglru::kParameters, 0))), search_(evict_folios()) {}

  void insert(Id id) {
    lists_[max_seq_].push_front(id);
    gen_[id] = max_seq_;
  }
  void erase(Id id) {
    for (auto& [seq, list] : lists_) std::erase(list, id);
    gen_.erase(id);
  }
  Id victim(Pages& pages) {
    pages_ = &pages;
    walks_ = 0;
    const Id id = search_.next();
    if (id != kFailed) return id;
    for (auto& [seq, list] : lists_) {
      for (auto it = list.rbegin(); it != list.rend(); ++it) {
        const Id any = *it;
        if (pages(any) == Verdict::Unevictable) continue;
        erase(any);
        return any;
      }
    }
    return kNoPage;
  }

 private:
  int count(int seq) const {
    return static_cast<int>(
        std::ranges::count_if(gen_, [&](const auto& page) { return page.second == seq; }));
  }
  bool should_run_aging() const {
    if (min_seq_ + 2 > max_seq_) return true;
    if (min_seq_ + 2 < max_seq_) return false;
    const int total = static_cast<int>(gen_.size());
    return count(max_seq_) * 2 > total || count(max_seq_ - 2) * 4 < total;
  }
  void run_aging() {
    std::map<Id, int> sorted = gen_;
    // The order of the looks does not matter: each page is asked once.
    for (auto& [id, seq] : sorted) {
      if ((*pages_)(id) == Verdict::Accessed) seq = max_seq_;
    }
    gen_ = sorted;
    ++max_seq_;
  }
  void try_to_inc_min_seq() {
    while (min_seq_ + 2 <= max_seq_ && lists_[min_seq_].empty()) lists_.erase(min_seq_++);
  }
  Search evict_folios() {
    for (;;) {
      while (should_run_aging() && walks_ == 3) {
        co_yield kFailed;
        try_to_inc_min_seq();
      }
      if (should_run_aging()) {
        ++walks_;
        run_aging();
      }
      for (int left = batch_; left > 0 && min_seq_ + 2 <= max_seq_; --left) {
        std::deque<Id>& oldest = lists_[min_seq_];
        if (oldest.empty()) break;
        const Id id = oldest.back();
        oldest.pop_back();
        if (gen_[id] != min_seq_) {
          lists_[gen_[id]].push_front(id);
        } else if (const Verdict verdict = (*pages_)(id); verdict == Verdict::Idle) {
          gen_.erase(id);
          try_to_inc_min_seq();
          co_yield id;
          continue;
        } else {
          gen_[id] = verdict == Verdict::Accessed ? max_seq_ : min_seq_ + 1;
          lists_[gen_[id]].push_front(id);
        }
        try_to_inc_min_seq();
      }
      try_to_inc_min_seq();
    }
  }

  int batch_;
  int min_seq_ = 0, max_seq_ = 3;
  int walks_ = 0;
  std::map<int, std::deque<Id>> lists_;  // by generation; head in front
  std::map<Id, int> gen_;
  Pages* pages_ = nullptr;
  Search search_;
};

TEST(Mglru, EvictsAsItsReference) {
  compare_many<Mglru, NaiveMglru>();
  for (const auto& values : {std::array{1.0}, {3.0}}) {
    compare_many<Mglru, NaiveMglru>(values, 200);
  }
}

}  // namespace
}  // namespace pw::policy
