// Frames in and out: where reclaim meets the rest of the machine.
#include "reclaim/linux/linux_reclaim.hpp"

#include "base/check.hpp"
#include "reclaim/linux/buffer_heads.hpp"
#include "rmap/huge_split.hpp"
#include "rmap/rmap.hpp"
#include "space/translations.hpp"

namespace pw {

LinuxReclaim::LinuxReclaim(FramePool& pool, const LinuxOptions& options, unsigned cpus)
    : Reclaim(pool),
      options_(options),
      lists_(pool.total().value),
      group_(options.limit_pages),
      statistics_(options.stat_flush_ns, cpus, options.stat_phase_ns) {
  pool.set_residency(this);
}

void LinuxReclaim::connect(Core& core) { core_ = &core; }

std::uint64_t LinuxReclaim::used() const {
  return pool_->user_frames() + pool_->more_pages() + pool_->spare_frames() - foreign_ +
         pool_->table_frames() + options_.kernel_pages + pages_of_buffers(buffer_heads_);
}

bool LinuxReclaim::allocate(const FrameWant& want, FrameGrant& out) {
  out.ready_ns = 0;
  if (fail_now()) return false;
  if (want.order != 0) return allocate_huge(want, out);
  if (is_user(want.kind) && !want.foreign && !want.paid && !charge(want.pages)) return false;
  while (!pool_->take(want.kind, out.pfn)) {
    if (!make_frames_free()) return false;
  }
  if (!is_user(want.kind)) return true;
  if (want.pages > 1) pool_->stand_for(out.pfn, want.pages);
  lists_.flags(out.pfn) = want.foreign ? std::uint8_t{kLruForeign} : std::uint8_t{0};
  if (want.kind == FrameKind::File) lists_.set(out.pfn, kLruFile);
  if (!want.foreign) note_refault(want, out.pfn);
  return true;
}

bool LinuxReclaim::allocate_table(int level, Pfn& out) {
  if (fail_now() || !charge(1)) return false;
  while (!pool_->allocate_table(level, out)) {
    if (!make_frames_free()) return false;
  }
  return true;
}

void LinuxReclaim::free_table(Pfn table) {
  pool_->free_table(table);
  group_.put_in_stock(1);
}

void LinuxReclaim::enlist_front(Pfn pfn) {
  lists_.push_front(pfn);
  count_in(lists_.list_of_page(pfn), pages_of(pfn));
  lists_.weigh(lists_.list_of_page(pfn), pages_of(pfn) - 1);
}

void LinuxReclaim::enlist_back(Pfn pfn) {
  lists_.push_back(pfn);
  count_in(lists_.list_of_page(pfn), pages_of(pfn));
  lists_.weigh(lists_.list_of_page(pfn), pages_of(pfn) - 1);
}

void LinuxReclaim::delist(Pfn pfn) {
  if (lists_.listed(pfn) || lists_.has(pfn, kLruBatched)) {
    count_in(lists_.list_of_page(pfn), -pages_of(pfn));
    if (lists_.listed(pfn)) lists_.weigh(lists_.list_of_page(pfn), 1 - pages_of(pfn));
    lists_.remove(pfn);
  }
}

void LinuxReclaim::admitted(Pfn pfn) {
  ++listed_;
  if (lists_.has(pfn, kLruForeign)) {
    ++foreign_;
    return;
  }
  const bool large = pool_->in_huge(pfn) || in_folio(pfn);
  if (large) {  // they don't wait in batches (folio_may_be_lru_cached())
    lists_.drain();
    return enlist_front(pfn);
  }
  lists_.add(pfn, pages_of(pfn));
  count_in(lists_.list_of_page(pfn), pages_of(pfn));
}

void LinuxReclaim::departed(Pfn pfn) {
  --listed_;
  if (lists_.has(pfn, kLruForeign)) {
    --foreign_;
    return;
  }
  delist(pfn);
  writing_.forget(pfn);
  if (!lists_.has(pfn, kLruBuffers)) return;
  lists_.unset(pfn, kLruBuffers);
  --buffer_heads_;
}

// alloc_buffer_head()
void LinuxReclaim::will_write(Pfn pfn) {
  if (lists_.has(pfn, kLruBuffers | kLruForeign)) return;
  if (pages_of_buffers(buffer_heads_ + 1) > pages_of_buffers(buffer_heads_)) (void)charge(1);
  lists_.set(pfn, kLruBuffers);
  ++buffer_heads_;
}

// Time alone does nothing here but end transfers; see MemoryGroup for who reclaims.
void LinuxReclaim::run_background() {
  if (!writing_.empty()) finish_writes();
}

// deactivate_file_folio() and folio_deactivate(), mm/swap.c: to the front of the inactive list.
void LinuxReclaim::deactivate(Vma& area, VpnRange part) {
  split_huge_pages(*core_, area, part, true);
  area.space->tables().for_each_leaf(part, [&](Vpn, int, x86::Pte& entry) {
    const Frame& frame = pool_->frame(entry.pfn());
    if (!is_user(frame.kind) || frame.mapcount != 1) return;
    entry.raw &= ~x86::kAccessed;
    deactivate(entry.pfn());
  });
  core_->mmu.invalidate(area.space->id(), part, FlushReason::WriteProtect, false);
}

void LinuxReclaim::deactivate(Pfn pfn) {
  if ((pool_->frame(pfn).flags & kFrameListed) == 0 || lists_.has(pfn, kLruForeign)) return;
  lists_.drain();
  if (!lists_.listed(pfn)) return;
  const LruUnit unit = unit_of(pfn);
  take_off(unit);
  unset(unit, kLruActive | kLruReferenced);
  // A page that MADV_FREE named belongs with the files' pages: it goes without being written.
  if ((pool_->frame(pfn).flags & kFrameLazy) != 0) lists_.set(pfn, kLruFile);
  put_front(unit);
}

// folio_mark_accessed(), mm/swap.c: the second time makes a page active.
void LinuxReclaim::mark_accessed(Pfn pfn) {
  if ((pool_->frame(pfn).flags & kFrameListed) == 0 || lists_.has(pfn, kLruForeign)) return;
  if (!lists_.has(pfn, kLruReferenced)) {
    set(unit_of(pfn), kLruReferenced);
    return;
  }
  if (lists_.has(pfn, kLruActive)) return;
  const LruUnit unit = unit_of(pfn);
  if (lists_.listed(pfn)) {
    take_off(unit);
    set(unit, kLruActive);
    put_front(unit);
  } else if (lists_.has(pfn, kLruBatched)) {
    count_in(lists_.list_of_page(pfn), -pages_of(pfn));
    lists_.set(pfn, kLruActive);
    count_in(lists_.list_of_page(pfn), pages_of(pfn));
  }
  unset(unit, kLruReferenced);
  age_.pass(unit.weight());  // workingset_activation()
}

std::uint64_t LinuxReclaim::reclaim(std::uint64_t frames) {
  std::uint64_t freed = 0;
  while (freed < frames) {
    const std::uint64_t some = reclaim_group(frames - freed);
    if (some == 0) break;
    freed += some;
  }
  return freed;
}

bool LinuxReclaim::evict_unasked(Pfn pfn, std::uint64_t& /*ready_ns*/) {
  if (pool_->in_huge(pfn)) break_up(HugeBlocks::head_of(pfn));
  const Frame& frame = pool_->frame(pfn);
  if ((frame.flags & kFrameListed) == 0 || frame.aux > 0 || lists_.has(pfn, kLruForeign)) {
    return false;
  }
  drain();
  if (!enlisted(pfn)) return false;
  delist(pfn);
  Tally tally;
  const bool file = frame.kind == FrameKind::File;  // alone, whatever folio it is of
  if (let_go(file ? LruUnit(pfn) : unit_of(pfn), tally) == Gone::Freed) return true;
  if ((pool_->frame(pfn).flags & kFrameListed) != 0) enlist_front(pfn);
  return false;
}

const char* LinuxReclaim::check() const {
  for (std::uint64_t n = 0; n < pool_->total().value; ++n) {
    const Frame& frame = pool_->frame(Pfn(n));
    if (!is_user(frame.kind) || (frame.flags & kFrameListed) == 0) continue;
    if (lists_.has(Pfn(n), kLruForeign)) continue;
    if (!lists_.listed(Pfn(n)) && !lists_.has(Pfn(n), kLruBatched)) {
      return "a page of the group is in none of its lists";
    }
  }
  return lists_.entries() + lists_.batched() + foreign_ == listed_ ? nullptr
                                                                   : "the lists hold other pages";
}

}  // namespace pw
