#include "reclaim/reclaimer.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "rmap/rmap.hpp"
#include "space/translations.hpp"

namespace pw {

Reclaimer::Reclaimer(FramePool& pool, const ReclaimConfig& config)
    : pool_(&pool),
      config_(config),
      watermarks_(config.min_free < 0
                      ? Watermarks::for_ram(pool.total().value)
                      : Watermarks::of_min(static_cast<std::uint64_t>(config.min_free))) {}

std::unique_ptr<Reclaimer> Reclaimer::create(FramePool& pool, const ReclaimConfig& config) {
  std::unique_ptr<Reclaimer> reclaimer(new Reclaimer(pool, config));
  const auto ids = static_cast<std::uint32_t>(pool.total().value);
  policy::Setup setup;
  setup.ids = setup.frames = ids;
  reclaimer->order_ = policy::make_policy(config.policy, setup);
  if (reclaimer->order_ == nullptr) return nullptr;
  if (config.swappiness >= 0) reclaimer->file_order_ = policy::make_policy(config.policy, setup);
  reclaimer->needs_ = reclaimer->order_->needs();
  pool.set_residency(reclaimer.get());
  return reclaimer;
}

policy::AnyPolicy& Reclaimer::order_of(Pfn pfn) {
  const bool file = pool_->frame(pfn).kind == FrameKind::File;
  return file && file_order_ != nullptr ? *file_order_ : *order_;
}

void Reclaimer::admitted(Pfn pfn) { order_of(pfn).insert(static_cast<policy::Id>(pfn.value)); }

void Reclaimer::departed(Pfn pfn) { order_of(pfn).erase(static_cast<policy::Id>(pfn.value)); }

std::uint64_t Reclaimer::listed() const {
  return order_->size() + (file_order_ == nullptr ? 0 : file_order_->size());
}

// Room for one more frame of this kind: within the limit on user frames, and above the min
// watermark.
bool Reclaimer::make_room(FrameKind kind, std::uint64_t& ready_ns) {
  const std::uint64_t limit = config_.resident_limit;
  while (limit != 0 && is_user(kind) && pool_->user_frames() >= limit) {
    if (!reclaim_one(Who::Direct, ready_ns)) return false;
  }
  if (pool_->free_frames().value > watermarks_.min) return true;
  ++core_->counters.reclaim.allocstall;
  const std::uint64_t wanted = watermarks_.min == 0 ? 1 : kBatch;
  for (std::uint64_t freed = 0; freed < wanted; ++freed) {
    if (!reclaim_one(Who::Direct, ready_ns)) break;
  }
  return pool_->free_frames().value > 0 || drop_zero_translations();
}

// Translations of the zero page keep tables alive and belong to no frame that could be evicted.
// They can be had back by a fault, so they go before anybody is killed.
bool Reclaimer::drop_zero_translations() {
  std::vector<std::pair<Vma*, Vpn>> places;
  core_->objects.for_each([&](VmObject& object) {
    if (object.space == nullptr) return;
    for (Vma& area : object.space->areas()) {
      if (area.backing != nullptr) continue;
      object.space->tables().for_each_leaf(area.range(), [&](Vpn vpn, int, x86::Pte& entry) {
        if (entry.pfn() == core_->zero_frame) places.emplace_back(&area, vpn);
      });
    }
  });
  for (const auto& [area, vpn] : places) {
    unmap_range(*core_, *area, range_of(vpn, PageCount(1)), FlushReason::Reclaim);
  }
  return pool_->free_frames().value > 0;
}

bool Reclaimer::allocate(FrameKind kind, FrameGrant& out) {
  run_background();
  out.ready_ns = 0;
  if (fail_now() || !make_room(kind, out.ready_ns) || !pool_->take(kind, out.pfn)) return false;
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
  // A page whose write fails goes back into the order; after as many failures as there are pages,
  // none can go.
  for (std::uint64_t tries = listed(); tries > 0; --tries) {
    const policy::Id id = choose(who);
    if (id == policy::kNoPage) return false;
    const Pfn pfn(id);
    pool_->frame(pfn).flags &= static_cast<std::uint8_t>(~kFrameListed);
    if (evict(pfn, ready_ns)) {
      ReclaimCounters& counters = core_->counters.reclaim;
      ++(who == Who::Direct ? counters.pgsteal_direct : counters.pgsteal_kswapd);
      if (who == Who::Direct) {
        core_->clock.advance(core_->options.costs.reclaim_page_ns);
        core_->counters.kernel_ns += core_->options.costs.reclaim_page_ns;
      }
      return true;
    }
    pool_->admit(pfn);
  }
  return false;
}

policy::Id Reclaimer::choose(Who who) {
  auto verdict = [this, who](policy::Id id) { return probe(Pfn(id), who); };
  if (file_order_ == nullptr) {
    if (core_->swap.full() && pool_->file_frames() == 0 && core_->swap.used_slots() == 0) {
      return policy::kNoPage;  // nothing but anonymous memory and nowhere to put it
    }
    return order_->victim(verdict);
  }
  anonymous_credit_ += config_.swappiness;
  file_credit_ += 200 - config_.swappiness;
  const bool anonymous_first = anonymous_credit_ >= file_credit_;
  (anonymous_first ? anonymous_credit_ : file_credit_) -= 200;
  policy::AnyPolicy& first = anonymous_first ? *order_ : *file_order_;
  policy::AnyPolicy& second = anonymous_first ? *file_order_ : *order_;
  const policy::Id id = first.victim(verdict);
  return id != policy::kNoPage ? id : second.victim(verdict);
}

bool Reclaimer::can_swap(const Frame& frame) const {
  return swap_copy(frame).valid() || !core_->swap.full();
}

policy::Verdict Reclaimer::probe(Pfn pfn, Who who) {
  ReclaimCounters& counters = core_->counters.reclaim;
  ++(who == Who::Direct ? counters.pgscan_direct : counters.pgscan_kswapd);
  Frame& frame = pool_->frame(pfn);
  if (frame.aux > 0 || pool_->io_awaited(pfn, core_->clock.now_ns())) {
    return policy::Verdict::Unevictable;
  }
  if (frame.kind != FrameKind::File && !can_swap(frame)) return policy::Verdict::Unevictable;
  bool accessed = false;
  bool in_use = false;
  for_each_mapping(*core_, pfn, [&](Vma&, Vpn, x86::Pte& entry) {
    // The accessed bit is cleared without a flush, as on x86 (ptep_clear_flush_young()): a page
    // that a TLB still holds looks idle.
    accessed = accessed || entry.accessed();
    in_use = in_use || (entry.raw & kInUse) != 0;
    if (needs_ == policy::Needs::AccessedBits) entry.raw &= ~x86::kAccessed;
  });
  if (accessed) note_used(*core_, frame);
  if (in_use) return policy::Verdict::Unevictable;
  return accessed ? policy::Verdict::Accessed : policy::Verdict::Idle;
}

}  // namespace pw
