#include "space/advice.hpp"

namespace pw {

namespace {

// Whether a page of a file or shared object is in memory (mincore_page(), mm/mincore.c).
bool cached(const VmObject& object, PageOffset at) {
  const PageSlot slot = object.slots.get(at);
  return slot.is_resident() || (at.value < object.pages().value && object.known_cached(at, slot));
}

bool in_memory(AddressSpace& space, const Vma& area, Vpn vpn) {
  int level = 0;
  const x86::Pte* entry = space.tables().find_any(vpn, level);
  if (entry != nullptr && entry->present()) return true;
  if (!area.shared) {
    const PageSlot own = space.private_object().slots.get(space.private_at(vpn));
    if (!own.is_empty()) return own.is_resident();  // not mapped: as in the swap cache
  }
  return area.backing != nullptr && cached(*area.backing, area.backing_at(vpn));
}

}  // namespace

Result<std::string> mincore(AddressSpace& space, VirtAddr address, ByteCount length,
                            bool all_files) {
  if (!page_aligned(address)) return fail(Errno::Invalid);
  const std::uint64_t end = address_of(space.layout().user_end).value;
  if (address.value > end || length.value > end - address.value) return fail(Errno::NoMemory);
  const VpnRange range = range_of(page_of(address), pages_for(length));
  std::string pages;
  for (Vpn at = range.begin; at < range.end;) {
    const Vma* area = space.find(at);
    if (area == nullptr) return fail(Errno::NoMemory);
    const bool hidden = !all_files && area->backing != nullptr && area->backing->read_only;
    const Vpn stop = intersection(area->range(), range).end;
    for (; at < stop; at = at + PageCount(1)) {
      pages += hidden || in_memory(space, *area, at) ? '1' : '0';
    }
  }
  return pages;
}

}  // namespace pw
