// Where the private pages of a space are stored: virtual page -> offset in its private object.
//
// Owned by the AddressSpace. A page is *at home* when its offset is its page number, and nearly all
// are: the map below holds the others alone. They come from mremap: pages that move keep their
// offsets, since relatives (fork) find them there, so the page numbers that they leave must find
// other offsets if something else is mapped there. Areas know nothing of this; they merge and split
// by the kernel's rules. Each offset belongs to one page at most.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "base/units.hpp"

namespace pw {

class PrivateHomes {
 public:
  PageOffset at(Vpn vpn) const {
    if (away_.empty()) return PageOffset(vpn.value);
    return away_at(vpn);
  }
  // The page that is stored at `at`, if any area has it: the caller looks whether one does.
  std::optional<Vpn> page_at(PageOffset at) const;

  // Gives offsets to fresh pages: their own, or foreign ones where somebody else has these.
  void claim(VpnRange range);
  // The pages are gone (their slots must be empty, or go with their object).
  void release(VpnRange range);
  // Pages take their offsets along to `to`; `from` is left without any (claim it anew to use it).
  void move(VpnRange from, Vpn to);

  // fn(pages, offset of the first) for each run that is stored together, in order.
  template <class Fn>
  void for_each_run(VpnRange range, Fn&& fn) const {
    Vpn at = range.begin;
    for (auto it = first_at(range.begin); at < range.end;) {
      const bool here = it != away_.end() && it->first < range.end;
      if (here && it->first <= at) {
        const VpnRange run = intersection({at, it->second.end}, range);
        fn(run, it->second.offset + (at - it->first));
        at = run.end;
        ++it;
        continue;
      }
      const VpnRange run{at, here ? it->first : range.end};
      fn(run, PageOffset(at.value));
      at = run.end;
    }
  }

 private:
  struct Run {
    Vpn end;
    PageOffset offset;  // of the first page
  };
  using Runs = std::map<Vpn, Run>;

  // The first run that ends above `vpn`.
  Runs::const_iterator first_at(Vpn vpn) const;
  PageOffset away_at(Vpn vpn) const;
  void put(VpnRange range, PageOffset offset);
  void take(VpnRange range);

  Runs away_;                                // by page; never at home
  std::map<PageOffset, Vpn> by_offset_;      // first offset of a run -> its first page
  std::uint64_t next_foreign_ = 1ULL << 50;  // offsets beyond any page number
};

}  // namespace pw
