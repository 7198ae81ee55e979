// A fault on a page of a file, told as filemap_fault() tells it (mm/filemap.c, 6.18).
//
// A read first maps what lies around, the page included if it can be (fault_around.cpp). Else:
//
//   the page is there       one miss less; if its folio carries the readahead mark, the next window
//                           is read meanwhile, and the fault begins anew
//   it is being read        waits, and begins anew
//   it is not there         one miss more; reads a window around it, or the page alone if misses
//                           have become many; waits, and begins anew: a major fault. A repetition
//                           (the page is gone again) waits with the page held, and goes on
//
// To begin anew is to give up the area's lock (VM_FAULT_RETRY). The first try holds the lock of the
// area alone; the next one holds that of the whole space, and only from the third on, or if the
// page was not there, is a try known as a repetition (FAULT_FLAG_TRIED, arch/x86/mm/fault.c), which
// makes the fault a major one, leaves marks alone and waits for a page with the lock held. So one
// wait for a page that readahead has ordered is a minor fault, two are a major one.
#include "fault/file_fault.hpp"

#include <algorithm>

#include "fault/page_cache.hpp"
#include "fault/readahead.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

constexpr std::uint32_t kManyMisses = 100;               // MMAP_LOTSAMISS
constexpr std::uint32_t kMostMisses = 10 * kManyMisses;  // as far as they are counted

LeafResult begin_anew(FaultRequest& request, std::uint64_t until_ns, std::uint64_t now_ns) {
  if (request.retried || request.major) request.tried = request.major = true;
  request.retried = true;
  if (until_ns <= now_ns) return {LeafResult::Kind::Again};
  return {LeafResult::Kind::Wait, until_ns, true};
}

// do_async_mmap_readahead(). True: the lock was given up.
bool follow_mark(const PageFault& fault, CacheReader& reader, FolioSpan folio) {
  if (fault.area.traits.random || reader.most_pages() == 0) return false;
  if (folio_pending(fault.core, reader.file, folio) == 0 && reader.state.map_misses > 0) {
    --reader.state.map_misses;
  }
  if (!reader.file.folios.marked(folio.first)) return false;
  read_ahead_async(reader, folio, reader.wanted, reader.most_pages());
  return true;
}

// MADV_HUGEPAGE: a folio of a whole table, and the next one if reading goes on.
void read_huge(const PageFault& fault, CacheReader& reader) {
  constexpr std::uint64_t kHugePages = 1ULL << kMostFolioOrder;
  ReadaheadState& state = reader.state;
  state.size = fault.area.traits.random ? kHugePages : 2 * kHugePages;
  state.async_size = kHugePages;
  state.order = kMostFolioOrder;
  read_window(reader, PageOffset(reader.wanted.value & ~(kHugePages - 1)));
}

// do_sync_mmap_readahead()
void read_around(const PageFault& fault, CacheReader& reader) {
  const Vma& area = fault.area;
  ReadaheadState& state = reader.state;
  if (area.traits.huge) return read_huge(fault, reader);
  if (area.traits.random && !area.rights.execute) return;
  const std::uint64_t most = reader.most_pages();
  if (most == 0) return;
  if (area.traits.sequential) return read_ahead_sync(reader, most);
  if (state.map_misses < kMostMisses) ++state.map_misses;
  if (state.map_misses > kManyMisses) return;
  const std::uint64_t at = reader.wanted.value;
  if (area.rights.execute) {  // code is not read in order: from the page on, inside the area
    const std::uint64_t end = (area.backing_page + area.range().pages()).value;
    state.start = at;
    state.size = std::min(at + most, end) - at;
    state.async_size = 0;
  } else {
    state.start = at - std::min(at, most / 2);
    state.size = most;
    state.async_size = most / 4;
  }
  state.order = 0;
  read_window(reader, PageOffset(state.start));
}

// Every page of the folio is free to be mapped (pte_range_none()).
bool none_mapped(PageFault& fault, VpnRange range) {
  for (Vpn vpn = range.begin; vpn < range.end; vpn = vpn + PageCount(1)) {
    const PageView view = view_page(fault.core, fault.area, vpn);
    if (view.translation.present() || !view.own.is_empty() || !view.common.is_resident()) {
      return false;
    }
  }
  return true;
}

// finish_fault(), mm/memory.c: the folio as a whole if that is possible, else the page.
LeafResult map_found(PageFault& fault, FolioSpan folio) {
  Core& core = fault.core;
  const VmObject& file = *fault.area.backing;
  const bool write = fault.request.access == Access::Write;
  VpnRange range = range_of(fault.vpn, PageCount(1));
  if (folio.order > 0 && folio.end().value <= file.pages().value) {
    const VpnRange whole = folio_pages(fault.area, folio);
    if (!whole.empty() && none_mapped(fault, whole)) range = whole;
  }
  const ToldResident::Batch batch(fault.area.space->counters().told_resident);
  for (Vpn vpn = range.begin; vpn < range.end; vpn = vpn + PageCount(1)) {
    const Pfn pfn = file.slots.get(fault.area.backing_at(vpn)).pfn();
    const FramePin pin(core.pool, pfn);
    if (!map_page(core, fault.area, vpn, pfn, write, true)) return {LeafResult::Kind::NoMemory};
    if (!write) continue;
    core.frames.will_write(pfn);
    mark_dirty(core, core.pool.frame(pfn));
  }
  if (write) fault.area.backing->folios.clear_mark(folio.first);  // folio_mark_dirty()
  return {};
}

LeafResult failed(Errno error) {
  return {error == Errno::NoMemory ? LeafResult::Kind::NoMemory : LeafResult::Kind::Bus};
}

LeafResult mapped(PageFault& fault, const LeafResult& result) {
  if (result.kind != LeafResult::Kind::Mapped) return result;
  const Pfn pfn = fault.area.backing->slots.get(fault.area.backing_at(fault.vpn)).pfn();
  note_used(fault.core, fault.core.pool.frame(pfn));
  ++fault.core.counters.faults.file_mapped;
  return result;
}

}  // namespace

LeafResult fault_on_file(PageFault& fault) {
  Core& core = fault.core;
  FaultRequest& request = fault.request;
  VmObject& file = *fault.area.backing;
  const PageOffset at = fault.area.backing_at(fault.vpn);
  const bool write = request.access == Access::Write;
  if (!write && !request.holds_page && map_around(fault)) return mapped(fault, {});
  CacheReader reader = cache_reader(core, file, fault.area.file, at);
  bool anew = false;
  if (file.cached(at)) {
    const Result<void> loaded = load_cached_folio(core, file, at);
    if (!loaded) return failed(loaded.error().code);
    if (!request.tried && !request.holds_page) {
      anew = follow_mark(fault, reader, file.folios.find(at));
    }
  } else {
    request.major = true;
    anew = !request.tried;  // maybe_unlock_mmap_for_io(): a repetition keeps lock and page
    read_around(fault, reader);
    if (!file.cached(at)) {
      CacheFill fill(core, file, at);
      const Result<void> added = fill.add({at, 0}, false, Effort::Insist);
      if (!added) return failed(added.error().code);
    }
  }
  const FolioSpan folio = file.folios.find(at);
  const std::uint64_t now = core.clock.now_ns();
  const std::uint64_t pending = folio_pending(core, file, folio);
  if (anew || (pending != 0 && !request.tried)) return begin_anew(request, pending, now);
  if (pending != 0) {
    request.holds_page = true;
    return {LeafResult::Kind::Wait, pending, true};
  }
  if (write && !fault.area.shared) {
    fault.view.common = file.slots.get(at);
    return copy_file_page(fault);
  }
  return mapped(fault, map_found(fault, folio));
}

}  // namespace pw
