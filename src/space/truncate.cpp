// The size of files and shared objects, and holes in them.
//
// Sources: truncate_pagecache(), pagecache_isize_extended(), truncate_inode_pages_range(),
// mm/truncate.c; shmem_setattr(), shmem_fallocate(), mm/shmem.c; ext4_setattr(),
// ext4_punch_hole(), fs/ext4/inode.c. Whether bytes past the end survive when the end moves past
// them differs: ext4 zeroes them, shared memory does not.
#include <algorithm>
#include <cstring>

#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

// Bytes [from, to) of page `at` read as zeros from now on, if the page is in memory or in swap.
Result<void> zero_part(Core& core, VmObject& object, PageOffset at, std::uint64_t from,
                       std::uint64_t to) {
  if (from >= to || !core.pool.carries_bytes()) return {};
  const PageSlot slot = object.slots.get(at);
  if (slot.is_resident()) {
    std::memset(core.pool.bytes(slot.pfn()) + from, 0, to - from);
    mark_dirty(core, core.pool.frame(slot.pfn()));
  } else if (slot.is_swapped()) {
    std::byte page[kPageSize];
    PW_TRY(core.swap.read(slot.swap(), page));
    std::memset(page + from, 0, to - from);
    PW_TRY(core.swap.write(slot.swap(), page));
  }
  return {};
}

// From `size` to the end of its page, or to `until` if that comes first.
Result<void> zero_tail(Core& core, VmObject& object, ByteCount size, ByteCount until) {
  const std::uint64_t used = size.value % kPageSize;
  if (used == 0) return {};
  const std::uint64_t end = std::min(kPageSize, used + (until - size).value);
  return zero_part(core, object, PageOffset(size.value >> kPageShift), used, end);
}

constexpr ByteCount kNoEnd{~std::uint64_t{0}};

Result<void> set_size(const Core& core, VmObject& object, ByteCount size) {
  if (object.store != nullptr) {
    if (object.read_only) return fail(Errno::Invalid);
    PW_TRY(object.store->resize(size));
  }
  if (core.options.model == MemoryModel::Linux) {
    const PageOffset common(pages_for(std::min(size, object.size)).value);
    object.cached_end = std::min(object.cached_end, common);
  }
  object.size = size;
  return {};
}

// unmap_mapping_range() without even_cows: pages of the object go, private copies stay.
void unmap_object_pages(Core& core, Vma& area, VpnRange part) {
  if (area.shared) return unmap_range(core, area, part, FlushReason::Unmap);
  const SlotTable& own = area.space->private_object().slots;
  for (Vpn at = part.begin; at < part.end;) {
    Vpn end = at;
    while (end < part.end && own.get(area.space->private_at(end)).is_empty())
      end = end + PageCount(1);
    if (at < end) unmap_range(core, area, {at, end}, FlushReason::Unmap);
    at = end + PageCount(1);
  }
}

}  // namespace

Result<void> truncate(Core& core, VmObject& object, ByteCount size) {
  const ByteCount before = object.size;
  if (size > before) {
    PW_TRY(set_size(core, object, size));
    return object.kind == ObjectKind::File ? zero_tail(core, object, before, kNoEnd)
                                           : Result<void>();
  }
  PW_TRY(set_size(core, object, size));
  const PageOffset first(pages_for(size).value);
  const PageOffset last(pages_for(before).value);
  for (Vma* area : object.mappings) {  // unmap_mapping_range() with even_cows
    const VpnRange part = area->mapping(first, PageOffset(~std::uint64_t{0} >> kPageShift));
    unmap_range(core, *area, part, FlushReason::Unmap);
    if (!area->shared && !part.empty()) area->space->erase_private(part);
  }
  object.slots.erase(first, last);
  object.folios.erase(first, last);
  return zero_tail(core, object, size, kNoEnd);
}

Result<void> extend(Core& core, VmObject& object, ByteCount from, ByteCount size) {
  const ByteCount before = object.size;
  if (size <= before) return {};
  PW_TRY(set_size(core, object, size));
  if (object.kind != ObjectKind::File || from <= before) return {};
  return zero_tail(core, object, before, from);
}

Result<void> punch_hole(Core& core, VmObject& object, ByteCount begin, ByteCount end) {
  if (object.store != nullptr && begin < object.size) {
    if (object.read_only) return fail(Errno::Invalid);
    PW_TRY(object.store->zero(begin, std::min(end, object.size) - begin));
  }
  const PageOffset first(pages_for(begin).value);
  const PageOffset last(end.value >> kPageShift);
  if (first > last) {  // inside one page
    return zero_part(core, object, last, begin.value % kPageSize, end.value % kPageSize);
  }
  for (Vma* area : object.mappings) {
    const VpnRange part = area->mapping(first, last);
    if (!part.empty()) unmap_object_pages(core, *area, part);
  }
  object.slots.erase(first, last);
  object.folios.erase(first, last);
  if (begin.value % kPageSize != 0) {
    PW_TRY(zero_part(core, object, PageOffset(begin.value >> kPageShift), begin.value % kPageSize,
                     kPageSize));
  }
  return zero_part(core, object, last, 0, end.value % kPageSize);
}

}  // namespace pw
