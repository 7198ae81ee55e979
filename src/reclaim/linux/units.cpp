// Units in their lists: see lru_unit.hpp.
#include "reclaim/linux/linux_reclaim.hpp"

namespace pw {

bool LinuxReclaim::in_folio(Pfn pfn) const {
  const Frame& frame = pool_->frame(pfn);
  return frame.kind == FrameKind::File &&
         core_->objects.object(frame.owner).folios.find(PageOffset(frame.index)).order > 0;
}

LruUnit LinuxReclaim::unit_of(Pfn pfn) const {
  if (pool_->in_huge(pfn)) return LruUnit(pool_->head_of(pfn), HugeBlocks::kFrames);
  const Frame& frame = pool_->frame(pfn);
  if (frame.kind != FrameKind::File) return LruUnit::alike(pfn, pw::pages_of(frame));
  const VmObject& file = core_->objects.object(frame.owner);
  const FolioSpan folio = file.folios.find(PageOffset(frame.index));
  if (folio.order == 0) return LruUnit(pfn);
  std::vector<Pfn> pages;
  pages.reserve(folio.pages().value);
  for (PageOffset at = folio.first; at < folio.end(); at = at + PageCount(1)) {
    const PageSlot slot = file.slots.get(at);
    if (!slot.is_resident()) continue;
    const bool ours = (pool_->frame(slot.pfn()).flags & kFrameListed) != 0 || slot.pfn() == pfn;
    if (ours && !lists_.has(slot.pfn(), kLruForeign)) pages.push_back(slot.pfn());
  }
  return pages.empty() ? LruUnit(pfn) : LruUnit(std::move(pages));
}

void LinuxReclaim::set(const LruUnit& unit, std::uint8_t flag) {
  for (const Pfn pfn : unit.entries()) lists_.set(pfn, flag);
}

void LinuxReclaim::unset(const LruUnit& unit, std::uint8_t flag) {
  for (const Pfn pfn : unit.entries()) lists_.unset(pfn, flag);
}

// Its first page is met first again.
void LinuxReclaim::put_front(const LruUnit& unit) {
  for (const Pfn pfn : unit.entries()) enlist_front(pfn);
}

void LinuxReclaim::put_back(const LruUnit& unit) {
  const std::span<const Pfn> entries = unit.entries();
  for (std::size_t i = entries.size(); i > 0; --i) enlist_back(entries[i - 1]);
}

void LinuxReclaim::take_off(const LruUnit& unit) {
  for (const Pfn pfn : unit.entries()) delist(pfn);
}

bool LinuxReclaim::dirty(const LruUnit& unit) const {
  for (const Pfn pfn : unit.entries()) {
    if ((pool_->frame(pfn).flags & kFrameDirty) != 0) return true;
  }
  return false;
}

}  // namespace pw
