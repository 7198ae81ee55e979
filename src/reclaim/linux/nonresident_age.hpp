// The age of pages that are away: which of them come back too soon (mm/workingset.c).
//
// The age counts evictions and activations, each of which moves every inactive page a place on. A
// page that went at age E and is back at R would have stayed if the inactive list had been R - E
// longer, and it could have been, had other pages not had the memory: so a page is put among the
// active ones if its distance is no greater than the active pages and those of the other kind
// together.
//
// A page that is away keeps a mark: its age when it went, and whether it had been active (one bit).
#pragma once

#include <cstdint>

#include "reclaim/linux/group_statistics.hpp"

namespace pw {

class NonresidentAge {
 public:
  struct Refault {
    bool soon = false;         // goes to the active list
    bool was_working = false;  // and had been active before it went
  };

  void pass(std::uint64_t pages) { age_ += pages; }
  // The mark of a page, or of a folio of `pages`, that goes now; never 0.
  std::uint64_t leave(bool was_active, std::uint64_t pages = 1) {
    const std::uint64_t mark = (age_ << 2) | (was_active ? 2U : 0U) | 1U;
    age_ += pages;
    return mark;
  }
  // A page with that mark is back.
  Refault judge(std::uint64_t mark, bool file, const GroupStatistics& seen, bool swap_left) const {
    return {distance(mark) <= room(file, seen, swap_left), (mark & 2) != 0};
  }
  // Evictions and activations since a page went, and how many of them are few enough.
  std::uint64_t distance(std::uint64_t mark) const { return age_ - (mark >> 2); }
  static std::uint64_t room(bool file, const GroupStatistics& seen, bool swap_left) {
    std::uint64_t room = seen.size(Lru::ActiveFile);
    if (!file) room += seen.size(Lru::InactiveFile);
    if (swap_left) {
      room += seen.size(Lru::ActiveAnon);
      if (file) room += seen.size(Lru::InactiveAnon);
    }
    return room;
  }

  std::uint64_t age() const { return age_; }

 private:
  std::uint64_t age_ = 0;
};

}  // namespace pw
