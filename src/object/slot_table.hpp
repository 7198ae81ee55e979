// offset -> PageSlot for one object: sparse, in chunks of 512 slots that a fork shares.
//
// Owned by a VmObject. A chunk has `sharers` tables; it is copied when one of them changes a slot
// of its own (set), and changed in place when the page itself moved for everyone (replace). What a
// slot refers to is counted once a chunk, not once a table: a frame's refs is the number of
// distinct chunks that hold it. That makes a fork's cost the number of chunks, and "am I the last
// owner" the question
// `!shared(offset) && frame.refs == 1`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "object/page_slot.hpp"

namespace pw {

// Counts what slots refer to: one call for each slot of each chunk that comes or goes.
class SlotRefs {
 public:
  virtual ~SlotRefs() = default;
  virtual void retain(PageSlot slot) = 0;
  virtual void release(PageSlot slot) = 0;
};

inline constexpr std::uint64_t kSlotsPerChunk = 512;

struct SlotChunk {
  std::uint32_t sharers = 1;
  std::uint32_t used = 0;  // slots that are not empty
  PageSlot slots[kSlotsPerChunk];
};

class SlotTable {
 public:
  explicit SlotTable(SlotRefs& refs) : refs_(&refs) {}
  ~SlotTable() { clear(); }
  SlotTable(const SlotTable&) = delete;
  SlotTable& operator=(const SlotTable&) = delete;

  PageSlot get(PageOffset at) const {
    const SlotChunk* chunk = find(at);
    return chunk == nullptr ? PageSlot() : chunk->slots[at.value % kSlotsPerChunk];
  }
  // True if another table would see an in-place change of this slot.
  bool shared(PageOffset at) const {
    const SlotChunk* chunk = find(at);
    return chunk != nullptr && chunk->sharers > 1;
  }
  // Stores a slot of this table alone: a shared chunk is copied first. The table takes over the
  // reference that `slot` stands for; the one of the slot before is released.
  void set(PageOffset at, PageSlot slot);
  // Replaces `from` by `to` for all tables that share the chunk; counts are the caller's. False:
  // not `from`.
  bool replace(PageOffset at, PageSlot from, PageSlot to);
  // Empties [begin, end).
  void erase(PageOffset begin, PageOffset end);
  void clear();
  // Makes this (empty) table a copy of `other`; chunks become shared.
  void share_from(const SlotTable& other);

  // fn(offset, slot) for each slot in [begin, end) that is not empty, in order.
  template <class Fn>
  void for_each(PageOffset begin, PageOffset end, Fn&& fn) const {
    for (auto it = chunks_.lower_bound(begin.value / kSlotsPerChunk);
         it != chunks_.end() && it->first * kSlotsPerChunk < end.value; ++it) {
      for_each_in(*it->second, it->first * kSlotsPerChunk, begin.value, end.value, fn);
    }
  }
  // fn(chunk, offset of its first slot) for every chunk.
  template <class Fn>
  void for_each_chunk(Fn&& fn) const {
    for (const auto& [index, chunk] : chunks_) fn(*chunk, PageOffset(index * kSlotsPerChunk));
  }
  // Stops at the first slot that is not empty; chunks are never empty, so most answers cost one.
  bool any_in(PageOffset begin, PageOffset end) const {
    for (auto it = chunks_.lower_bound(begin.value / kSlotsPerChunk);
         it != chunks_.end() && it->first * kSlotsPerChunk < end.value; ++it) {
      const std::uint64_t first = it->first * kSlotsPerChunk;
      const std::uint64_t lo = begin.value > first ? begin.value - first : 0;
      const std::uint64_t hi = std::min(end.value - first, kSlotsPerChunk);
      for (std::uint64_t i = lo; i < hi; ++i) {
        if (!it->second->slots[i].is_empty()) return true;
      }
    }
    return false;
  }

 private:
  using Chunks = std::map<std::uint64_t, SlotChunk*>;  // by offset / 512

  SlotChunk* find(PageOffset at) const {
    const std::uint64_t index = at.value / kSlotsPerChunk;
    const Known& known = known_[index & (known_.size() - 1)];
    return known.chunk != nullptr && known.index == index ? known.chunk : look_for(index);
  }
  SlotChunk* look_for(std::uint64_t index) const;
  SlotChunk& own(PageOffset at);   // the chunk of `at`, made or unshared
  void drop(Chunks::iterator it);  // this table's share of a chunk
  template <class Fn>
  static void for_each_in(const SlotChunk& chunk, std::uint64_t first, std::uint64_t begin,
                          std::uint64_t end, Fn& fn) {
    const std::uint64_t lo = begin > first ? begin - first : 0;
    const std::uint64_t hi = end - first < kSlotsPerChunk ? end - first : kSlotsPerChunk;
    for (std::uint64_t i = lo; i < hi; ++i) {
      if (!chunk.slots[i].is_empty()) fn(PageOffset(first + i), chunk.slots[i]);
    }
  }

  SlotRefs* refs_;
  Chunks chunks_;
  // Chunks used last, each in the place that its index has. There are as many places as chunks,
  // within bounds: a program that goes to and fro in its memory finds each of them at once.
  struct Known {
    std::uint64_t index = 0;
    SlotChunk* chunk = nullptr;
  };
  static constexpr std::size_t kMostKnown = 4096;
  void note_known(std::uint64_t index, SlotChunk* chunk) const;
  mutable std::vector<Known> known_ = std::vector<Known>(1);
};

}  // namespace pw
