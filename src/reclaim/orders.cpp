// What the reclaimer tells a policy: which page comes and goes, under which id, and how time
// passes.
#include <algorithm>

#include "reclaim/reclaimer.hpp"
#include "rmap/rmap.hpp"

namespace pw {

void Reclaimer::connect(Core& core) {
  core_ = &core;
  run_ticks();
}

policy::AnyPolicy& Reclaimer::order_of(Pfn pfn) {
  return part_of(pfn).order_of(pool_->frame(pfn).kind);
}

policy::Id Reclaimer::id_of(Pfn pfn) const {
  return ids_ == nullptr ? static_cast<policy::Id>(pfn.value) : ids_->of(pfn);
}

// A frame is wanted: the policy hears of time and of the page, as far as they concern it, before
// room is made. The page's id, if the policy is one that remembers.
policy::Id Reclaimer::expect(const FrameWant& want) {
  if (!is_user(want.kind)) return policy::kNoPage;
  policy::Id id = policy::kNoPage;
  if (ids_ != nullptr) {
    id = want.swapped.valid() ? ids_->find(want.swapped) : ids_->find_shadow(want.shadow);
    if (id == policy::kNoPage) id = new_id();
  }
  if (timed_) run_ticks();
  if (!hears_misses_) return id;
  parts_[payer_].order_of(want.kind).miss(
      id, [this](policy::Id page) { return probe(frame_of(page), Who::Background); });
  take_surplus();
  return id;
}

policy::Id Reclaimer::new_id() {
  for (;;) {
    const policy::Id id = ids_->take();
    if (id != policy::kNoPage) return id;
    bool file = false;
    const policy::Id absent = ids_->next_absent(file);
    PW_CHECK_MSG(absent != policy::kNoPage, "more pages in memory than frames");
    forget(absent, file);
  }
}

// The page will not be seen again: its id may mean another one.
void Reclaimer::forget(policy::Id id, bool file) {
  for (Part& part : parts_) {
    if (part.order != nullptr) {
      part.order_of(file ? FrameKind::File : FrameKind::Anon).erase(id);
    }
  }
  ids_->release(id);
}

void Reclaimer::admitted(Pfn pfn) {
  Frame& frame = pool_->frame(pfn);
  if (ids_ != nullptr && ids_->of(pfn) == policy::kNoPage) ids_->settle(new_id(), pfn);
  if (!part_of_frame_.empty() && !readmitted_) {
    part_of_frame_[pfn.value] = static_cast<std::uint32_t>(payer_);
  }
  Part& part = part_of(pfn);
  ++part.frames;
  part.order_of(frame.kind).insert(id_of(pfn));
  if (wants_references() || !marks_new_) frame.flags |= kFrameFresh;
}

void Reclaimer::departed(Pfn pfn) {
  const policy::Id id = id_of(pfn);
  --part_of(pfn).frames;
  if (ids_ == nullptr) {
    order_of(pfn).erase(id);
  } else {
    forget(id, pool_->frame(pfn).kind == FrameKind::File);
  }
}

void Reclaimer::gone(PageSlot slot) {
  if (ids_ == nullptr) return;
  const policy::Id id = slot.is_swapped() ? ids_->find(slot.swap())
                                          : ids_->find_shadow(slot.note());
  if (id != policy::kNoPage) forget(id, slot.is_shadow());
}

// The reference that brought a page in is told by admitted().
void Reclaimer::touch(Pfn pfn) {
  Frame& frame = pool_->frame(pfn);
  if ((frame.flags & kFrameFresh) != 0) {
    frame.flags &= static_cast<std::uint8_t>(~kFrameFresh);
    return;
  }
  order_of(pfn).touch(id_of(pfn));
}

// As in probe(), without a flush: while a TLB holds the page, its references leave no trace.
void Reclaimer::after_fault(Pfn pfn) {
  if (marks_new_) return;
  Frame& frame = pool_->frame(pfn);
  if (!is_user(frame.kind) || (frame.flags & kFrameFresh) == 0) return;
  frame.flags &= static_cast<std::uint8_t>(~kFrameFresh);
  for_each_mapping(*core_, pfn, [](Vma&, Vpn, x86::Pte& entry) { entry.raw &= ~x86::kAccessed; });
}

void Reclaimer::run_ticks() {
  if (!timed_) return;
  const auto verdict = [this](policy::Id id) { return probe(frame_of(id), Who::Background); };
  next_tick_ = policy::kNever;
  for (Part& part : parts_) {
    for (policy::AnyPolicy* order : {part.order.get(), part.file_order.get()}) {
      if (order != nullptr) next_tick_ = std::min(next_tick_, order->tick(reference_, verdict));
    }
  }
  take_surplus();
}

// Pages that the policy gives up unasked go in the background. One that cannot go is back in the
// order; the rest then waits for the next time.
void Reclaimer::take_surplus() {
  const auto verdict = [this](policy::Id id) {
    const Pfn pfn = frame_of(id);
    const policy::Verdict answer = probe(pfn, Who::Background);
    if (met_locked_) locked_met_.push_back(pfn);
    return answer;
  };
  for (Part& part : parts_) {
    for (policy::AnyPolicy* order : {part.order.get(), part.file_order.get()}) {
      if (order == nullptr) continue;
      for (;;) {
        const policy::Id id = order->surplus(verdict);
        set_aside_locked();
        if (id == policy::kNoPage) break;
        std::uint64_t ready_ns = 0;
        if (!evict_chosen(id, Who::Background, ready_ns)) break;
      }
    }
  }
}

const char* Reclaimer::check_ids() const {
  if (ids_ == nullptr) return nullptr;
  const char* wrong = ids_->check();
  ids_->for_each_swapped([&](SwapSlot slot) {
    if (core_->swap.count(slot) == 0) wrong = "a page that is gone has an id";
  });
  return wrong;
}

}  // namespace pw
