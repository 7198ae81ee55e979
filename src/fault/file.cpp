// Faults on pages of files and shared objects: mapping what is in memory, reading what is not.
#include <algorithm>
#include <vector>

#include "fault/file_fault.hpp"
#include "fault/readahead.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

// Maps the pages of the aligned window around a read fault that are in memory already
// (do_fault_around(), mm/memory.c): by virtual address, inside the area and one page table, without
// the accessed bit.
void fault_around(PageFault& fault) {
  Core& core = fault.core;
  const std::uint64_t window = core.options.prefetch.fault_around_pages;
  if (window <= 1 || fault.area.segment) return;  // shm_vm_ops has no map_pages()
  // A window that the area's begin cuts off is as long all the same.
  const Vpn aligned(fault.vpn.value - fault.vpn.value % window);
  const Vpn first = std::max(aligned, fault.area.range().begin);
  const Vpn table_end((fault.vpn.value | (x86::kEntriesPerTable - 1)) + 1);
  const Vpn end = std::min({first + PageCount(window), table_end, fault.area.range().end});
  const VpnRange around{first, end};
  // Where writing needs no notice, neighbours may be written at once.
  const bool writable = fault.area.shared && fault.area.backing->kind == ObjectKind::Shared;
  for (Vpn vpn = around.begin; vpn < around.end; vpn = vpn + PageCount(1)) {
    if (vpn == fault.vpn) continue;
    const PageView view = view_page(core, fault.area, vpn);
    if (view.translation.present() || !view.own.is_empty() || view.beyond_end) continue;
    VmObject& object = *fault.area.backing;
    Pfn pfn;
    if (view.common.is_resident()) {
      pfn = view.common.pfn();
    } else if (object.known_cached(fault.area.backing_at(vpn), view.common) &&
               core.pool.free_frames().value > 64) {
      const Result<Pfn> loaded = load_file_page(core, object, fault.area.backing_at(vpn));
      if (!loaded) return;
      pfn = *loaded;
    } else {
      continue;
    }
    if (core.pool.io_pending(pfn, core.clock.now_ns()) != 0) continue;
    const FramePin pin(core.pool, pfn);
    if (!map_page(core, fault.area, vpn, pfn, writable, false)) return;
  }
}

// Which pages to read: after the last window when the faults go forwards, else around the page
// (do_sync_mmap_readahead(), mm/filemap.c). Advice: one page alone (random), or only what follows.
struct ReadWindow {
  PageOffset begin;
  PageOffset end;
};

ReadWindow read_window(Core& core, VmObject& file, PageOffset at, const AreaTraits& traits) {
  Readahead& state = file.readahead;
  const std::uint64_t limit = std::max<std::uint64_t>(1, core.options.prefetch.file_readahead_pages)
                              << (state.doubled ? 1 : 0);
  std::uint64_t begin = at.value;
  if (traits.random) return {at, at + PageCount(1)};
  if (traits.sequential) {
    state.window = static_cast<std::uint32_t>(limit);
  } else if (limit > 1 && at == state.next && state.window > 0) {
    state.window = static_cast<std::uint32_t>(std::min<std::uint64_t>(limit, state.window * 2ULL));
  } else {
    state.window = static_cast<std::uint32_t>(limit);
    begin = at.value > limit / 2 ? at.value - limit / 2 : 0;
  }
  const std::uint64_t end = std::min(begin + state.window, file.pages().value);
  state.next = PageOffset(end);
  return {PageOffset(begin), PageOffset(end)};
}

// Reads the window's missing pages as one request. The page itself is there already, at `ready_ns`.
void read_around(Core& core, VmObject& file, PageOffset at, ReadWindow window,
                 std::uint64_t ready_ns) {
  for (PageOffset page = window.begin; page < window.end; page = page + PageCount(1)) {
    const PageSlot slot = file.slots.get(page);
    if (page == at || slot.is_resident()) continue;
    const Result<Pfn> loaded = load_file_page(core, file, page);
    if (!loaded) return;
    core.pool.frame(*loaded).flags |= kFramePrefetched;
    ++core.counters.reclaim.prefetched;
    ++core.counters.reclaim.file_read;
    if (ready_ns > core.clock.now_ns()) core.pool.start_io(*loaded, ready_ns);
  }
}

}  // namespace

Result<Pfn> load_file_page(Core& core, VmObject& file, PageOffset at) {
  FrameGrant grant;
  const PageSlot was = file.slots.get(at);
  const bool foreign = file.known_cached(at, was);
  if (!new_user_frame(core, FrameKind::File, file.id, at, was, grant, foreign)) {
    return fail(Errno::NoMemory);
  }
  if (core.pool.carries_bytes() && file.store != nullptr) {
    const Result<void> read = file.store->read(ByteCount(at.value << kPageShift),
                                               {core.pool.bytes(grant.pfn), kPageSize});
    if (!read) {
      core.pool.frame(grant.pfn).refs = 0;
      core.pool.give_back(grant.pfn);
      return tl::unexpected(read.error());
    }
  }
  file.slots.set(at, PageSlot::resident(grant.pfn));
  core.pool.admit(grant.pfn);
  if (grant.ready_ns > core.clock.now_ns()) core.pool.start_io(grant.pfn, grant.ready_ns);
  return grant.pfn;
}

LeafResult read_file(PageFault& fault) {
  if (follows_linux(fault)) return fault_on_file(fault);
  Core& core = fault.core;
  VmObject& file = *fault.area.backing;
  const PageOffset at = fault.area.backing_at(fault.vpn);
  const bool in_cache = file.known_cached(at, fault.view.common);
  const Result<Pfn> loaded = load_file_page(core, file, at);
  if (!loaded && loaded.error().code == Errno::NoMemory) return {LeafResult::Kind::NoMemory};
  if (!loaded) return {LeafResult::Kind::Bus};
  if (in_cache) return {LeafResult::Kind::Again};
  fault.request.major = true;
  ++core.counters.reclaim.file_read;
  const FramePin pin(core.pool, *loaded);
  const ReadWindow window = read_window(core, file, at, fault.area.traits);
  const std::uint64_t now = core.clock.now_ns();
  std::uint64_t ready = now;
  if (file.queue != nullptr) {
    ready = file.queue->submit(now, Transfer::Read, window.begin.value,
                               (window.end - window.begin).value);
  }
  if (ready > now) core.pool.start_io(*loaded, ready);
  read_around(core, file, at, window, ready);
  if (ready > now) return {LeafResult::Kind::Wait, ready};
  return {LeafResult::Kind::Again};
}

namespace {

// What one request for reading ahead may ask of a device (BLK_DEF_MAX_SECTORS_CAP): 4 MiB.
constexpr PageCount kMostAhead{1024};

}  // namespace

std::uint64_t read_ahead(Core& core, VmObject& file, std::uint64_t description, PageOffset begin,
                         PageOffset end) {
  if (core.options.model == MemoryModel::Linux) {
    const std::uint64_t before = core.counters.reclaim.file_read;
    CacheReader reader = cache_reader(core, file, description, end);
    read_ahead_forced(reader, begin, (end - begin).value);
    return core.counters.reclaim.file_read - before;
  }
  end = std::min(end, begin + kMostAhead);
  std::vector<Pfn> coming;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  for (PageOffset at = begin; at < std::min(end, PageOffset(file.pages().value));
       at = at + PageCount(1)) {
    const PageSlot slot = file.slots.get(at);
    if (slot.is_resident()) continue;
    const bool in_cache = file.known_cached(at, slot);
    const Result<Pfn> loaded = load_file_page(core, file, at);
    if (!loaded) break;
    if (in_cache) continue;
    ++core.pool.frame(*loaded).aux;  // those that come after it must not push it out
    if (coming.empty()) first = at.value;
    last = at.value;
    coming.push_back(*loaded);
  }
  const std::uint64_t now = core.clock.now_ns();
  std::uint64_t ready = now;
  if (!coming.empty() && file.queue != nullptr) {
    ready = file.queue->submit(now, Transfer::Read, first, last - first + 1);
  }
  for (const Pfn pfn : coming) {
    Frame& frame = core.pool.frame(pfn);
    --frame.aux;
    frame.flags |= kFramePrefetched;
    if (ready > now) core.pool.start_io(pfn, ready);
  }
  core.counters.reclaim.prefetched += coming.size();
  core.counters.reclaim.file_read += coming.size();
  return coming.size();
}

LeafResult map_object(PageFault& fault) {
  // A write to a page that is mapped for reading needs no looking up (wp_page_shared(),
  // mm/memory.c).
  if (follows_linux(fault) && !fault.view.translation.present()) return fault_on_file(fault);
  Core& core = fault.core;
  const Pfn pfn = fault.view.common.pfn();
  if (const std::uint64_t ready = core.pool.io_pending(pfn, core.clock.now_ns()); ready != 0) {
    return {LeafResult::Kind::Wait, ready};
  }
  const FramePin pin(core.pool, pfn);
  Frame& frame = core.pool.frame(pfn);
  const bool file = frame.kind == FrameKind::File;
  const bool write = fault.request.access == Access::Write;
  // A clean file page is mapped read-only even where writing is allowed: the first write must be
  // noticed.
  const bool writable = fault.area.shared && (write || !file);
  if (!map_page(core, fault.area, fault.vpn, pfn, writable, true)) {
    return {LeafResult::Kind::NoMemory};
  }
  note_used(core, frame);
  if (write) mark_dirty(core, frame);
  if (write && file) fault.area.backing->folios.clear_mark(fault.area.backing_at(fault.vpn));
  if (write && file && fault.view.translation.present()) ++core.counters.faults.write_notify;
  ++core.counters.faults.file_mapped;
  if (!write) fault_around(fault);
  return {};
}

namespace {

// Where there is no table yet, filemap_map_pages() makes one only if the first page in memory that
// it finds in the window is not the file's last one (since 6.18, so that no huge page crosses the
// end; shmem is let off). Without a table it maps nothing.
bool makes_table(PageFault& fault) {
  Vma& area = fault.area;
  const VmObject& object = *area.backing;
  if (object.kind != ObjectKind::File || area.space->would_have_table(fault.vpn)) {
    return true;
  }
  const std::uint64_t window = fault.core.options.prefetch.fault_around_pages;
  const Vpn aligned(fault.vpn.value - fault.vpn.value % window);
  PageOffset at = area.backing_at(std::max(aligned, area.range().begin));
  const std::uint64_t pages = object.pages().value;
  for (; at.value < pages; at = at + PageCount(1)) {
    const PageSlot slot = object.slots.get(at);
    if (slot.is_resident() || object.known_cached(at, slot)) break;
  }
  return at.value + 1 < pages;
}

}  // namespace

LeafResult beyond_end(PageFault& fault) {
  const bool around = fault.request.access != Access::Write && makes_table(fault);
  if (around && follows_linux(fault)) {
    (void)map_around(fault);
  } else if (around) {
    fault_around(fault);
  }
  return {LeafResult::Kind::Bus};
}

namespace {

// The same without waiting for memory.
Result<Pfn> bring_object_page(Core& core, VmObject& object, PageOffset at) {
  PageSlot slot = object.slots.get(at);
  if (slot.is_resident()) {
    core.clock.advance_to(core.pool.io_pending(slot.pfn(), core.clock.now_ns()));
    return slot.pfn();
  }
  if (object.kind == ObjectKind::File) {
    const bool in_cache = object.known_cached(at, slot);
    const Result<Pfn> loaded = load_file_page(core, object, at);
    if (loaded && !in_cache && object.queue != nullptr) {
      ++core.counters.reclaim.file_read;
      core.clock.advance_to(object.queue->submit(core.clock.now_ns(), Transfer::Read, at.value, 1));
    }
    return loaded;
  }
  FrameGrant grant;
  if (!new_user_frame(core, FrameKind::Shared, object.id, at, slot, grant)) {
    return fail(Errno::NoMemory);
  }
  core.pool.zero(grant.pfn);
  if (slot.is_swapped()) {
    if (core.pool.carries_bytes()) {
      const Result<void> read = core.swap.read(slot.swap(),
                                               {core.pool.bytes(grant.pfn), kPageSize});
      if (!read) {
        core.pool.frame(grant.pfn).refs = 0;
        core.pool.give_back(grant.pfn);
        return tl::unexpected(read.error());
      }
    }
    core.clock.advance_to(core.swap.submit(slot.swap(), Transfer::Read, core.clock.now_ns()));
    ++core.counters.reclaim.pswpin;
  }
  object.slots.set(at, PageSlot::resident(grant.pfn));  // lets go of the swap slot
  core.pool.admit(grant.pfn);
  return grant.pfn;
}

}  // namespace

Result<Pfn> require_object_page(Core& core, VmObject& object, PageOffset at) {
  constexpr int kMaxWaits = 16;  // MAX_RECLAIM_RETRIES, mm/page_alloc.c
  for (int waits = 0;; ++waits) {
    Result<Pfn> page = bring_object_page(core, object, at);
    if (page || page.error().code != Errno::NoMemory || waits == kMaxWaits) return page;
    const std::uint64_t until = core.pool.next_io_release(core.clock.now_ns());
    if (until == 0) return page;
    core.clock.advance_to(until);
  }
}

}  // namespace pw
