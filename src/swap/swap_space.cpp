#include "swap/swap_space.hpp"

namespace pw {

Result<void> SwapSpace::add(std::unique_ptr<SwapArea> area) {
  if (areas_.size() == kMaxAreas) return fail(Errno::TooManyFiles);
  if (area->slots() == 0 || area->slots() > (1U << kAreaShift)) return fail(Errno::Invalid);
  areas_.push_back(std::move(area));
  return {};
}

bool SwapSpace::full() const {
  for (const auto& area : areas_) {
    if (!area->full()) return false;
  }
  return true;
}

std::uint64_t SwapSpace::total_slots() const {
  std::uint64_t n = 0;
  for (const auto& area : areas_) n += area->slots();
  return n;
}

std::uint64_t SwapSpace::used_slots() const {
  std::uint64_t n = 0;
  for (const auto& area : areas_) n += area->used();
  return n;
}

bool SwapSpace::all_synchronous() const {
  for (const auto& area : areas_) {
    if (!area->queue().synchronous()) return false;
  }
  return true;
}

SwapSlot SwapSpace::allocate(std::uint32_t refused) {
  const auto count = static_cast<std::uint32_t>(areas_.size());
  std::uint32_t best = count;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t a = (turn_ + i) % count;
    if (areas_[a]->full() || (refused >> a & 1) != 0) continue;
    if (best == count || areas_[a]->priority() > areas_[best]->priority()) best = a;
  }
  if (best == count) return SwapSlot{};
  turn_ = best + 1;
  return SwapSlot{best << kAreaShift | areas_[best]->allocate()};
}

SwapSpace::Traffic SwapSpace::traffic() const {
  Traffic all;
  for (const auto& area : areas_) {
    const DeviceQueue& queue = area->queue();
    all.busy_ns += queue.busy_ns();
    all.requests += queue.requests();
    all.reads += queue.reads();
    all.pages += queue.pages();
    all.channels += queue.channels();
  }
  return all;
}

}  // namespace pw
