// What reclaim takes from a list, judges and frees as one: a folio (struct folio,
// linux/mm_types.h).
//
// An anonymous page, a page of shared memory and most pages of files stand for themselves. A huge
// page is in its list by its head and weighs 512. A folio of the page cache of several pages is one
// unit too: all of them are referenced when one is, are activated and rotated together and go
// together, and a list is scanned by folios (isolate_lru_folios() counts their pages). Its frames
// need not lie next to each other, so each is in the list for itself, with the same flags, and
// whoever meets one has them all; a folio that truncation splits needs nothing done to its rest.
//
// Measured: a group of 1,308 pages in which sqlite3 read its sorted runs in folios of 256 pages had
// 0, 256 or 512 pages of files in a list, never anything between.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/units.hpp"

namespace pw {

class LruUnit {
 public:
  // A page, or the head of a huge page of `weight` pages.
  explicit LruUnit(Pfn page, std::uint64_t weight = 1) : first_(page), weight_(weight) {}
  // The pages of a folio, at least one, in the order of the file.
  explicit LruUnit(std::vector<Pfn> pages)
      : first_(pages.front()), weight_(pages.size()), pages_(std::move(pages)) {}

  // A page that stands for so many like it.
  static LruUnit alike(Pfn page, std::uint64_t pages) {
    LruUnit unit(page, pages);
    unit.alike_ = pages;
    return unit;
  }

  Pfn first() const { return first_; }
  std::uint64_t weight() const { return weight_; }  // in pages
  std::uint64_t alike() const { return alike_; }    // units that it stands for
  // What is in lists for it.
  std::span<const Pfn> entries() const {
    return pages_.empty() ? std::span<const Pfn>(&first_, 1) : std::span<const Pfn>(pages_);
  }

 private:
  Pfn first_;
  std::uint64_t weight_, alike_ = 1;
  std::vector<Pfn> pages_;
};

}  // namespace pw
