#include "huge/khugepaged.hpp"

#include "fault/huge.hpp"
#include "space/translations.hpp"

namespace pw {

void Khugepaged::run(Core& core) {
  const LinuxOptions& options = core.options.linux_options;
  if (options.huge_pages == HugePages::Never || options.khugepaged.scan_sleep_ns == 0) return;
  const std::uint64_t now = core.clock.now_ns();
  if (due_ns_ == 0) due_ns_ = options.khugepaged.scan_sleep_ns;
  for (; due_ns_ <= now; due_ns_ += options.khugepaged.scan_sleep_ns) round(core);
}

namespace {

// The first space whose number is at least `serial`; null: none.
AddressSpace* space_from(Core& core, std::uint64_t serial) {
  AddressSpace* found = nullptr;
  std::uint64_t least = 0;
  core.objects.for_each([&](VmObject& object) {
    if (object.space == nullptr || object.serial < serial) return;
    if (found != nullptr && object.serial >= least) return;
    found = object.space;
    least = object.serial;
  });
  return found;
}

}  // namespace

// Ends when enough pages have been looked at, or all spaces once.
void Khugepaged::round(Core& core) {
  std::uint64_t left = core.options.linux_options.khugepaged.pages_to_scan;
  for (int passes = 0; left > 0 && passes < 2;) {
    AddressSpace* space = space_from(core, serial_);
    if (space == nullptr) {
      serial_ = 0;
      next_ = Vpn(0);
      ++passes;
      continue;
    }
    if (space->private_object().serial != serial_) next_ = Vpn(0);
    serial_ = space->private_object().serial;
    if (look(core, *space, left)) return;
    ++serial_;
    next_ = Vpn(0);
  }
}

bool Khugepaged::look(Core& core, AddressSpace& space, std::uint64_t& left) {
  const KhugepagedOptions& options = core.options.linux_options.khugepaged;
  const CollapseLimits limits{options.max_ptes_none, options.max_ptes_swap,
                              options.max_ptes_shared};
  while (Vma* area = space.areas().lower_bound(next_)) {
    const VpnRange all = area->range();
    Vpn at = huge_begin((next_ > all.begin ? next_ : all.begin) + PageCount(kHugePages - 1));
    if (area->anon == 0 || !may_have_huge(core, *area) || at + PageCount(kHugePages) > all.end) {
      next_ = all.end;
      if (--left == 0) return true;
      continue;
    }
    const Collapse result = collapse(core, *area, at, &limits);
    next_ = at + PageCount(kHugePages);
    left -= left < kHugePages ? left : kHugePages;
    if (result == Collapse::NoMemory) left = 0;
    if (left == 0) return true;
  }
  return false;
}

}  // namespace pw
