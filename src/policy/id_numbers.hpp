// IdNumbers: a number for each dense id, 0 at first; what a policy finds its record of a page with.
//
// Three bytes an id while the numbers allow it. Pages that have ids outnumber those resident, often
// by far, so that this array is most of a policy's memory: records are kept for resident pages
// only, and are found through it. Zero memory that the host supplies where it is touched.
//
// Owned by a policy. Numbers are at most the `largest` given at construction.
#pragma once

#include <cstdint>
#include <cstring>

#include "policy/list.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class IdNumbers {
 public:
  IdNumbers(std::uint32_t ids, std::uint64_t largest)
      : ids_(ids),
        width_(largest < (1U << 24) ? 3 : 4),
        mask_(width_ == 3 ? 0xFF'FFFFU : 0xFFFF'FFFFU),
        bytes_(std::size_t{ids} * width_ + 1) {  // + 1: the last one is loaded as a word
    PW_CHECK(largest <= 0xFFFF'FFFFU);
  }

  std::uint32_t ids() const { return ids_; }
  std::uint32_t operator[](Id id) const { return word(id) & mask_; }
  // Writes back the byte of the neighbour too: a load of the whole word that follows soon gets it
  // from this store, as it would not from two smaller ones.
  void set(Id id, std::uint32_t number) {
    const std::uint32_t merged = (word(id) & ~mask_) | number;
    std::memcpy(&bytes_[std::size_t{id} * width_], &merged, sizeof merged);
  }
  void prefetch(Id id) const { __builtin_prefetch(&bytes_[std::size_t{id} * width_]); }

 private:
  std::uint32_t word(Id id) const {
    std::uint32_t word;
    std::memcpy(&word, &bytes_[std::size_t{id} * width_], sizeof word);
    return word;
  }
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  std::uint32_t ids_;
  std::uint32_t width_;
  std::uint32_t mask_;
  ZeroedArray<std::uint8_t> bytes_;
};

}  // namespace pw::policy
