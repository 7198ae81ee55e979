// The machine's RAM: frames with their metadata and bytes, given out and taken back.
//
// Owned by the Machine. A frame is free, reserved (zero page, kernel), a page table, or a user
// frame: a page of an object. A user frame's `refs` counts the slot chunks that hold it; PageRefs
// gives it back at zero, by when `mapcount` (translations that name it) must be zero too. While
// something is done to a frame it is pinned, and reclaim leaves it alone. Bytes of user frames
// exist only with Contents::Bytes; tables always have theirs.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "arch/x86/page_tables.hpp"
#include "base/check.hpp"
#include "base/options.hpp"
#include "base/result.hpp"
#include "base/swap_slot.hpp"
#include "phys/frame.hpp"
#include "phys/frame_allocator.hpp"
#include "phys/frame_memory.hpp"
#include "phys/frame_table.hpp"
#include "phys/huge_blocks.hpp"

namespace pw {

// Told of user frames that reclaim may choose among.
class Residency {
 public:
  virtual ~Residency() = default;
  virtual void admitted(Pfn pfn) = 0;
  virtual void departed(Pfn pfn) = 0;
};

class FramePool final : public x86::TableFrames {
 public:
  // Errors: NoMemory (the host gave none), Invalid (no frames).
  static Result<std::unique_ptr<FramePool>> create(PageCount total, Contents contents);

  PageCount total() const { return table_.size(); }
  PageCount free_frames() const { return allocator_.free_pages(); }
  Frame& frame(Pfn pfn) { return table_[pfn]; }
  const Frame& frame(Pfn pfn) const { return table_[pfn]; }
  std::byte* bytes(Pfn pfn) { return memory_.at(pfn); }
  x86::TableMemory table_memory() { return x86::TableMemory(memory_.at(Pfn(0))); }
  bool carries_bytes() const { return contents_ == Contents::Bytes; }

  // A free frame as `kind`, with refs, mapcount, pins 0; false when none is free. Never reclaims.
  // Contents undefined.
  bool take(FrameKind kind, Pfn& out);
  // 2^order frames in a row, aligned to their size, for the machine's own use (kind not a user's).
  // Each is given back by itself.
  bool take_block(FrameKind kind, unsigned order, Pfn& first);
  void give_back(Pfn pfn);

  // 512 user frames as one huge page, each of them like one that take() gives. They are given back
  // singly; the frames are free when the last one is.
  bool take_huge(FrameKind kind, Pfn& head);
  bool in_huge(Pfn pfn) const { return huge_.holds(pfn); }
  // The frame that reclaim knows the page by.
  Pfn head_of(Pfn pfn) const { return in_huge(pfn) ? HugeBlocks::head_of(pfn) : pfn; }
  HugeBlocks& huge() { return huge_; }
  const HugeBlocks& huge() const { return huge_; }
  // Makes ordinary frames of a huge page that no large translation names; what is spare is free
  // then. Reclaim knows none of them: the caller admits those that are in use.
  void dissolve(Pfn head);
  // Frames that belong to huge pages and that nobody holds.
  std::uint64_t spare_frames() const { return spare_frames_; }

  void zero(Pfn pfn) {
    if (carries_bytes()) memory_.zero(pfn);
  }
  void copy(Pfn to, Pfn from) {
    if (carries_bytes()) memory_.copy(to, from);
  }

  // User frames enter and leave the replacement order.
  void set_residency(Residency* residency) { residency_ = residency; }
  void admit(Pfn pfn);
  void withdraw(Pfn pfn);

  // A transfer into or out of the frame ends at `ready_ns`; until then it is not reclaimed.
  void start_io(Pfn pfn, std::uint64_t ready_ns);
  // True until a while after the transfer's end, unless the page was asked for meanwhile: whoever
  // waits for it must have the time to take it.
  bool io_awaited(Pfn pfn, std::uint64_t now_ns) const;
  // When the transfer ends; 0 if none is under way at `now_ns`.
  std::uint64_t io_pending(Pfn pfn, std::uint64_t now_ns);
  // When the first frame that transfers keep from reclaim may go; 0: there is none.
  std::uint64_t next_io_release(std::uint64_t now_ns) const;

  // Makes an anonymous frame that take() has given stand for so many pages.
  void stand_for(Pfn pfn, std::uint32_t pages);
  // Pages that user frames stand for beyond their own.
  std::uint64_t more_pages() const { return more_pages_; }

  std::uint64_t user_frames() const { return user_frames_; }
  std::uint64_t user_frames_peak() const { return user_peak_; }
  std::uint64_t table_frames() const { return table_frames_; }
  std::uint64_t table_frames_peak() const { return table_peak_; }
  std::uint64_t file_frames() const { return file_frames_; }

  const FrameAllocator& allocator() const { return allocator_; }

  // x86::TableFrames; allocate_table() never reclaims here (the Reclaimer's does).
  bool allocate_table(int level, Pfn& out) override;
  void free_table(Pfn table) override { give_back(table); }
  std::uint16_t& entries(Pfn table) override { return frame(table).aux; }

 private:
  FramePool(FrameTable table, FrameMemory memory, Contents contents);
  void count(FrameKind kind, std::int64_t by);
  void make_spare(Pfn pfn);

  FrameTable table_;
  FrameMemory memory_;
  FrameAllocator allocator_;
  Contents contents_;
  Residency* residency_ = nullptr;
  std::unordered_map<std::uint64_t, std::uint64_t> io_ready_ns_;  // by frame
  std::uint64_t user_frames_ = 0, user_peak_ = 0, file_frames_ = 0;
  std::uint64_t table_frames_ = 0, table_peak_ = 0;
  std::uint64_t spare_frames_ = 0;
  std::uint64_t more_pages_ = 0;
  HugeBlocks huge_;
};

// Keeps reclaim away from a frame for a scope.
class FramePin {
 public:
  FramePin(FramePool& pool, Pfn pfn) : frame_(&pool.frame(pfn)) { ++frame_->aux; }
  ~FramePin() { --frame_->aux; }
  FramePin(const FramePin&) = delete;
  FramePin& operator=(const FramePin&) = delete;

 private:
  Frame* frame_;
};

// The clean copy that an anonymous or shared frame has in swap.
inline SwapSlot swap_copy(const Frame& frame) {
  return SwapSlot{static_cast<std::uint32_t>(frame.extra)};
}
inline void set_swap_copy(Frame& frame, SwapSlot slot) {
  frame.extra = frame.extra >> 32 << 32 | slot.value;
}

// How many pages the frame stands for (space/page_sample.hpp).
inline std::uint64_t pages_of(const Frame& frame) {
  return frame.kind == FrameKind::Anon ? 1 + (frame.extra >> 32) : 1;
}

}  // namespace pw
