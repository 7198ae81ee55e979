// WSClock: the working set without a look at every reference. The resident pages stand in a circle,
// each with the time at which it was last seen in use; a hand goes round when a frame is wanted.
//
//            hand
//             v
//      .-- [A  bit set ] --.      bit set: was used since: cleared, time = now, passed
//      |   [B  7 ago   ]   |      clear, seen in use at most tau ago: in the working set: passed
//      |   [C  912 ago ]   |      clear, longer ago than tau: goes
//      '-------------------'
//
// Source: Carr, Hennessy, "WSClock - a simple and effective algorithm for virtual memory
// management", SOSP 1981; Tanenbaum, Bos, "Modern operating systems", 3.4.9. A hand that comes
// round without finding a page means that memory is smaller than the working sets: the paper tells
// load control and goes on; here the page goes that was seen in use longest ago of those passed
// with a clear bit (of equals the first met), and if there is none, the first page met that may go.
// Dirty pages, which the paper has written and passed over, are the caller's affair.
//
// Hand turns can be long where everything is young, so a search looks at no more than `reach` pages
// before it settles for what it has seen; reach=0 is the paper's whole circle.
//
// Parameters: tau in references, 0: as many as there are frames; reach. A new page stands behind
// the hand, with the time of its fault. One that may not go is passed. Time is what tick() says
// before a fault.
#pragma once

#include "policy/id_queues.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class WsClock {
 public:
  static constexpr std::string_view kName = "wsclock";
  static constexpr Needs kNeeds = Needs::AccessedBits;
  static constexpr std::array kParameters{
      Parameter{"tau", 0, 0, 2e9, "references without use after which a page is old; 0: frames"},
      Parameter{"reach", 64, 0, 1e9, "pages looked at before a young one is taken; 0: all"}};

  explicit WsClock(const Setup& setup)
      : circle_(setup),
        tau_(static_cast<std::uint32_t>(setup.value(kParameters, 0))),
        reach_(static_cast<std::uint32_t>(setup.value(kParameters, 1))) {
    if (tau_ == 0) tau_ = setup.frames;
  }

  std::uint32_t size() const { return circle_.size(); }
  void touch(Id) {}
  void prefetch(Id id) const { circle_.prefetch(id); }
  void insert(Id id) { circle_.push_back(id, 0, 0, now_); }
  void erase(Id id) { circle_.remove(id); }

  template <class Probe>
  std::uint64_t tick(std::uint64_t now, Probe&&) {
    now_ = static_cast<std::uint32_t>(now);
    return kNever;  // needs to know the time at faults only
  }
  template <class Probe>
  Id victim(Probe&& probe) {
    Id young = kNoPage;  // with a clear bit, seen in use longest ago
    Id used = kNoPage;   // the first with its bit set
    for (std::uint32_t met = 0, pages = circle_.size(); met < pages; ++met) {
      if (met >= reach_ && reach_ != 0 && young != kNoPage) break;
      const Id id = circle_.front(0);
      const Verdict verdict = probe(id);
      std::uint32_t seen = circle_.extra(id);
      if (verdict == Verdict::Accessed) {
        seen = now_;
        if (used == kNoPage) used = id;
      } else if (verdict == Verdict::Idle) {
        if (now_ - seen > tau_) {
          circle_.remove(id);
          return id;
        }
        if (young == kNoPage || now_ - seen > now_ - circle_.extra(young)) young = id;
      }
      circle_.move_to_back(id, 0, 0, seen);
    }
    const Id gone = young != kNoPage ? young : used;
    if (gone != kNoPage) circle_.remove(gone);
    return gone;
  }

 private:
  IdQueues<1, 0, std::uint32_t> circle_;  // the hand is at the front; extra: last seen in use
  std::uint32_t tau_;
  std::uint32_t reach_;
  std::uint32_t now_ = 0;  // modulo 2^32
};

}  // namespace pw::policy
