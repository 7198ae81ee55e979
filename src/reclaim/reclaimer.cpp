#include "reclaim/reclaimer.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "rmap/huge_split.hpp"
#include "rmap/rmap.hpp"
#include "space/translations.hpp"

namespace pw {

Reclaimer::Reclaimer(FramePool& pool, const ReclaimConfig& config)
    : Reclaim(pool),
      config_(config),
      watermarks_(config.min_free < 0
                      ? Watermarks::for_ram(pool.total().value)
                      : Watermarks::of_min(static_cast<std::uint64_t>(config.min_free))) {}

namespace {

// How many user pages there will be in memory when it is full: what policies count their shares in.
// Rather fewer than more, or a share that must fill up before anything else happens (LIRS: 99 %)
// never would. Beside the free frames, a 64th goes to page tables, and a few more.
std::uint32_t user_frames_expected(std::uint32_t all, const Watermarks& watermarks,
                                   std::uint64_t limit) {
  const std::uint64_t others = watermarks.high + all / 64 + 16;
  const std::uint64_t left = std::max<std::uint64_t>(all - std::min<std::uint64_t>(others, all),
                                                     all / 2);
  return static_cast<std::uint32_t>(limit == 0 ? left : std::min(limit, left));
}

}  // namespace

Result<std::unique_ptr<Reclaimer>> Reclaimer::create(FramePool& pool, const ReclaimConfig& config) {
  const auto spec = policy::parse_policy(config.policy);
  if (!spec) return tl::unexpected(spec.error());
  std::unique_ptr<Reclaimer> reclaimer(new Reclaimer(pool, config));
  const auto ids = static_cast<std::uint32_t>(pool.total().value);
  reclaimer->spec_ = *spec;
  policy::Setup& setup = reclaimer->setup_;
  setup.ids = ids;
  setup.frames = user_frames_expected(ids, reclaimer->watermarks_, config.resident_limit);
  if (policy::remembers(*spec)) {
    reclaimer->ids_ = std::make_unique<PageIds>(ids);
    setup.ids = reclaimer->ids_->ids();
  }
  reclaimer->parts_.push_back(reclaimer->make_part());
  const policy::AnyPolicy* order = reclaimer->parts_.front().order.get();
  if (order == nullptr) {
    return fail(Errno::Invalid,
                "policy " + spec->name + " knows the future: no machine can run it");
  }
  reclaimer->charges_spaces_ = config.replacement == Replacement::Local;
  if (reclaimer->charges_spaces_) reclaimer->part_of_frame_.resize(ids);
  reclaimer->needs_ = order->needs();
  reclaimer->timed_ = order->ticks();
  reclaimer->hears_misses_ = order->hears_misses();
  reclaimer->marks_new_ = order->marks_new() || reclaimer->needs_ != policy::Needs::AccessedBits;
  pool.set_residency(reclaimer.get());
  return reclaimer;
}

const char* Reclaimer::check() const {
  const char* wrong = check_ids();
  return wrong == nullptr ? check_parts() : wrong;
}

std::uint64_t Reclaimer::listed() const {
  std::uint64_t pages = 0;
  for (const Part& part : parts_) pages += part.frames;
  return pages;
}

// Room within the limit on user frames, for `pages` more. What nobody holds of huge pages counts,
// and goes first.
bool Reclaimer::keep_limit(std::uint64_t pages, bool light, std::uint64_t& ready_ns) {
  const std::uint64_t limit = config_.resident_limit;
  while (limit != 0 && pool_->user_frames() + pool_->spare_frames() + pages > limit) {
    if (light) return false;
    if (split_partly_used(*core_, 1) != 0) continue;
    if (!reclaim_one(Who::Direct, ready_ns)) return false;
  }
  return true;
}

// A huge page of the memory that is free: nothing is reclaimed but for the limit, and not even that
// for those who did not ask.
bool Reclaimer::allocate_huge(const FrameWant& want, FrameGrant& out) {
  if (charges_spaces_) return false;  // allowances are of single frames
  if (!keep_limit(HugeBlocks::kFrames, want.light, out.ready_ns)) return false;
  if (pool_->free_frames().value < watermarks_.min + HugeBlocks::kFrames) return false;
  return pool_->take_huge(want.kind, out.pfn);
}

// Room for one more frame of this kind: within the limit on user frames, and above the min
// watermark.
bool Reclaimer::make_room(FrameKind kind, std::uint64_t& ready_ns) {
  if (is_user(kind) && !keep_limit(1, false, ready_ns)) return false;
  if (pool_->free_frames().value > watermarks_.min) return true;
  ++core_->counters.reclaim.allocstall;
  if (pool_->spare_frames() > 0) (void)split_partly_used(*core_, 1);
  const std::uint64_t wanted = watermarks_.min == 0 ? 1 : kBatch;
  for (std::uint64_t freed = 0; freed < wanted; ++freed) {
    if (!reclaim_one(Who::Direct, ready_ns)) break;
  }
  return pool_->free_frames().value > 0 || drop_zero_translations();
}

bool Reclaimer::allocate(const FrameWant& want, FrameGrant& out) {
  run_background();
  out.ready_ns = 0;
  if (fail_now()) return false;
  if (want.order != 0) return allocate_huge(want, out);
  const policy::Id id = expect(want);
  if (is_user(want.kind)) keep_within_allowance(out.ready_ns);
  if (!make_room(want.kind, out.ready_ns) || !pool_->take(want.kind, out.pfn)) {
    if (id != policy::kNoPage && !ids_->absent(id)) forget(id, want.kind == FrameKind::File);
    return false;
  }
  if (ids_ != nullptr) {
    // What was here last may have gone before reclaim was told of it.
    if (const policy::Id old = ids_->of(out.pfn); old != policy::kNoPage) {
      forget(old, want.kind == FrameKind::File);
    }
    if (id != policy::kNoPage) ids_->settle(id, out.pfn);
  }
  if (!background_awake_ && pool_->free_frames().value < watermarks_.low) {
    background_awake_ = true;
    background_ns_ = core_->clock.now_ns();
    ++core_->counters.reclaim.kswapd_wakeups;
  }
  return true;
}

bool Reclaimer::allocate_table(int level, Pfn& out) {
  std::uint64_t ready_ns = 0;
  if (fail_now() || !make_room(FrameKind::Table, ready_ns)) return false;
  return pool_->allocate_table(level, out);
}

void Reclaimer::run_background() {
  const std::uint64_t now = core_->clock.now_ns();
  while (background_awake_ && background_ns_ <= now) {
    std::uint64_t ready_ns = 0;
    // It has worked beside the program: what it hands to a device was handed over then, not now.
    core_->clock.set(background_ns_);
    if (pool_->free_frames().value >= watermarks_.high || !reclaim_one(Who::Background, ready_ns)) {
      background_awake_ = false;
    }
    // A page at a time, waiting for its own writes.
    background_ns_ = std::max(background_ns_ + core_->options.costs.reclaim_page_ns, ready_ns);
  }
  core_->clock.set(now);
}

std::uint64_t Reclaimer::reclaim(std::uint64_t frames) {
  std::uint64_t freed = 0;
  std::uint64_t ready_ns = 0;
  while (freed < frames && reclaim_one(Who::Direct, ready_ns)) ++freed;
  return freed;
}

bool Reclaimer::reclaim_one(Who who, std::uint64_t& ready_ns) {
  if (!cold_.empty() && reclaim_cold(who, ready_ns)) return true;
  if (config_.replacement == Replacement::Global) return reclaim_from(parts_[0], who, ready_ns);
  for (Part* part : givers()) {
    if (reclaim_from(*part, who, ready_ns)) return true;
  }
  return false;
}

bool Reclaimer::reclaim_from(Part& part, Who who, std::uint64_t& ready_ns) {
  // A page whose write fails goes back into the order; after as many failures as there are pages,
  // none can go.
  for (std::uint64_t tries = part.frames; tries > 0; --tries) {
    const policy::Id id = choose(part, who);
    if (id == policy::kNoPage) return false;
    if (evict_chosen(id, who, ready_ns)) return true;
  }
  return false;
}

// The policy has let go of the page. If it cannot be written, it is a new one in the order.
bool Reclaimer::evict_chosen(policy::Id id, Who who, std::uint64_t& ready_ns) {
  const Pfn pfn = frame_of(id);
  pool_->frame(pfn).flags &= static_cast<std::uint8_t>(~kFrameListed);
  --part_of(pfn).frames;
  if (pool_->in_huge(pfn)) {
    readmit(pfn);
    break_up(pfn);
    return reclaim_cold(who, ready_ns);
  }
  if (!evict(pfn, ready_ns)) {
    readmit(pfn);
    return false;
  }
  count_stolen(who);
  return true;
}

void Reclaimer::readmit(Pfn pfn) {
  readmitted_ = true;
  pool_->admit(pfn);
  readmitted_ = false;
}

// A huge page goes piece by piece: its pages are the next victims, unless they are used before that
// (shrink_folio_list() puts the pages of a split folio before all others).
void Reclaimer::break_up(Pfn head) {
  split_huge_page(*core_, head);
  for (std::uint64_t i = 0; i < HugeBlocks::kFrames; ++i) deactivate(head + PageCount(i));
}

void Reclaimer::count_stolen(Who who) {
  ReclaimCounters& counters = core_->counters.reclaim;
  ++(who == Who::Direct ? counters.pgsteal_direct : counters.pgsteal_kswapd);
  if (who == Who::Direct) {
    core_->clock.advance(core_->options.costs.reclaim_page_ns);
    core_->counters.kernel_ns += core_->options.costs.reclaim_page_ns;
  }
}

policy::Id Reclaimer::choose(Part& part, Who who) {
  std::uint32_t passing = config_.prefer_clean;
  policy::Id id = choose(part, who, passing);
  // Everything that may go was dirty, and passed over.
  if (id == policy::kNoPage && passing < config_.prefer_clean) id = choose(part, who, passing = 0);
  set_aside_locked();
  return id;
}

// Locked pages leave the order when a search meets them, so that none meets them again (the
// unevictable list of mm/vmscan.c). They rejoin it when a translation goes or an area is unlocked.
void Reclaimer::set_aside_locked() {
  for (const Pfn pfn : locked_met_) {
    Frame& frame = pool_->frame(pfn);
    if ((frame.flags & kFrameListed) == 0) continue;  // met twice
    pool_->withdraw(pfn);
    frame.flags |= kFrameAside;
  }
  locked_met_.clear();
}

policy::Id Reclaimer::choose(Part& part, Who who, std::uint32_t& passing) {
  auto verdict = [&](policy::Id id) {
    const Pfn pfn = frame_of(id);
    const policy::Verdict answer = probe(pfn, who);
    if (met_locked_) locked_met_.push_back(pfn);
    const bool kept = answer == policy::Verdict::Unevictable ||
                      (answer == policy::Verdict::Accessed &&
                       needs_ == policy::Needs::AccessedBits);
    if (kept || passing == 0) return answer;
    if (is_clean(pfn)) return answer;
    --passing;
    ++core_->counters.reclaim.dirty_passed;
    return policy::Verdict::Unevictable;
  };
  if (part.file_order == nullptr) {
    if (core_->swap.full() && pool_->file_frames() == 0 && core_->swap.used_slots() == 0 &&
        core_->counters.reclaim.pglazyfree == 0) {
      return policy::kNoPage;  // nothing but anonymous memory and nowhere to put it
    }
    return part.order->victim(verdict);
  }
  anonymous_credit_ += config_.swappiness;
  file_credit_ += 200 - config_.swappiness;
  const bool anonymous_first = anonymous_credit_ >= file_credit_;
  (anonymous_first ? anonymous_credit_ : file_credit_) -= 200;
  policy::AnyPolicy& first = anonymous_first ? *part.order : *part.file_order;
  policy::AnyPolicy& second = anonymous_first ? *part.file_order : *part.order;
  const policy::Id id = first.victim(verdict);
  return id != policy::kNoPage ? id : second.victim(verdict);
}

bool Reclaimer::can_swap(const Frame& frame) const {
  return swap_copy(frame).valid() || (frame.flags & kFrameLazy) != 0 || !core_->swap.full();
}

policy::Verdict Reclaimer::probe(Pfn pfn, Who who) {
  ReclaimCounters& counters = core_->counters.reclaim;
  ++(who == Who::Direct ? counters.pgscan_direct : counters.pgscan_kswapd);
  Frame& frame = pool_->frame(pfn);
  met_locked_ = false;
  if (pool_->in_huge(pfn)) return probe_huge(pfn);
  if (frame.aux > 0 || pool_->io_awaited(pfn, core_->clock.now_ns())) {
    return policy::Verdict::Unevictable;
  }
  if (frame.kind != FrameKind::File && !can_swap(frame)) return policy::Verdict::Unevictable;
  if (frame.kind == FrameKind::Shared && core_->objects.object(frame.owner).locked) {
    return policy::Verdict::Unevictable;  // SHM_LOCK
  }
  bool accessed = false;
  bool in_use = false;
  for_each_mapping(*core_, pfn, [&](Vma& area, Vpn, x86::Pte& entry) {
    // The accessed bit is cleared without a flush, as on x86 (ptep_clear_flush_young()): a page
    // that a TLB still holds looks idle.
    accessed = accessed || entry.accessed();
    met_locked_ = met_locked_ || area.traits.locked;
    in_use = in_use || (entry.raw & kInUse) != 0;
    if (needs_ == policy::Needs::AccessedBits) entry.raw &= ~x86::kAccessed;
  });
  if (accessed) note_used(*core_, frame);
  if (in_use || met_locked_) return policy::Verdict::Unevictable;
  return accessed ? policy::Verdict::Accessed : policy::Verdict::Idle;
}

// All translations of all its pages are looked at, as folio_referenced() does.
policy::Verdict Reclaimer::probe_huge(Pfn head) {
  std::uint64_t used = 0;
  for (std::uint64_t i = 0; i < HugeBlocks::kFrames; ++i) {
    const Frame& frame = pool_->frame(head + PageCount(i));
    if (frame.aux > 0) return policy::Verdict::Unevictable;
    used += is_user(frame.kind) ? 1U : 0U;
  }
  const bool lazy = (pool_->frame(head).flags & kFrameLazy) != 0;
  const bool all_used = used == HugeBlocks::kFrames;
  if (pool_->io_awaited(head, core_->clock.now_ns())) return policy::Verdict::Unevictable;
  if (all_used && core_->swap.full() && !lazy) return policy::Verdict::Unevictable;
  bool accessed = false, in_use = false;
  for_each_mapping_of_huge(*core_, head, [&](Vma& area, Vpn, x86::Pte& entry) {
    accessed = accessed || entry.accessed();
    met_locked_ = met_locked_ || area.traits.locked;
    in_use = in_use || (entry.raw & kInUse) != 0;
    if (needs_ == policy::Needs::AccessedBits) entry.raw &= ~x86::kAccessed;
  });
  if (in_use || met_locked_) return policy::Verdict::Unevictable;
  return accessed ? policy::Verdict::Accessed : policy::Verdict::Idle;
}

}  // namespace pw
