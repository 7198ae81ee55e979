// IdNumbers: a number for each dense id, 0 at first; what a policy finds its record of a page with.
//
// Pages that have ids outnumber those resident, often by far, so that this array is most of a
// policy's memory: records are kept for resident pages only, and are found through it. Zero memory
// that the host supplies where it is touched.
//
// A number is three bytes wide while all of them fit, else four (Packing::Fast); or as wide as the
// largest needs (Packing::Dense), for a shift more at each use:
//
//   id       0      1      2      3     ...      18 bits each: id 3 has bits 54 to 71, which are in
//   bytes    |  |  |  |  |  |  |  |  |           the word from byte 6 on, shifted by 6
//
// Owned by a policy. Numbers are at most the `largest` given at construction. A number and the bits
// in front of it in its first byte lie within one word of 32 bits, so that numbers have up to 25
// bits, or 32.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "policy/list.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

// Dense: less memory, for more instructions at each use.
enum class Packing : std::uint8_t { Fast, Dense };

template <Packing kPacking = Packing::Fast>
class IdNumbers {
 public:
  IdNumbers(std::uint32_t ids, std::uint64_t largest)
      : ids_(ids),
        width_(width_for(largest)),
        mask_(0xFFFF'FFFFU >> (32 - bits())),
        bytes_((std::size_t{ids} * bits() + 7) / 8 + sizeof(std::uint32_t)) {  // + the last's word
    PW_CHECK(largest <= 0xFFFF'FFFFU);
  }

  std::uint32_t ids() const { return ids_; }
  unsigned bits() const { return kPacking == Packing::Fast ? 8 * width_ : width_; }
  std::uint32_t operator[](Id id) const {
    const Place place = place_of(id);
    return word(place) >> place.shift & mask_;
  }
  // Writes back the bits of the neighbours too: a load of the whole word that follows soon gets it
  // from this store, as it would not from smaller ones.
  void set(Id id, std::uint32_t number) {
    const Place place = place_of(id);
    const std::uint32_t others = word(place) & ~(mask_ << place.shift);
    const std::uint32_t merged = others | number << place.shift;
    std::memcpy(&bytes_[place.byte], &merged, sizeof merged);
  }
  void prefetch(Id id) const { __builtin_prefetch(&bytes_[place_of(id).byte]); }

 private:
  struct Place {
    std::size_t byte;
    unsigned shift;
  };

  static constexpr std::uint32_t width_for(std::uint64_t largest) {
    if constexpr (kPacking == Packing::Fast) return largest < (1U << 24) ? 3 : 4;
    const auto bits = static_cast<std::uint32_t>(std::bit_width(largest | 1));
    return bits <= 25 ? bits : 32;
  }
  Place place_of(Id id) const {
    const std::size_t at = std::size_t{id} * width_;
    if constexpr (kPacking == Packing::Fast) return {at, 0};
    return {at / 8, static_cast<unsigned>(at % 8)};
  }
  std::uint32_t word(Place place) const {
    std::uint32_t word;
    std::memcpy(&word, &bytes_[place.byte], sizeof word);
    return word;
  }
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  std::uint32_t ids_;
  std::uint32_t width_;  // bytes if Fast, bits if Dense
  std::uint32_t mask_;
  ZeroedArray<std::uint8_t> bytes_;
};

// The most pages that are resident at once: callers count frames roughly.
constexpr std::uint32_t most_resident(const Setup& setup) {
  return setup.ids / 2 < setup.frames ? setup.ids : 2 * setup.frames;
}

}  // namespace pw::policy
