// Dirty file pages to their file: fsync, and what reclaim and the periodic writer call.
#include <algorithm>
#include <cstring>
#include <vector>

#include "space/advice.hpp"
#include "space/translations.hpp"

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
  file.slots.for_each(begin, end, [&](PageOffset at, PageSlot slot) {
    if (!slot.is_resident()) return;
    if ((core.pool.frame(slot.pfn()).flags & kFrameDirty) == 0) return;
    const Result<std::uint64_t> written = write_file_page(core, file, at, slot.pfn());
    if (!written) outcome = tl::unexpected(written.error());
  });
  return outcome;
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
