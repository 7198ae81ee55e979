// Dirty file pages to their file: fsync, and what reclaim and the periodic writer call.
#include <algorithm>
#include <cstring>
#include <vector>

#include "space/advice.hpp"
#include "space/translations.hpp"
#include "space/written_extents.hpp"

namespace pw {

Result<void> store_file_page(Core& core, VmObject& file, PageOffset at, Pfn pfn) {
  const std::uint64_t offset = at.value << kPageShift;
  if (core.pool.carries_bytes() && file.store != nullptr && offset < file.size.value) {
    const auto length = static_cast<std::size_t>(std::min(kPageSize, file.size.value - offset));
    // What a mapping wrote past the end of the file goes no further (mpage_prepare_extent_to_map(),
    // block_write_full_folio()).
    std::memset(core.pool.bytes(pfn) + length, 0, kPageSize - length);
    PW_TRY(file.store->write(ByteCount(offset), {core.pool.bytes(pfn), length}));
  }
  core.pool.frame(pfn).flags &= static_cast<std::uint8_t>(~kFrameDirty);
  file.folios.clear_mark(at);  // PG_reclaim, which the end of writing clears, is the same bit
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
      write_protect(core, *area, area->mapping(begin, end), FlushReason::WriteProtect);
    }
  }
  Result<void> outcome;
  WrittenExtents extents(core, file);
  file.slots.for_each(begin, end, [&](PageOffset at, PageSlot slot) {
    if (!slot.is_resident()) return;
    if ((core.pool.frame(slot.pfn()).flags & kFrameDirty) == 0) return;
    if (core.options.model == MemoryModel::Linux) {
      const Result<void> stored = store_file_page(core, file, at, slot.pfn());
      if (stored) extents.add(at, slot.pfn());
      if (!stored) outcome = stored;
      return;
    }
    const Result<std::uint64_t> written = write_file_page(core, file, at, slot.pfn());
    if (!written) outcome = tl::unexpected(written.error());
  });
  return outcome;
}

Result<void> write_back_and_wait(Core& core, VmObject& file, PageOffset begin, PageOffset end) {
  const Result<void> outcome = write_back(core, file, begin, end);
  if (core.options.model != MemoryModel::Linux || file.queue == nullptr) return outcome;
  const std::uint64_t now = core.clock.now_ns();
  core.clock.advance_to(file.queue->idle_at_ns());
  core.counters.io_wait_ns += core.clock.now_ns() - now;
  wait_for_writes(core, file, begin, end);
  return outcome;
}

void wait_for_writes(Core& core, VmObject& file, PageOffset begin, PageOffset end) {
  const std::uint64_t now = core.clock.now_ns();
  std::uint64_t until = now;
  file.slots.for_each(begin, end, [&](PageOffset, PageSlot slot) {
    if (slot.is_resident()) until = std::max(until, core.frames.writing_until(slot.pfn()));
  });
  core.clock.advance_to(until);
  core.counters.io_wait_ns += until - now;
}

namespace {

// What is dirty or being written stays, as mapping_evict_folio() has it (mm/truncate.c).
bool may_drop(Core& core, Pfn pfn) {
  const Frame& frame = core.pool.frame(pfn);
  const std::uint64_t now = core.clock.now_ns();
  const bool busy = frame.mapcount > 0 || frame.aux > 0 || core.pool.io_awaited(pfn, now) ||
                    core.frames.writing_until(pfn) > now;
  return !busy && (frame.flags & kFrameDirty) == 0;
}

// Folios that lie in [begin, end) as a whole and of which no page is in use
// (mapping_try_invalidate(), mm/truncate.c).
std::vector<FolioSpan> idle_folios(Core& core, const VmObject& file, PageOffset begin,
                                   PageOffset end) {
  std::vector<FolioSpan> idle;
  end = std::min(end, PageOffset(file.pages().value));
  for (PageOffset at = begin; at < end;) {
    const FolioSpan folio = file.folios.find(at);
    bool whole = folio.first >= begin && folio.end() <= end;
    for (; at < folio.end() && at < end; at = at + PageCount(1)) {
      const PageSlot slot = file.slots.get(at);
      whole = whole && file.cached(at) && (!slot.is_resident() || may_drop(core, slot.pfn()));
    }
    if (whole) idle.push_back(folio);
  }
  return idle;
}

// A page that was in the cache before the machine began leaves a shadow without a note, or it would
// seem to be there again.
void drop_folio(VmObject& file, FolioSpan folio) {
  const PageSlot gone = file.cached_before ? PageSlot::shadow(0) : PageSlot();
  for (PageOffset at = folio.first; at < folio.end(); at = at + PageCount(1)) {
    file.slots.set(at, gone);
  }
  file.folios.forget(folio.first);
}

}  // namespace

// Pages whose writing has only begun stay, as those under writeback do in the kernel.
void drop_cached(Core& core, VmObject& file, PageOffset begin, PageOffset end) {
  if (core.options.model == MemoryModel::Linux) {
    const std::vector<FolioSpan> idle = idle_folios(core, file, begin, end);
    (void)write_back(core, file, begin, end);
    for (const FolioSpan folio : idle) drop_folio(file, folio);
    return;
  }
  std::vector<PageOffset> clean;
  file.slots.for_each(begin, end, [&](PageOffset at, PageSlot slot) {
    if (!slot.is_resident()) return;
    if (may_drop(core, slot.pfn())) clean.push_back(at);
  });
  (void)write_back(core, file, begin, end);  // errors are for fsync(2) to tell
  for (const PageOffset at : clean) file.slots.set(at, PageSlot());
}

}  // namespace pw
