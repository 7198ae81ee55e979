// Dirty file pages to their file: msync, fsync, truncation, and what reclaim and the periodic
// writer call.
#include <algorithm>
#include <cstring>

#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

// The part of `area` that maps pages [begin, end) of its backing.
VpnRange mapped_part(const Vma& area, PageOffset begin, PageOffset end) {
  const std::uint64_t first = area.backing_page.value;
  const std::uint64_t last = first + area.range().pages().value;
  const std::uint64_t lo = std::max(first, begin.value);
  const std::uint64_t hi = std::min(last, end.value);
  if (lo >= hi) return {area.range().begin, area.range().begin};
  return {area.page_of_backing(PageOffset(lo)), area.page_of_backing(PageOffset(hi))};
}

// Bytes from `size` to the end of its page read as zero from now on.
Result<void> zero_tail(Core& core, VmObject& object, ByteCount size) {
  const std::uint64_t used = size.value % kPageSize;
  if (used == 0 || !core.pool.carries_bytes()) return {};
  const PageSlot slot = object.slots.get(PageOffset(size.value >> kPageShift));
  if (slot.is_resident()) {
    std::memset(core.pool.bytes(slot.pfn()) + used, 0, kPageSize - used);
    mark_dirty(core, core.pool.frame(slot.pfn()));
  } else if (slot.is_swapped()) {
    std::byte page[kPageSize];
    PW_TRY(core.swap.read(slot.swap(), page));
    std::memset(page + used, 0, kPageSize - used);
    PW_TRY(core.swap.write(slot.swap(), page));
  }
  return {};
}

}  // namespace

Result<void> store_file_page(Core& core, VmObject& file, PageOffset at, Pfn pfn) {
  const std::uint64_t offset = at.value << kPageShift;
  if (core.pool.carries_bytes() && file.store != nullptr && offset < file.size.value) {
    const auto length = static_cast<std::size_t>(std::min(kPageSize, file.size.value - offset));
    PW_TRY(file.store->write(ByteCount(offset), {core.pool.bytes(pfn), length}));
  }
  core.pool.frame(pfn).flags &= static_cast<std::uint8_t>(~kFrameDirty);
  ++core.counters.reclaim.file_written;
  return {};
}

Result<std::uint64_t> write_file_page(Core& core, VmObject& file, PageOffset at, Pfn pfn) {
  PW_TRY(store_file_page(core, file, at, pfn));
  const std::uint64_t now = core.clock.now_ns();
  return file.queue == nullptr ? now : file.queue->submit(now, Transfer::Write, at.value, 1);
}

Result<void> write_back(Core& core, VmObject& file, PageOffset begin, PageOffset end) {
  for (Vma* area : file.mappings) {
    if (area->shared) {
      write_protect(core, *area, mapped_part(*area, begin, end), FlushReason::WriteProtect);
    }
  }
  Result<void> outcome;
  file.slots.for_each(begin, end, [&](PageOffset at, PageSlot slot) {
    if (!slot.is_resident()) return;
    if ((core.pool.frame(slot.pfn()).flags & kFrameDirty) == 0) return;
    const Result<std::uint64_t> written = write_file_page(core, file, at, slot.pfn());
    if (!written) outcome = tl::unexpected(written.error());
  });
  return outcome;
}

Result<void> msync(AddressSpace& space, VirtAddr address, ByteCount length) {
  if (!page_aligned(address)) return fail(Errno::Invalid);
  const VpnRange range = range_of(page_of(address), pages_for(length));
  bool hole = false;
  Vpn at = range.begin;
  while (at < range.end) {
    Vma* area = space.areas().lower_bound(at);
    if (area == nullptr || area->range().begin >= range.end) return fail(Errno::NoMemory);
    hole = hole || area->range().begin > at;
    const VpnRange part = intersection(area->range(), range);
    at = part.end;
    if (!area->shared || area->backing->kind != ObjectKind::File) continue;
    PW_TRY(write_back(space.core(), *area->backing, area->backing_at(part.begin),
                      area->backing_at(part.begin) + part.pages()));
  }
  if (hole) return fail(Errno::NoMemory);
  return {};
}

Result<void> truncate(Core& core, VmObject& object, ByteCount size) {
  if (object.store != nullptr) {
    if (object.read_only) return fail(Errno::Invalid);
    PW_TRY(object.store->resize(size));
  }
  const ByteCount before = object.size;
  object.size = size;
  if (size > before) return zero_tail(core, object, before);  // a mapping may have written there
  if (size == before) return {};
  const PageOffset first(pages_for(size).value);
  const PageOffset last(pages_for(before).value);
  for (Vma* area : object.mappings) {  // unmap_mapping_range() with even_cows
    const VpnRange part = mapped_part(*area, first, PageOffset(~std::uint64_t{0} >> kPageShift));
    unmap_range(core, *area, part, FlushReason::Unmap);
    if (!area->shared && !part.empty()) {
      area->space->erase_private(part);
    }
  }
  object.slots.erase(first, last);
  return zero_tail(core, object, size);
}

}  // namespace pw
