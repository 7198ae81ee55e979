// Buffer heads: what the kernel keeps for each page of a file that was written to, and charges to
// the group that has the page (folio_alloc_buffers(), fs/buffer.c), until the page goes
// (try_to_free_buffers()).
//
// One of 104 bytes for each 4 KiB block, and 8 bytes that say who pays (obj_full_size(),
// mm/memcontrol.c); bytes are charged by whole pages. Pages that were only read have none: they are
// read by the page (mpage_readahead()).
//
// Measured: kernel memory of a group that writes a file grows by 2.75 % of its pages.
#pragma once

#include <cstdint>

#include "base/units.hpp"

namespace pw {

constexpr std::uint64_t pages_of_buffers(std::uint64_t heads) {
  constexpr std::uint64_t kBytesEach = 104 + 8;
  return (heads * kBytesEach + kPageSize - 1) / kPageSize;
}

}  // namespace pw
