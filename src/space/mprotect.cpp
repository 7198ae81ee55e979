#include <optional>

#include "space/commit.hpp"
#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

// A private page that only this space has becomes writable at once, without a fault
// (can_change_pte_writable(), mm/mprotect.c); so does shared memory, and a page of a shared file
// that is dirty anyway. Clean ones stay read-only: the fault is where they get dirty.
bool writable_at_once(Core& core, AddressSpace& space, const Vma& area, Vpn vpn, x86::Pte entry) {
  if (!area.rights.write || core.is_zero(entry.pfn())) return false;
  if (area.shared) return area.backing->kind == ObjectKind::Shared || entry.dirty();
  if ((entry.raw & kSharedByFork) != 0) return false;
  const Frame& frame = core.pool.frame(entry.pfn());
  if (frame.kind != FrameKind::Anon || frame.refs != 1) return false;
  return !space.private_object().slots.shared(space.private_at(vpn));
}

void change_translations(Core& core, AddressSpace& space, Vma& area, VpnRange part) {
  bool lessened = false;
  space.tables().for_each_leaf(part, [&](Vpn vpn, int level, x86::Pte& entry) {
    constexpr std::uint64_t kRights = x86::kWritable | x86::kUser | x86::kNoExecute |
                                      x86::kProtectionKeyMask;
    const bool keep = entry.writable() || writable_at_once(core, space, area, vpn, entry);
    const std::uint64_t rights = leaf_flags(area, keep) & kRights;
    const std::uint64_t before = entry.raw & kRights;
    const std::uint64_t lost = before & ~rights & (x86::kWritable | x86::kUser);
    const std::uint64_t newly_no_execute = rights & ~before & x86::kNoExecute;
    const std::uint64_t other_key = (before ^ rights) & x86::kProtectionKeyMask;
    lessened = lessened || lost != 0 || newly_no_execute != 0 || other_key != 0;
    const bool alone = level == 1 && core.pool.frame(entry.pfn()).kind == FrameKind::Anon;
    if ((lost & x86::kWritable) != 0 && !alone) note_dirty(core, entry, level);
    entry.raw = (entry.raw & ~kRights) | rights;
  });
  if (lessened) core.mmu.invalidate(space.id(), part, FlushReason::Protect, false);
}

constexpr bool only_execute(const Rights& rights) {
  return rights.execute && !rights.read && !rights.write;
}

// The key of memory that may only be executed comes and goes with that right
// (__arch_override_mprotect_pkey(), arch/x86/mm/pkeys.c).
std::uint8_t key_after(AddressSpace& space, const Vma& area, const Rights& rights) {
  const int key = space.settings().keys.execute_only();
  if (only_execute(rights)) return key > 0 ? static_cast<std::uint8_t>(key) : area.traits.key;
  return only_execute(area.rights) && area.traits.key == key ? std::uint8_t{0} : area.traits.key;
}

// can_modify_vma() and what mprotect_fixup() asks of limits before it changes an area.
Result<AreaTraits> traits_after(AddressSpace& space, const Vma& area, VpnRange part,
                                const ProtectRequest& request) {
  if (area.traits.sealed) return fail(Errno::Perm);
  AreaTraits traits = area.traits;
  traits.key = request.key.value_or(key_after(space, area, request.rights));
  if (!request.rights.write) {
    if (area.anonymous() && area.anon == 0) traits.accounted = false;
    return traits;
  }
  Vma data = area;
  data.rights = request.rights;
  if (!space.may_expand(data, part.pages()) && space.may_expand(area, part.pages())) {
    return fail(Errno::NoMemory);
  }
  if (!traits.accounted && !area.rights.write && !area.shared && !traits.no_reserve) {
    if (!may_commit(space, part.pages())) {
      return fail(Errno::NoMemory);
    }
    traits.accounted = true;
  }
  return traits;
}

// From where to where; PROT_GROWSDOWN and PROT_GROWSUP stretch it to the end of a stack.
Result<VpnRange> stretched(AddressSpace& space, VpnRange range, const ProtectRequest& request) {
  const Vma* first = space.areas().lower_bound(range.begin);
  if (first == nullptr || first->range().begin >= range.end) return fail(Errno::NoMemory);
  if (request.grows_down) {
    if (!first->grows_down) return fail(Errno::Invalid);
    return VpnRange{first->range().begin, range.end};
  }
  if (first->range().begin > range.begin) return fail(Errno::NoMemory);
  if (request.grows_up) return fail(Errno::Invalid);  // no area grows up on x86
  return range;
}

}  // namespace

// do_mprotect_pkey(), mm/mprotect.c.
Result<void> mprotect(AddressSpace& space, const ProtectRequest& request) {
  if (request.grows_down && request.grows_up) return fail(Errno::Invalid);
  if (!page_aligned(request.address)) return fail(Errno::Invalid);
  if (request.length.value == 0) return {};
  const Vpn begin = page_of(request.address);
  const PageCount pages = pages_for(request.length);
  if (pages.value >= (1ULL << (64 - kPageShift)) - begin.value) return fail(Errno::NoMemory);
  if (request.objection) return fail(*request.objection);
  const Result<VpnRange> range = stretched(space, range_of(begin, pages), request);
  if (!range) return tl::unexpected(range.error());
  const Rights& rights = request.rights;
  for (Vpn at = range->begin; at < range->end;) {
    Vma* area = space.find(at);
    if (area == nullptr) return fail(Errno::NoMemory);
    const bool more = (rights.write && !area->may.write) || (rights.read && !area->may.read) ||
                      (rights.execute && !area->may.execute);
    if (more) return fail(Errno::Access);
    const VpnRange part = intersection(area->range(), *range);
    at = part.end;
    const Result<AreaTraits> traits = traits_after(space, *area, part, request);
    if (!traits) return tl::unexpected(traits.error());
    if (area->rights == rights && area->traits.key == traits->key) continue;
    const bool fills = area->traits.locked && !area->shared && !area->rights.write && rights.write;
    const Result<Vma*> changed = space.modify(*area, part, {rights, *traits});
    if (!changed) return tl::unexpected(changed.error());
    change_translations(space.core(), space, **changed, part);
    if (fills && request.fill != nullptr) (*request.fill)(part);
  }
  return {};
}

}  // namespace pw
