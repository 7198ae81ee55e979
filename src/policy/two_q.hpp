// 2Q: pages prove themselves before they enter the LRU stack. A new page waits in a FIFO queue, In.
// If it leaves that unclaimed, its name alone is remembered in a second queue, Out. Only a page
// referenced again while its name is in Out has shown reuse beyond a burst and enters Main, an LRU
// stack:
//
//    new page -> [ In: FIFO, kin of the frames ] -> gone, name -> [ Out: FIFO of names ] -> forgot
//                                                                     | referenced again
//                [ Main: LRU, the other frames ] <--------------------+
//                       | least recently used: gone, no name kept
//
// A scan flows through In and never touches Main. References within In change nothing: they belong
// to the burst that brought the page.
//
// Source: Johnson, Shasha, "2Q: a low overhead high performance buffer management replacement
// algorithm", VLDB 1994, the full version. Parameters: kin, the share of In (0.25), kout, the names
// in Out as a share of the frames (0.5), as the paper recommends. There the name of the page that
// returns keeps its place in Out while room is made for it; here, as in libCacheSim, it is taken
// out first.
//
// In gives up a page while it holds more than its share, else Main does; if the one whose turn it
// is has no page that may go, the other does. A page that may not go keeps its place. erase() takes
// a page out of In, Main or Out. Without miss(), insert() looks the name up by itself.
#pragma once

#include "policy/id_queues.hpp"
#include "policy/policy.hpp"
#include "policy/search.hpp"
#include "policy/shown_list.hpp"

namespace pw::policy {

class TwoQ {
 public:
  static constexpr std::string_view kName = "2q";
  static constexpr Needs kNeeds = Needs::References;
  static constexpr bool kRemembers = true;
  static constexpr std::array kParameters{
      Parameter{"kin", 0.25, 0, 1, "share of the frames for pages on probation"},
      Parameter{"kout", 0.5, 0, 1, "names remembered, as a share of the frames"}};

  explicit TwoQ(const Setup& setup)
      : in_limit_(setup.share(setup.value(kParameters, 0))),
        out_limit_(setup.share(setup.value(kParameters, 1), 0)),
        queues_(setup) {}

  std::uint32_t size() const { return queues_.size(kIn) + queues_.size(kMain); }

  void miss(Id id, auto&&) { expect(id); }
  void insert(Id id) {
    expect(id);
    queues_.push_back(id, returning_ == id ? kMain : kIn);
    returning_ = kNoPage;
  }
  void touch(Id id) {
    if (queues_.queue_of(id) == kMain) queues_.move_to_back(id, kMain);
  }
  void erase(Id id) {
    if (returning_ == id) returning_ = kNoPage;
    if (queues_.contains(id)) queues_.remove(id);
  }

  template <class Probe>
  Id victim(Probe&& probe) {
    const bool in_first = queues_.size(kIn) > in_limit_;
    Id id = first_evictable(queues_, in_first ? kIn : kMain, probe);
    if (id == kNoPage) id = first_evictable(queues_, in_first ? kMain : kIn, probe);
    if (id == kNoPage) return kNoPage;
    const bool remembered = queues_.queue_of(id) == kIn && out_limit_ > 0;
    queues_.remove(id);
    if (remembered) {
      if (queues_.size(kOut) >= out_limit_) queues_.remove(queues_.front(kOut));
      queues_.push_back(id, kOut);
    }
    return id;
  }
  void prefetch(Id id) const { queues_.prefetch(id); }
  std::vector<ShownList> lists() {
    return {shown_queue(queues_, kIn, "In"), shown_queue(queues_, kMain, "Main"),
            shown_queue(queues_, kOut, "Out", true)};
  }

 private:
  enum Queue : unsigned { kIn, kMain, kOut, kQueues };

  // If the name is remembered, it is taken out and the page awaited as one that returns.
  void expect(Id id) {
    if (returning_ == id) return;
    returning_ = kNoPage;
    if (!queues_.contains(id) || queues_.queue_of(id) != kOut) return;
    queues_.remove(id);
    returning_ = id;
  }

  std::uint32_t in_limit_;
  std::uint32_t out_limit_;
  // Oldest, or least recently used, in front.
  IdQueues<kQueues, 0, NoExtra, Packing::Dense> queues_;
  Id returning_ = kNoPage;  // missed, its name was in Out; not inserted yet
};

}  // namespace pw::policy
