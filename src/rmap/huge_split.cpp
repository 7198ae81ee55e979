#include "rmap/huge_split.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "rmap/rmap.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

void split_translations(Core& core, Pfn head) {
  std::vector<std::pair<AddressSpace*, Vpn>> places;
  for_each_mapping_of_huge(core, head, [&](Vma& area, Vpn vpn, x86::Pte&) {
    if (places.empty() || places.back() != std::pair{area.space, huge_begin(vpn)}) {
      places.emplace_back(area.space, huge_begin(vpn));
    }
  });
  for (const auto& [space, vpn] : places) split_translation(core, *space, vpn);
}

// Without bytes: nobody has said that it was written.
bool all_zeros(Core& core, Pfn pfn) {
  if (core.pool.carries_bytes()) {
    const std::byte* bytes = core.pool.bytes(pfn);
    return std::all_of(bytes, bytes + kPageSize, [](std::byte b) { return b == std::byte{0}; });
  }
  bool written = core.pool.frame(pfn).mapcount == 0;  // who knows
  for_each_mapping(core, pfn, [&](Vma&, Vpn, x86::Pte& entry) {
    written = written || (entry.raw & kWritten) != 0;
  });
  return !written;
}

// Puts the zero page in place of a page, wherever it is mapped, unless somebody locks it or is busy
// with it. True: its frame is free.
bool give_up_zeros(Core& core, Pfn pfn) {
  const Frame& frame = core.pool.frame(pfn);
  if (frame.aux > 0 || frame.mapcount == 0) return false;
  std::vector<std::pair<Vma*, Vpn>> places;
  bool locked = false;
  for_each_mapping(core, pfn, [&](Vma& area, Vpn vpn, x86::Pte&) {
    places.emplace_back(&area, vpn);
    locked = locked || area.traits.locked;
  });
  if (locked || !all_zeros(core, pfn)) return false;
  for (const auto& [area, vpn] : places) {
    const bool mapped = map_page(core, *area, vpn, core.zero_frame, false, true);
    PW_CHECK_MSG(mapped, "the table was there");
  }
  const PageOffset at(frame.index);
  const std::vector<VmObject*> members = core.objects.family(frame.owner).members;
  for (VmObject* member : members) {
    if (member->slots.get(at) == PageSlot::resident(pfn)) member->slots.set(at, PageSlot());
  }
  return true;
}

}  // namespace

void end_huge_page(Core& core, Pfn head) {
  PW_CHECK(core.pool.in_huge(head) && head == HugeBlocks::head_of(head));
  split_translations(core, head);
  core.pool.dissolve(head);
}

void split_huge_page(Core& core, Pfn head) {
  end_huge_page(core, head);
  for (std::uint64_t i = 0; i < kHugePages; ++i) {
    const Pfn pfn = head + PageCount(i);
    if (!is_user(core.pool.frame(pfn).kind) || give_up_zeros(core, pfn)) continue;
    core.pool.admit(pfn);
  }
  ++core.counters.huge.split_page;
}

void split_huge_pages(Core& core, Vma& area, VpnRange part, bool keep_whole) {
  if (core.pool.huge().count() == 0) return;
  std::vector<Pfn> heads;
  area.space->tables().for_each_leaf(part, [&](Vpn vpn, int level, x86::Pte& entry) {
    if (!core.pool.in_huge(entry.pfn())) return;
    const Pfn head = HugeBlocks::head_of(entry.pfn());
    if (keep_whole && level == 2 && part.contains(huge_range(vpn))) return;
    if (heads.empty() || heads.back() != head) heads.push_back(head);
  });
  for (const Pfn head : heads) {
    if (core.pool.in_huge(head) && !huge_page_shared(core, head)) split_huge_page(core, head);
  }
}

std::uint64_t split_partly_used(Core& core, std::uint64_t count) {
  std::uint64_t done = 0;
  for (; done < count; ++done) {
    const Pfn head = core.pool.huge().first_partly_used();
    if (head == HugeBlocks::kNone) break;
    split_huge_page(core, head);
  }
  return done;
}

}  // namespace pw
