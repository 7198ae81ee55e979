#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

// A private page that only this space has and that is dirty anyway becomes writable at once,
// without a fault (can_change_pte_writable(), mm/mprotect.c). Clean pages stay read-only: the fault
// is where they get dirty.
bool writable_at_once(Core& core, AddressSpace& space, const Vma& area, Vpn vpn, x86::Pte entry) {
  if (!area.rights.write || area.shared || entry.pfn() == core.zero_frame) return false;
  const Frame& frame = core.pool.frame(entry.pfn());
  if (frame.kind != FrameKind::Anon || frame.refs != 1) return false;
  if (space.private_object().slots.shared(area.private_at(vpn))) return false;
  return entry.dirty() || (frame.flags & kFrameDirty) != 0;
}

void change_translations(Core& core, AddressSpace& space, Vma& area) {
  bool lessened = false;
  space.tables().for_each_leaf(area.range(), [&](Vpn vpn, int, x86::Pte& entry) {
    constexpr std::uint64_t kRights = x86::kWritable | x86::kUser | x86::kNoExecute;
    const bool keep = entry.writable() || writable_at_once(core, space, area, vpn, entry);
    const std::uint64_t rights = leaf_flags(area, keep) & kRights;
    const std::uint64_t before = entry.raw & kRights;
    const std::uint64_t lost = before & ~rights & (x86::kWritable | x86::kUser);
    const std::uint64_t newly_no_execute = rights & ~before & x86::kNoExecute;
    lessened = lessened || lost != 0 || newly_no_execute != 0;
    if ((lost & x86::kWritable) != 0 && entry.dirty()) {
      mark_dirty(core, core.pool.frame(entry.pfn()));
    }
    entry.raw = (entry.raw & ~kRights) | rights;
  });
  if (lessened) core.mmu.invalidate(space.id(), area.range(), FlushReason::Protect, false);
}

}  // namespace

Result<void> mprotect(AddressSpace& space, VirtAddr address, ByteCount length, Rights rights) {
  if (!page_aligned(address)) return fail(Errno::Invalid);
  if (length.value == 0) return {};
  const std::uint64_t end = address_of(space.layout().user_end).value;
  if (address.value > end || length.value > end - address.value) return fail(Errno::NoMemory);
  const VpnRange range = range_of(page_of(address), pages_for(length));
  Vpn at = range.begin;
  while (at < range.end) {
    Vma* area = space.find(at);
    if (area == nullptr) return fail(Errno::NoMemory);
    if ((rights.write && !area->may.write) || (rights.execute && !area->may.execute)) {
      return fail(Errno::Access);
    }
    const VpnRange part = intersection(area->range(), range);
    at = part.end;
    if (area->rights == rights) continue;
    space.isolate(part);
    area = space.find(part.begin);
    area->rights = rights;
    change_translations(space.core(), space, *area);
    space.merge_around(*area);
  }
  return {};
}

}  // namespace pw
