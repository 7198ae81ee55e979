#include "space/commit.hpp"
#include "space/operations.hpp"

namespace pw {

namespace {

// check_brk_limits(), do_brk_flags(), mm/mmap.c and vma.c: pages [from, to) above the heap.
bool grow_heap(AddressSpace& space, Vpn from, Vpn to, LabelId label) {
  if (to > space.layout().user_end) return false;
  Vma area;
  area.range_ = {from, to};
  area.rights = kReadWrite;
  area.may = {true, true, true};
  area.role = AreaRole::Heap;
  area.label = label;
  area.backing_page = PageOffset(from.value);
  area.traits.accounted = true;
  area.traits.locked = space.lock_future().locked;
  area.traits.lock_on_fault = area.traits.locked && space.lock_future().on_fault;
  if (area.traits.locked && !may_lock(space, to - from)) return false;
  // The next area must leave a page free, and a stack its gap.
  const Vma* above = space.areas().lower_bound(from);
  if (above != nullptr && to + PageCount(1) > above->start_gap()) return false;
  if (!space.may_expand(area, to - from) || !space.may_have_areas(0)) return false;
  if (!may_commit(space, to - from)) return false;
  space.homes().claim({from, to});
  space.insert(area, true);
  return true;
}

}  // namespace

VirtAddr brk(AddressSpace& space, VirtAddr wanted, LabelId label) {
  const VirtAddr start = address_of(space.layout().heap_begin);
  const VirtAddr before = space.brk();
  if (wanted < start) return before;
  // check_data_rlimit(): a program here has no data segment of its own.
  if (space.limits().data != SpaceLimits::kNone && (wanted - start).value > space.limits().data) {
    return before;
  }
  const std::uint64_t kAll = 1ULL << (64 - kPageShift);
  const Vpn from(pages_for(ByteCount(before.value)).value);
  const Vpn to(pages_for(ByteCount(wanted.value)).value % kAll);
  if (to == from) {
    space.set_brk(wanted);
    return wanted;
  }
  if (wanted <= before) {
    // Something else in the heap's place stops the kernel.
    const Vma* top = space.areas().lower_bound(to);
    if (top == nullptr || top->range().begin >= from) return before;
    if (!munmap(space, address_of(to), bytes_of(from - to))) return before;
  } else if (!grow_heap(space, from, to, label)) {
    return before;
  }
  space.set_brk(wanted);
  return wanted;
}

}  // namespace pw
