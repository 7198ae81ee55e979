#include "fault/file_io.hpp"

#include <algorithm>
#include <bit>
#include <vector>

#include "fault/page_cache.hpp"
#include "fault/readahead.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

constexpr std::size_t kBatch = 31;  // PAGEVEC_SIZE

void wait_until(Core& core, std::uint64_t ready_ns) {
  const std::uint64_t now = core.clock.now_ns();
  if (ready_ns <= now) return;
  core.counters.io_wait_ns += ready_ns - now;
  core.clock.advance_to(ready_ns);
}

// Folios in a row from the one that holds page `at`, up to page `end`; the last of them may carry
// the mark or be still read (filemap_get_read_batch()).
std::vector<FolioSpan> read_batch(Core& core, const VmObject& file, PageOffset at, PageOffset end) {
  std::vector<FolioSpan> batch;
  while (at < end && file.cached(at) && batch.size() < kBatch) {
    batch.push_back(file.folios.find(at));
    at = batch.back().end();
    if (folio_pending(core, file, batch.back()) != 0) break;
    if (file.folios.marked(batch.back().first)) break;
  }
  return batch;
}

// filemap_get_pages(): at least one folio that has been read, from page `at` on.
Result<std::vector<FolioSpan>> usable_folios(CacheReader& reader, PageOffset end) {
  Core& core = reader.core;
  VmObject& file = reader.file;
  const PageOffset at = reader.wanted;
  for (;;) {
    std::vector<FolioSpan> batch = read_batch(core, file, at, end);
    if (batch.empty()) {
      read_ahead_sync(reader, (end - at).value);
      batch = read_batch(core, file, at, end);
    }
    if (batch.empty()) {
      {
        CacheFill fill(core, file, at);
        PW_TRY(fill.add({at, 0}, false, Effort::Insist));
      }
      batch.push_back({at, 0});
    }
    const FolioSpan last = batch.back();
    if (file.folios.marked(last.first)) {
      const FolioPins pins(core, file, batch);
      read_ahead_async(reader, last, last.first, (end - last.first).value);
    }
    const std::uint64_t pending = folio_pending(core, file, last);
    if (pending == 0) return batch;
    if (batch.size() > 1) {
      batch.pop_back();
      return batch;
    }
    wait_until(core, pending);
  }
}

void note_read(Core& core, VmObject& file, FolioSpan folio, PageOffset at) {
  const PageSlot slot = file.slots.get(std::max(at, folio.first));
  if (!slot.is_resident()) return;
  note_used(core, core.pool.frame(slot.pfn()));
  core.frames.mark_accessed(slot.pfn());
}

}  // namespace

Result<void> read_through_cache(Core& core, VmObject& file, std::uint64_t description,
                                ByteCount offset, ByteCount length) {
  ReadaheadState& state = file.readers[description];
  const std::uint64_t wanted_end = offset.value + length.value;
  const std::uint64_t end = std::min(wanted_end, file.size.value);
  std::uint64_t last = state.read_end;
  for (std::uint64_t at = offset.value; at < end;) {
    const PageOffset page(at >> kPageShift);
    CacheReader reader = cache_reader(core, file, description, page);
    const auto batch = usable_folios(reader, PageOffset(pages_for(ByteCount(wanted_end)).value));
    if (!batch) return tl::unexpected(batch.error());
    bool first = true;
    for (const FolioSpan folio : *batch) {
      PW_TRY(load_cached_folio(core, file, folio.first));
      const std::uint64_t begin = folio.first.value << kPageShift;
      // Of several reads of one folio in a row only the first counts as a use of it.
      const bool again = first && last - 1 >= begin && last - 1 < folio.end().value << kPageShift;
      if (!again) note_read(core, file, folio, page);
      first = false;
      at = last = std::min(end, folio.end().value << kPageShift);
      if (at == end) break;
    }
  }
  state.read_end = last;
  return {};
}

namespace {

// __filemap_get_folio() with FGP_WRITEBEGIN: the folio that holds the byte at `at`, or a new one of
// up to `bytes`, as large as its place and its neighbours allow.
Result<FolioSpan> folio_to_write(Core& core, VmObject& file, std::uint64_t at,
                                 std::uint64_t bytes) {
  const PageOffset page(at >> kPageShift);
  if (file.cached(page)) {
    PW_TRY(load_cached_folio(core, file, page));
    const FolioSpan folio = file.folios.find(page);
    wait_until(core, folio_pending(core, file, folio));
    return folio;
  }
  unsigned order = static_cast<unsigned>(std::bit_width(bytes)) - 1;
  order = order > kPageShift ? std::min(order - kPageShift, kMostFolioOrder) : 0;
  if (page.value % (1ULL << order) != 0) {
    order = static_cast<unsigned>(std::countr_zero(page.value));
  }
  for (;; --order) {
    const Result<void> added = add_written_folio(core, file, {page, order});
    if (added) return FolioSpan{page, order};
    if (order == 0) return tl::unexpected(added.error());
  }
}

// What a write leaves of a page that was not in memory must be read first
// (ext4_block_write_begin(), fs/ext4/inode.c).
void read_rest(Core& core, VmObject& file, ByteCount old_size, std::uint64_t page) {
  if (page << kPageShift >= old_size.value || file.queue == nullptr) return;
  wait_until(core, file.queue->submit(core.clock.now_ns(), Transfer::Read, page, 1));
  ++core.counters.reclaim.file_read;
}

}  // namespace

Result<void> write_through_cache(Core& core, VmObject& file, ByteCount old_size, ByteCount offset,
                                 ByteCount length) {
  constexpr std::uint64_t kChunk = kPageSize << kMostFolioOrder;
  const std::uint64_t end = offset.value + length.value;
  for (std::uint64_t at = offset.value; at < end;) {
    const std::uint64_t most = std::min(kChunk - at % kChunk, end - at);
    const bool present = file.cached(PageOffset(at >> kPageShift));
    const Result<FolioSpan> folio = folio_to_write(core, file, at, most);
    if (!folio) return tl::unexpected(folio.error());
    const std::uint64_t stop = std::min(at + most, folio->end().value << kPageShift);
    if (!present && at % kPageSize != 0) read_rest(core, file, old_size, at >> kPageShift);
    const bool cut = stop % kPageSize != 0 && stop < old_size.value;
    const bool same = at % kPageSize != 0 && at >> kPageShift == stop >> kPageShift;
    if (!present && cut && !same) read_rest(core, file, old_size, stop >> kPageShift);
    for (std::uint64_t page = at >> kPageShift; page << kPageShift < stop; ++page) {
      const PageSlot slot = file.slots.get(PageOffset(page));
      if (!slot.is_resident()) continue;
      const FramePin pin(core.pool, slot.pfn());
      core.frames.will_write(slot.pfn());
      mark_dirty(core, core.pool.frame(slot.pfn()));
    }
    at = stop;
  }
  return {};
}

}  // namespace pw
