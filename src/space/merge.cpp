#include "space/merge.hpp"

namespace pw {

namespace {

bool same_file_and_place(const Vma& below, const Vma& above) {
  return below.range().end == above.range().begin && below.backing == above.backing &&
         below.file == above.file && below.shared == above.shared &&
         below.backing_page + below.range().pages() == above.backing_page;
}

bool same_kind(const Vma& below, const Vma& above) {
  const bool vdso = below.role == AreaRole::Vdso || above.role == AreaRole::Vdso;
  return below.may == above.may && below.grows_down == above.grows_down &&
         below.traits == above.traits && below.label == above.label && !vdso;
}

}  // namespace

bool continues(const Vma& below, const Vma& above) {
  return same_file_and_place(below, above) && same_kind(below, above) &&
         below.rights == above.rights && roots_agree(below, above);
}

bool mergeable(const Vma& below, const Vma& above) {
  return continues(below, above) && !below.segment && !above.segment;
}

std::uint32_t reusable_root(const Vma& below, const Vma& above, const Vma& neighbour) {
  const bool alike = same_file_and_place(below, above) && same_kind(below, above);
  return alike && !neighbour.inherited ? neighbour.anon : 0;
}

}  // namespace pw
