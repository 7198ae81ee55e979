#include "fault/page_cache.hpp"

#include <algorithm>

namespace pw {

namespace {

// What one bio holds (BIO_MAX_VECS): pages that end together.
constexpr std::uint64_t kPagesOfRequest = 256;

bool any_cached(const VmObject& file, FolioSpan folio) {
  for (PageOffset at = folio.first; at < folio.end(); at = at + PageCount(1)) {
    if (file.cached(at)) return true;
  }
  return false;
}

// Frames for all pages of a new folio, with the file's bytes. An error leaves none. The folio is
// charged before anybody looks whether its place is free (filemap_add_folio()): whoever finds it
// taken has made room for nothing.
Result<std::vector<FrameGrant>> take_frames(Core& core, VmObject& file, FolioSpan folio,
                                            Effort effort) {
  std::vector<FrameGrant> out;
  if (!core.frames.pay(folio.pages().value, effort == Effort::Once)) return fail(Errno::NoMemory);
  if (any_cached(file, folio)) return fail(Errno::Exists);
  Result<void> done;
  for (PageOffset at = folio.first; at < folio.end() && done; at = at + PageCount(1)) {
    FrameGrant grant;
    FrameWant want{FrameKind::File};
    want.paid = true;
    if (!core.frames.allocate(want, grant)) {
      done = fail(Errno::NoMemory);
      break;
    }
    Frame& frame = core.pool.frame(grant.pfn);
    frame.owner = file.id;
    frame.index = at.value;
    frame.refs = 1;
    out.push_back(grant);
    if (core.pool.carries_bytes() && file.store != nullptr) {
      done = file.store->read(ByteCount(at.value << kPageShift),
                              {core.pool.bytes(grant.pfn), kPageSize});
    }
  }
  if (done) return out;
  for (const FrameGrant& grant : out) {
    core.pool.frame(grant.pfn).refs = 0;
    core.pool.give_back(grant.pfn);
  }
  return tl::unexpected(done.error());
}

void take_cpu(Core& core, std::uint64_t ns) {
  core.clock.advance(ns);
  core.counters.kernel_ns += ns;
}

void admit(Core& core, const std::vector<FrameGrant>& folio) {
  for (const FrameGrant& grant : folio) core.pool.admit(grant.pfn);
}

// What the last of the pages that was dropped earlier left behind; 0: none was.
std::uint64_t shadow_in(const VmObject& file, FolioSpan folio) {
  std::uint64_t shadow = 0;
  for (PageOffset at = folio.first; at < folio.end(); at = at + PageCount(1)) {
    const PageSlot slot = file.slots.get(at);
    if (slot.is_shadow()) shadow = slot.note();
  }
  return shadow;
}

}  // namespace

std::uint64_t folio_pending(Core& core, const VmObject& file, FolioSpan folio) {
  std::uint64_t last = 0;
  for (PageOffset at = folio.first; at < folio.end(); at = at + PageCount(1)) {
    const PageSlot slot = file.slots.get(at);
    if (!slot.is_resident()) continue;
    last = std::max(last, core.pool.io_pending(slot.pfn(), core.clock.now_ns()));
  }
  return last;
}

Result<void> load_cached_folio(Core& core, VmObject& file, PageOffset at) {
  const FolioSpan folio = file.folios.find(at);
  for (PageOffset page = folio.first; page < folio.end(); page = page + PageCount(1)) {
    if (!file.slots.get(page).is_empty() || !file.cached(page)) continue;
    const Result<Pfn> loaded = load_file_page(core, file, page);
    if (!loaded) return tl::unexpected(loaded.error());
  }
  return {};
}

Result<void> CacheFill::add(FolioSpan folio, bool marked, Effort effort) {
  const Result<std::vector<FrameGrant>> taken = take_frames(core_, file_, folio, effort);
  if (!taken) return tl::unexpected(taken.error());
  std::vector<Pfn> frames;
  for (const FrameGrant& grant : *taken) frames.push_back(grant.pfn);
  core_.frames.returned(frames, shadow_in(file_, folio));
  file_.folios.add(folio, marked);
  PageOffset at = folio.first;
  for (const FrameGrant& grant : *taken) {
    Frame& frame = core_.pool.frame(grant.pfn);
    ++frame.aux;  // what comes in after it must not push it out
    if (at != wanted_) {
      frame.flags |= kFramePrefetched;
      ++core_.counters.reclaim.prefetched;
    }
    file_.slots.set(at, PageSlot::resident(grant.pfn));
    pages_.push_back({grant, at});
    at = at + PageCount(1);
  }
  admit(core_, *taken);
  const FaultCosts& costs = core_.options.costs;
  take_cpu(core_, costs.file_folio_ns + taken->size() * costs.file_page_ns);
  return {};
}

// Asks the device for the pages [begin, end) of the list, which lie within one bio's length;
// returns when the last of them is there.
std::uint64_t CacheFill::request(std::size_t begin, std::size_t end) {
  const std::uint64_t now = core_.clock.now_ns();
  std::uint64_t done = now;
  while (begin < end && file_.queue != nullptr) {
    std::size_t stop = begin + 1;
    while (stop < end && pages_[stop].at == pages_[stop - 1].at + PageCount(1)) ++stop;
    done = std::max(done,
                    file_.queue->submit(now, Transfer::Read, pages_[begin].at.value, stop - begin));
    begin = stop;
  }
  return done;
}

void CacheFill::submit() {
  if (pages_.empty()) return;
  take_cpu(core_, core_.options.costs.file_request_ns);
  const std::uint64_t now = core_.clock.now_ns();
  std::uint64_t done = now;
  for (std::size_t i = 0; i < pages_.size(); i += kPagesOfRequest) {
    const std::size_t end = std::min<std::size_t>(i + kPagesOfRequest, pages_.size());
    done = std::max(done, request(i, end));  // they end in order
    for (std::size_t k = i; k < end; ++k) {
      const Pfn pfn = pages_[k].grant.pfn;
      const std::uint64_t ready = std::max(done, pages_[k].grant.ready_ns);
      if (ready > now) core_.pool.start_io(pfn, ready);
      --core_.pool.frame(pfn).aux;
    }
  }
  core_.counters.reclaim.file_read += pages_.size();
  pages_.clear();
}

FolioPins::FolioPins(Core& core, const VmObject& file, std::span<const FolioSpan> folios)
    : pool_(core.pool) {
  for (const FolioSpan folio : folios) {
    for (PageOffset at = folio.first; at < folio.end(); at = at + PageCount(1)) {
      const PageSlot slot = file.slots.get(at);
      if (slot.is_resident()) pages_.push_back(slot.pfn());
    }
  }
  for (const Pfn pfn : pages_) ++pool_.frame(pfn).aux;
}

FolioPins::~FolioPins() {
  for (const Pfn pfn : pages_) --pool_.frame(pfn).aux;
}

Result<void> add_written_folio(Core& core, VmObject& file, FolioSpan folio) {
  const Result<std::vector<FrameGrant>> taken = take_frames(core, file, folio, Effort::Insist);
  if (!taken) return tl::unexpected(taken.error());
  file.folios.add(folio, false);
  PageOffset at = folio.first;
  for (const FrameGrant& grant : *taken) {
    file.slots.set(at, PageSlot::resident(grant.pfn));
    at = at + PageCount(1);
  }
  admit(core, *taken);
  return {};
}

}  // namespace pw
