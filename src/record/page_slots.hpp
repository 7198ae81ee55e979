// Which slot of the recorder's filter holds a page: a hash table of fixed size, at most half full,
// without memory calls after its construction. The encoder's own.
//
// Linear probing; a page that leaves pulls later ones of its run back, so that a search may stop at
// the first free place (Knuth, The Art of Computer Programming 3, 6.4, Algorithm R).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.hpp"

namespace pw::record {

class PageSlots {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};  // no slot has this number

  // Room for one page more than asked for.
  explicit PageSlots(std::size_t most_pages)
      : places_(std::bit_ceil(2 * most_pages + 2)),
        mask_(places_.size() - 1),
        shift_(64 - std::countr_zero(places_.size())) {}

  std::size_t size() const { return size_; }

  // The slot of a page; kNone if it is not here.
  std::uint32_t find(std::uint64_t page) const { return places_[place_of(page)].slot; }

  // False, and nothing done, if the page is here already.
  bool insert(std::uint64_t page, std::uint32_t slot) {
    Place& place = places_[place_of(page)];
    if (place.slot != kNone) return false;
    PW_CHECK(2 * size_ < places_.size() && slot != kNone);
    place = {page, slot};
    ++size_;
    return true;
  }

  // The slot that the page had; kNone if it was not here.
  std::uint32_t take(std::uint64_t page) {
    std::size_t hole = place_of(page);
    std::uint32_t slot = places_[hole].slot;
    if (slot == kNone) return kNone;
    --size_;
    for (std::size_t next = (hole + 1) & mask_; places_[next].slot != kNone;
         next = (next + 1) & mask_) {
      std::size_t home = home_of(places_[next].page);
      if (((next - home) & mask_) < ((next - hole) & mask_)) continue;  // would lie before its home
      places_[hole] = places_[next];
      hole = next;
    }
    places_[hole].slot = kNone;
    return slot;
  }

 private:
  struct Place {
    std::uint64_t page = 0;
    std::uint32_t slot = kNone;  // kNone: free
  };

  std::size_t home_of(std::uint64_t page) const {
    return (page * 0x9E3779B97F4A7C15ULL) >> shift_;  // multiplicative hashing, high bits
  }

  // Where the page is, or the free place where it would go.
  std::size_t place_of(std::uint64_t page) const {
    std::size_t place = home_of(page);
    while (places_[place].slot != kNone && places_[place].page != page) place = (place + 1) & mask_;
    return place;
  }

  std::size_t size_ = 0;
  std::vector<Place> places_;
  std::size_t mask_;
  int shift_;
};

}  // namespace pw::record
