#include "space/operations.hpp"

namespace pw {

VirtAddr brk(AddressSpace& space, VirtAddr wanted, LabelId label) {
  const VirtAddr start = address_of(space.layout().heap_begin);
  if (wanted < start) return space.brk();
  const Vpn from = start.value == space.brk().value
                       ? space.layout().heap_begin
                       : page_of(space.brk() + ByteCount(kPageSize - 1));
  const Vpn to = page_of(wanted + ByteCount(kPageSize - 1));
  if (to > from) {
    MmapRequest request;
    request.address = address_of(from);
    request.length = bytes_of(to - from);
    request.fixed_noreplace = true;
    request.role = AreaRole::Heap;
    request.label = label;
    if (!mmap(space, request)) return space.brk();
  } else if (to < from) {
    if (!munmap(space, address_of(to), bytes_of(from - to))) return space.brk();
  }
  space.set_brk(wanted);
  return wanted;
}

}  // namespace pw
