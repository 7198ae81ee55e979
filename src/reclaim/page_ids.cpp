#include "reclaim/page_ids.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace pw {
namespace {

// As many pages may be away as policies remember: ARC, CAR and LIRS as many again as there are
// frames. Linux remembers without bound, but no use of it.
constexpr std::uint64_t kIdsPerFrame = 4;
constexpr std::uint64_t kMoreIds = 1'024;

}  // namespace

PageIds::PageIds(std::uint64_t frames)
    : ids_(static_cast<std::uint32_t>(
          std::min<std::uint64_t>(kIdsPerFrame * frames + kMoreIds, policy::kNoPage / 2))),
      by_frame_(frames),
      pages_(ids_) {}

PageIds::Id PageIds::find(SwapSlot slot) const {
  if (!slot.valid()) return policy::kNoPage;
  const auto at = in_swap_.find(slot.value);
  return at == in_swap_.end() ? policy::kNoPage : at->second;
}

PageIds::Id PageIds::find_shadow(std::uint64_t shadow) const {
  if (shadow == 0) return policy::kNoPage;
  const Id id = static_cast<Id>(shadow) - 1;
  const Page& page = pages_[id];
  return page.state == State::Shadow && page.serial == shadow >> 32 ? id : policy::kNoPage;
}

PageIds::Id PageIds::take() {
  if (!free_.empty()) {
    const Id id = free_.back();
    free_.pop_back();
    return id;
  }
  return used_ == ids_ ? policy::kNoPage : used_++;
}

PageIds::Id PageIds::next_absent(bool& file) {
  for (std::uint32_t left = used_; left > 0; --left) {
    const Id id = hand_;
    hand_ = hand_ + 1 == used_ ? 0 : hand_ + 1;
    file = pages_[id].state == State::Shadow;
    if (file || pages_[id].state == State::Swapped) return id;
  }
  return policy::kNoPage;
}

void PageIds::detach(Id id) {
  Page& page = pages_[id];
  if (page.state == State::Resident) by_frame_[page.where] = 0;
  if (page.state == State::Swapped) in_swap_.erase(page.where);
  page.state = State::Free;
}

void PageIds::settle(Id id, Pfn pfn) {
  detach(id);
  PW_CHECK(by_frame_[pfn.value] == 0);
  by_frame_[pfn.value] = id + 1;
  pages_[id].state = State::Resident;
  pages_[id].where = static_cast<std::uint32_t>(pfn.value);
}

void PageIds::leave(Pfn pfn, SwapSlot slot) {
  const Id id = of(pfn);
  if (id == policy::kNoPage) return;
  detach(id);
  pages_[id].state = State::Swapped;
  pages_[id].where = slot.value;
  in_swap_[slot.value] = id;
}

std::uint64_t PageIds::leave_shadow(Pfn pfn) {
  const Id id = of(pfn);
  if (id == policy::kNoPage) return 0;
  detach(id);
  pages_[id].state = State::Shadow;
  return std::uint64_t{pages_[id].serial} << 32 | (id + 1);
}

void PageIds::release(Id id) {
  detach(id);
  pages_[id].serial = (pages_[id].serial + 1) & 0x3FFF'FFFFU;  // a slot's note has 62 bits
  free_.push_back(id);
}

const char* PageIds::check() const {
  std::size_t swapped = 0, in_use = 0;
  for (Id id = 0; id < used_; ++id) {
    const Page& page = pages_[id];
    in_use += page.state != State::Free ? 1 : 0;
    if (page.state == State::Resident && by_frame_[page.where] != id + 1) {
      return "a frame has another page's id";
    }
    if (page.state != State::Swapped) continue;
    ++swapped;
    const auto at = in_swap_.find(page.where);
    if (at == in_swap_.end() || at->second != id) return "a swap slot has another page's id";
  }
  if (swapped != in_swap_.size()) return "a swap slot has an id that is not in swap";
  return in_use + free_.size() == used_ ? nullptr : "an id is lost";
}

}  // namespace pw
