// Who has how much memory, and who gives some up: local replacement.
#include <algorithm>

#include "reclaim/reclaimer.hpp"

namespace pw {

Part Reclaimer::make_part() const {
  Part part;
  part.order = policy::make_policy(spec_, setup_);
  if (config_.swappiness >= 0) part.file_order = policy::make_policy(spec_, setup_);
  return part;
}

void Reclaimer::space_began(AddressSpace& space) {
  if (config_.replacement == Replacement::Global) return;
  const std::size_t index = space.id() + 1;
  if (parts_.size() <= index) parts_.resize(index + 1);
  if (parts_[index].order == nullptr) parts_[index] = make_part();
  parts_[index].space = &space;
  parts_[index].priority = 0;
}

void Reclaimer::space_ended(SpaceId space) {
  if (config_.replacement == Replacement::Global) return;
  const std::size_t index = space + 1;
  Part& part = parts_[index];
  part.space = nullptr;
  if (payer_ == index) payer_ = 0;
  for (std::uint64_t pfn = 0; part.frames > 0 && pfn < pool_->total().value; ++pfn) {
    const Frame& frame = pool_->frame(Pfn(pfn));
    if (part_of_frame_[pfn] != index || !is_user(frame.kind)) continue;
    if ((frame.flags & kFrameListed) == 0) continue;
    const policy::Id id = id_of(Pfn(pfn));
    part.order_of(frame.kind).erase(id);
    --part.frames;
    part_of_frame_[pfn] = 0;
    parts_[0].order_of(frame.kind).insert(id);
    ++parts_[0].frames;
  }
}

void Reclaimer::set_priority(SpaceId space, int priority) {
  if (config_.replacement == Replacement::Local) parts_[space + 1].priority = priority;
}

Part& Reclaimer::part_of(Pfn pfn) {
  return parts_[config_.replacement == Replacement::Global ? 0 : part_of_frame_[pfn.value]];
}

// Divides what user pages can have at this moment.
void Reclaimer::divide() {
  const std::uint64_t others = pool_->total().value - pool_->free_frames().value -
                               pool_->user_frames();
  std::uint64_t capacity = pool_->total().value - others;
  capacity -= std::min(capacity, watermarks_.high);
  if (config_.resident_limit != 0) capacity = std::min(capacity, config_.resident_limit);
  const auto weight = [this](const Part& part) -> std::uint64_t {
    switch (config_.allocation) {
      case Allocation::Equal:
        return 1;
      case Allocation::Proportional:
        return std::max<std::uint64_t>(1, part.space->counters().mapped_pages);
      case Allocation::Priority:
        return 1 + static_cast<std::uint64_t>(std::max(0, part.priority));
    }
    return 1;
  };
  std::uint64_t all = 0;
  for (const Part& part : parts_) all += part.space == nullptr ? 0 : weight(part);
  for (Part& part : parts_) {
    if (part.space == nullptr) continue;
    part.allowance = std::max(Part::kLeast, capacity * weight(part) / all);
  }
}

// Room for one more page of the process that pays: within its allowance, at the cost of its own
// pages, or of those of a process of lower priority.
void Reclaimer::keep_within_allowance(std::uint64_t& ready_ns) {
  if (config_.replacement == Replacement::Global || parts_[payer_].space == nullptr) return;
  divide();
  Part& own = parts_[payer_];
  // What was taken from others is kept: then a page of its own goes for each new one.
  const bool keeps = config_.allocation == Allocation::Priority;
  for (bool done = false; !done && own.frames >= own.allowance; done = keeps) {
    Part* giver = &own;
    if (config_.allocation == Allocation::Priority) {
      for (Part& other : parts_) {
        const bool lower = other.space != nullptr && other.priority < own.priority;
        if (!lower || other.frames <= Part::kLeast) continue;
        if (giver == &own || other.priority < giver->priority) giver = &other;
      }
    }
    if (reclaim_from(*giver, Who::Direct, ready_ns)) {
      if (giver != &own) {
        ++core_->counters.reclaim.taken_from_lower;
        return;  // and the frame is the payer's, beyond its allowance
      }
      ++core_->counters.reclaim.local_evictions;
    } else if (giver == &own || !reclaim_from(own, Who::Direct, ready_ns)) {
      return;  // nothing of its own can go: the machine finds a frame, or there is none
    }
  }
}

// Who gives up a page when the machine is short: nobody's part, then the one that is farthest above
// its allowance, and so on.
std::vector<Part*> Reclaimer::givers() {
  std::vector<Part*> parts;
  for (Part& part : parts_) {
    if (part.order != nullptr && part.frames > 0) parts.push_back(&part);
  }
  if (parts.size() < 2) return parts;
  divide();
  std::stable_sort(parts.begin(), parts.end(), [](const Part* a, const Part* b) {
    if ((a->space == nullptr) != (b->space == nullptr)) return a->space == nullptr;
    const auto excess = [](const Part* part) {
      return static_cast<std::int64_t>(part->frames) - static_cast<std::int64_t>(part->allowance);
    };
    return excess(a) > excess(b);
  });
  return parts;
}

const char* Reclaimer::check_parts() const {
  for (const Part& part : parts_) {
    if (part.order == nullptr) continue;
    if (part.frames != part.listed()) return "a part's order holds other pages than were counted";
  }
  return nullptr;
}

}  // namespace pw
