// Which neighbouring areas are one: the kernel's rules, since /proc/PID/maps shows them.
//
// Sources: vma_merge_new_range(), vma_merge_existing_range(), is_mergeable_vma(),
// is_mergeable_anon_vma(), find_mergeable_anon_vma(): mm/vma.c of Linux 6.18. Two areas that touch
// are one if rights, traits, open file and place in it go on from one to the other, and if their
// private pages may be found together: both have the same anon root, or only one has any and has
// not inherited it. In a fork's child each area with private pages gets a root of its own, which is
// why areas that its parent could merge stay apart there.
#pragma once

#include "space/vma.hpp"

namespace pw {

// Whether pages of areas with these roots may share an area.
constexpr bool roots_agree(const Vma& a, const Vma& b) {
  if (a.anon != 0 && b.anon == 0) return !a.inherited;
  if (a.anon == 0 && b.anon != 0) return !b.inherited;
  return a.anon == b.anon;
}

// Whether `above`, which begins where `below` ends, could be its continuation.
bool continues(const Vma& below, const Vma& above);

// The same, and neither has a say in it (System V segments want to know of their areas' end).
bool mergeable(const Vma& below, const Vma& above);

// The root that `fresh`, about to get its first private page, may take over from `neighbour`, which
// lies right above or below: 0 if none.
std::uint32_t reusable_root(const Vma& below, const Vma& above, const Vma& neighbour);

}  // namespace pw
