// What does not depend on who chooses: evicting whole programs' pages, for load control, and the
// pages that a program says it will not need.
#include "reclaim/reclaim.hpp"

#include <utility>

#include "reclaim/frames_of.hpp"
#include "rmap/huge_split.hpp"
#include "rmap/rmap.hpp"
#include "space/translations.hpp"

namespace pw {

const std::vector<Part>& Reclaim::parts() const {
  static const std::vector<Part> none;
  return none;
}

std::vector<Pfn> frames_of_alone(FramePool& pool, Vma& area, VpnRange part) {
  std::vector<Pfn> frames;
  area.space->tables().for_each_leaf(part, [&](Vpn, int, x86::Pte& entry) {
    const Frame& frame = pool.frame(entry.pfn());
    if (is_user(frame.kind) && frame.mapcount == 1) frames.push_back(entry.pfn());
  });
  return frames;
}

std::uint64_t Reclaim::swap_out(AddressSpace& space) {
  std::vector<Pfn> frames;
  for (Vma& area : space.areas()) {
    if (area.traits.locked) continue;
    split_huge_pages(*core_, area, area.range(), false);
    space.tables().for_each_leaf(area.range(), [&](Vpn, int, x86::Pte& entry) {
      const Pfn pfn = entry.pfn();
      const Frame& frame = pool_->frame(pfn);
      if (!is_user(frame.kind) || (entry.raw & kInUse) != 0) return;  // the zero page, for one
      if (frame.refs == 1 && frame.mapcount == 1) frames.push_back(pfn);
    });
  }
  std::uint64_t gone = 0;
  std::uint64_t ready_ns = 0;
  for (const Pfn pfn : frames) {
    if (evict_unasked(pfn, ready_ns)) ++gone;
  }
  core_->counters.reclaim.swapped_out_whole += gone;
  return gone;
}

bool Reclaim::is_clean(Pfn pfn) {
  const Frame& frame = pool_->frame(pfn);
  if ((frame.flags & kFrameDirty) != 0) return false;
  const bool kept = frame.kind == FrameKind::File || swap_copy(frame).valid();
  if (!kept && (frame.flags & kFrameLazy) == 0) return false;
  bool changed = false;
  for_each_mapping(*core_, pfn,
                   [&](Vma&, Vpn, x86::Pte& entry) { changed = changed || entry.dirty(); });
  return !changed;
}

std::uint64_t Reclaim::page_out(Vma& area, VpnRange part, bool files) {
  std::uint64_t gone = 0;
  std::uint64_t ready_ns = 0;
  split_huge_pages(*core_, area, part, false);
  for (const Pfn pfn : frames_of_alone(*pool_, area, part)) {
    const bool file = pool_->frame(pfn).kind == FrameKind::File;
    // Dirty pages of files are left to the periodic writer, as by shrink_folio_list(), mm/vmscan.c.
    if (file && (!files || !is_clean(pfn))) continue;
    bool in_use = false;
    for_each_mapping(*core_, pfn,
                     [&](Vma&, Vpn, x86::Pte& entry) { in_use = (entry.raw & kInUse) != 0; });
    if (!in_use && evict_unasked(pfn, ready_ns)) ++gone;
  }
  return gone;
}

// Translations of the zero page keep tables alive and belong to no frame that could be evicted.
// They can be had back by a fault, so they go before anybody is killed.
bool Reclaim::drop_zero_translations() {
  std::vector<std::pair<Vma*, Vpn>> places;
  core_->objects.for_each([&](VmObject& object) {
    if (object.space == nullptr) return;
    for (Vma& area : object.space->areas()) {
      if (area.backing != nullptr || area.traits.locked) continue;
      object.space->tables().for_each_leaf(area.range(), [&](Vpn vpn, int, x86::Pte& entry) {
        if (core_->is_zero(entry.pfn())) places.emplace_back(&area, vpn);
      });
    }
  });
  for (const auto& [area, vpn] : places) {
    unmap_range(*core_, *area, range_of(vpn, PageCount(1)), FlushReason::Reclaim);
  }
  return pool_->free_frames().value > 0;
}

}  // namespace pw
