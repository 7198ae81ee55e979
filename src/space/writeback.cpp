// Dirty file pages to their file: fsync, truncation, and what reclaim and the periodic
// writer call.
#include <algorithm>
#include <cstring>
#include <vector>

#include "space/advice.hpp"
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

Result<void> punch_hole(Core& core, VmObject& object, PageOffset begin, PageOffset end) {
  if (object.read_only) return fail(Errno::BadFile);
  end = std::min(end, PageOffset(object.pages().value));
  if (begin >= end) return {};
  if (object.store != nullptr) {
    constexpr std::byte kZeros[kPageSize] = {};
    for (PageOffset at = begin; at < end; at = at + PageCount(1)) {
      const std::uint64_t offset = at.value << kPageShift;
      const std::uint64_t length = std::min(kPageSize, object.size.value - offset);
      PW_TRY(object.store->write(ByteCount(offset), {kZeros, static_cast<std::size_t>(length)}));
    }
  }
  for (Vma* area : object.mappings) {  // unmap_mapping_range() without even_cows
    const VpnRange part = mapped_part(*area, begin, end);
    for (Vpn vpn = part.begin; vpn < part.end; vpn = vpn + PageCount(1)) {
      const SlotTable& own = area->space->private_object().slots;
      const bool copied = !area->shared && !own.get(area->space->private_at(vpn)).is_empty();
      if (!copied) unmap_range(core, *area, range_of(vpn, PageCount(1)), FlushReason::Unmap);
    }
  }
  object.slots.erase(begin, end);
  return {};
}

// Pages whose writing has only begun stay, as those under writeback do in the kernel.
void drop_cached(Core& core, VmObject& file, PageOffset begin, PageOffset end) {
  std::vector<PageOffset> clean;
  file.slots.for_each(begin, end, [&](PageOffset at, PageSlot slot) {
    if (!slot.is_resident()) return;
    const Frame& frame = core.pool.frame(slot.pfn());
    const bool busy = frame.mapcount > 0 || frame.aux > 0 ||
                      core.pool.io_awaited(slot.pfn(), core.clock.now_ns());
    if (!busy && (frame.flags & kFrameDirty) == 0) clean.push_back(at);
  });
  (void)write_back(core, file, begin, end);  // errors are for fsync(2) to tell
  for (const PageOffset at : clean) file.slots.set(at, PageSlot());
}

}  // namespace pw
