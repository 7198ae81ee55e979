// Memory too large to be followed page by page: of private anonymous memory one page in N is
// followed, and stands for N like it (miniature simulation: Waldspurger, Saemundsson, Ahmad, Park,
// USENIX ATC 2017; by place, as SHARDS of FAST 2015).
//
//   what it is charged, listed, counted and what is done to it take N times what one page does; all
//   other pages are followed and stand for themselves, and so do page tables, so that the group's
//   limit stays what it is
//
// Runs of 64 pages are in or out together, so that what is read ahead from swap finds its
// neighbours; of N neighbouring runs one is in, chosen by a hash of their place. The place is the
// page number at which the memory was mapped: it stays what it is when mremap() moves pages. Stacks
// are small and in use, so all of them is followed.
//
// Values only. N = 1: every page is followed.
#pragma once

#include <cstdint>

#include "base/check.hpp"
#include "space/vma.hpp"

namespace pw {

class PageSample {
 public:
  static constexpr unsigned kRunShift = 6;
  static constexpr std::uint32_t kMost = 8;  // so that each page table has a run of its own

  // one_in: a power of two, at most kMost.
  explicit PageSample(std::uint32_t one_in = 1) : one_in_(one_in) { PW_CHECK(possible(one_in)); }
  static constexpr bool possible(std::uint32_t one_in) {
    return one_in > 0 && one_in <= kMost && (one_in & (one_in - 1)) == 0;
  }

  std::uint32_t one_in() const { return one_in_; }
  // Whether some of the area's pages are left out.
  bool thins(const Vma& area) const {
    return one_in_ > 1 && area.anonymous() && !area.shared && !area.grows_down &&
           area.role != AreaRole::Stack && area.role != AreaRole::Vdso;
  }
  // Pages from that place on (Vma::backing_at()) that are in or out together.
  static std::uint64_t together(std::uint64_t place) {
    constexpr std::uint64_t kRun = 1U << kRunShift;
    return kRun - place % kRun;
  }
  // Of such an area's page with that place.
  bool follows(std::uint64_t place) const {
    const std::uint64_t run = place >> kRunShift;
    const std::uint64_t hash = (run / one_in_ + 1) * 0x9E3779B97F4A7C15;  // Fibonacci hashing
    return (run & (one_in_ - 1)) == (hash >> 40 & (one_in_ - 1));
  }
  // Whether `second` is the page after `first` among those of the area that are followed.
  bool next(const Vma& area, Vpn first, Vpn second) const {
    if (!thins(area)) return second.value == first.value + 1;
    return number(area.backing_at(second).value) == number(area.backing_at(first).value) + 1;
  }
  // How many pages a page of the area that is touched stands for.
  std::uint32_t pages(const Vma& area, Vpn vpn) const {
    return thins(area) && follows(area.backing_at(vpn).value) ? one_in_ : 1;
  }

 private:
  // Of a place that is followed, among all that are.
  std::uint64_t number(std::uint64_t place) const {
    constexpr std::uint64_t kRun = 1U << kRunShift;
    return place / kRun / one_in_ * kRun + place % kRun;
  }

  std::uint32_t one_in_;
};

}  // namespace pw
