// S3-FIFO: three FIFO queues. New pages enter Small, a tenth of the frames. A page that was
// referenced there at least `threshold` times moves on to Main when it reaches the end; any other
// goes, and its name is remembered in Ghost. A page that returns while its name is there enters
// Main directly. Main reinserts pages that were referenced, counting down from at most three:
//
//    new page -> [ Small: 10 % ] --referenced twice--> [ Main: 90 %, counts 0..3 ] -> gone
//                      |                                  ^    '--count > 0, less one-'
//                      '-> gone, name -> [ Ghost ] --returns
//
// Most pages are used once within any window; Small lets them go after a tenth of the memory
// instead of after all of it. A reference costs a counter, no list operation.
//
// Source: Yang, Zhang, Qiu, Yue, Vigfusson, "FIFO queues are all you need for cache eviction", SOSP
// 2023, algorithm 1, as libCacheSim's S3FIFOv0 does it. Parameters: small (0.1), ghost (0.9: names,
// as a share of the frames), threshold (2; the paper's text also has 1), fill (0: new pages enter
// Small from the start, as in the paper; 1: once Small is full they go to Main until the first
// eviction, as in libCacheSim since 2024).
//
// Two bits do not fit into an accessed bit, so references are needed. A page that may not go keeps
// its place. erase() takes a page out of Small, Main or Ghost. Without miss(), insert() looks the
// name up by itself.
#pragma once

#include "policy/id_queues.hpp"
#include "policy/policy.hpp"
#include "policy/search.hpp"
#include "policy/shown_list.hpp"

namespace pw::policy {

class S3Fifo {
 public:
  static constexpr std::string_view kName = "s3-fifo";
  static constexpr Needs kNeeds = Needs::References;
  static constexpr bool kRemembers = true;
  static constexpr std::array kParameters{
      Parameter{"small", 0.1, 0, 1, "share of the frames for new pages"},
      Parameter{"ghost", 0.9, 0, 1, "names remembered, as a share of the frames"},
      Parameter{"threshold", 2, 1, 3, "references in small that lead to main"},
      Parameter{"fill", 0, 0, 1, "whether new pages go to main until the first eviction"}};

  explicit S3Fifo(const Setup& setup)
      : small_limit_(setup.share(setup.value(kParameters, 0))),
        main_limit_(setup.frames - small_limit_),
        ghost_limit_(setup.share(setup.value(kParameters, 1), 0)),
        threshold_(static_cast<unsigned>(setup.value(kParameters, 2))),
        queues_(setup),
        fills_main_(setup.value(kParameters, 3) != 0) {}

  std::uint32_t size() const { return queues_.size(kSmall) + queues_.size(kMain); }

  void miss(Id id, auto&&) { expect(id); }
  void insert(Id id) {
    expect(id);
    const bool overflows = fills_main_ && queues_.size(kSmall) >= small_limit_;
    queues_.push_back(id, returning_ == id || overflows ? kMain : kSmall);
    returning_ = kNoPage;
  }
  void touch(Id id) {
    const unsigned count = queues_.flags(id);
    if (count < kMostCounted) queues_.set_flags(id, count + 1);
  }
  void erase(Id id) {
    if (returning_ == id) returning_ = kNoPage;
    if (queues_.contains(id)) queues_.remove(id);
  }

  template <class Probe>
  Id victim(Probe&& probe) {
    fills_main_ = false;
    const bool main_first = queues_.size(kMain) > main_limit_ || queues_.size(kSmall) == 0;
    if (main_first) {
      if (const Id id = victim_of_main(probe); id != kNoPage) return id;
    }
    const std::uint32_t before = queues_.size(kMain);
    if (const Id id = victim_of_small(probe); id != kNoPage) return id;
    if (main_first && queues_.size(kMain) == before) return kNoPage;
    return victim_of_main(probe);
  }
  void prefetch(Id id) const { queues_.prefetch(id); }
  std::vector<ShownList> lists() {
    return {shown_queue(queues_, kSmall, "Small"), shown_queue(queues_, kMain, "Main"),
            shown_queue(queues_, kGhost, "Ghost", true)};
  }

 private:
  enum Queue : unsigned { kSmall, kMain, kGhost, kQueues };
  static constexpr unsigned kMostCounted = 3;

  // If the name is remembered, it is taken out and the page awaited as one that returns.
  void expect(Id id) {
    if (returning_ == id) return;
    returning_ = kNoPage;
    if (!queues_.contains(id) || queues_.queue_of(id) != kGhost) return;
    queues_.remove(id);
    returning_ = id;
  }

  // Sends pages on to Main until one goes.
  template <class Probe>
  Id victim_of_small(Probe&& probe) {
    for (Id next, id = queues_.front(kSmall); id != kNoPage; id = next) {
      next = queues_.next(id);
      if (queues_.flags(id) >= threshold_) {
        queues_.move_to_back(id, kMain);
      } else if (probe(id) != Verdict::Unevictable) {
        queues_.remove(id);
        remember(id);
        return id;
      }
    }
    return kNoPage;
  }
  // Sends pages back to the start until one goes. Each comes by at most once for each count.
  template <class Probe>
  Id victim_of_main(Probe&& probe) {
    for (Id id = queues_.front(kMain); id != kNoPage;) {
      Id next = queues_.next(id);
      if (const unsigned left = queues_.flags(id); left > 0) {
        queues_.move_to_back(id, kMain, left - 1);
        if (next == kNoPage) next = id;
      } else if (probe(id) != Verdict::Unevictable) {
        queues_.remove(id);
        return id;
      }
      id = next;
    }
    return kNoPage;
  }
  void remember(Id id) {
    if (ghost_limit_ == 0) return;
    if (queues_.size(kGhost) >= ghost_limit_) queues_.remove(queues_.front(kGhost));
    queues_.push_back(id, kGhost);
  }

  std::uint32_t small_limit_;
  std::uint32_t main_limit_;
  std::uint32_t ghost_limit_;
  unsigned threshold_;
  IdQueues<kQueues, 2> queues_;  // oldest in front; the flags of a page count its references
  bool fills_main_;
  Id returning_ = kNoPage;  // missed, its name was in Ghost; not inserted yet
};

}  // namespace pw::policy
