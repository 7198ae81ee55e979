#include "space/advice.hpp"

namespace pw {

// The order of mm/msync.c: a locked area is met before what lies above it is written.
Result<void> msync(AddressSpace& space, VirtAddr address, ByteCount length, SyncHow how) {
  if (!page_aligned(address)) return fail(Errno::Invalid);
  if (how.async && how.sync) return fail(Errno::Invalid);
  const std::uint64_t bytes = (length.value + kPageSize - 1) & ~(kPageSize - 1);
  if (address.value + bytes < address.value) return fail(Errno::NoMemory);
  return for_each_part(space, range_of(page_of(address), PageCount(bytes >> kPageShift)),
                       [&](Vma& area, VpnRange part) -> Result<void> {
                         if (how.invalidate && area.traits.locked) return fail(Errno::Busy);
                         if (!how.sync || !area.shared || area.backing->kind != ObjectKind::File)
                           return {};
                         const PageOffset from = area.backing_at(part.begin);
                         return write_back_and_wait(space.core(), *area.backing, from,
                                                    from + part.pages());
                       });
}

}  // namespace pw
