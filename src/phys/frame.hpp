// Frame: what is known of one physical frame, 32 bytes each (as struct page in Linux, at half the
// size).
//
// Lives in the FrameTable. While a frame is free the FrameAllocator alone reads and writes it; from
// allocate() to free() it belongs to whoever allocated it, except that `kind` must not be Free. A
// frame that was never used is all zero bytes, so that a table of fresh zero pages is right for a
// machine that just started.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/units.hpp"

namespace pw {

inline constexpr Pfn kNoFrame{~std::uint64_t{0}};

enum class FrameKind : std::uint8_t {
  Free = 0,    // never used, or in the allocator
  Taken = 1,   // allocated, not described further yet
  Table = 2,   // a page table
  Anon = 3,    // a page of anonymous memory
  File = 4,    // a page of a file, in the page cache
  Kernel = 5,  // anything else the machine keeps for itself: the zero page, for one
  Shared = 6,  // a page of shared anonymous memory
  Spare = 7,   // part of a huge page that nobody holds; the rest of it somebody does
};
constexpr bool is_user(FrameKind kind) {
  return kind == FrameKind::Anon || kind == FrameKind::File || kind == FrameKind::Shared;
}

// Frame::flags of a user frame.
inline constexpr std::uint8_t kFrameDirty = 1;   // differs from its copy in the store or in swap
inline constexpr std::uint8_t kFrameListed = 2;  // reclaim knows it
inline constexpr std::uint8_t kFramePrefetched = 4;  // brought in before anyone asked; not used yet
inline constexpr std::uint8_t kFrameIo = 8;          // a transfer may be under way
inline constexpr std::uint8_t kFrameFresh = 16;      // the reference that brought it in goes on
inline constexpr std::uint8_t kFrameLazy = 32;       // MADV_FREE: unless written, it may just go
inline constexpr std::uint8_t kFrameCold = 64;       // MADV_COLD, MADV_FREE: goes first unless used
inline constexpr std::uint8_t kFrameAside = 128;     // a locked area maps it: reclaim knows it no
                                                     // longer

struct Frame {
  std::uint32_t refs;      // slot chunks that hold it
  std::uint32_t mapcount;  // translations that name it
  std::uint32_t owner;     // Anon: family; File, Shared: object; Table: space
  FrameKind kind;
  std::uint8_t flags;
  std::uint16_t aux;    // user frame: pins; Table: present entries
  std::uint64_t index;  // page offset in the owner
  std::uint64_t extra;  // Anon, Shared: slot of its copy in swap, and in the upper half how many
                        // pages it stands for beside itself; File: when it became dirty, ns
};
static_assert(sizeof(Frame) == 32 && std::is_trivial_v<Frame>);

}  // namespace pw
