#include "fault/classify.hpp"

#include "fault/huge.hpp"

namespace pw {

PageView view_page(Core& core, Vma& area, Vpn vpn, Access access) {
  PageView view;
  const x86::Pte* entry = area.space->tables().find_any(vpn, view.level);
  if (entry != nullptr) view.translation = *entry;
  if (!area.shared) {
    const SlotTable& slots = area.space->private_object().slots;
    view.own = slots.get(area.space->private_at(vpn));
    if (view.own.is_resident()) {
      view.own_shared = slots.shared(area.space->private_at(vpn)) ||
                        core.pool.frame(view.own.pfn()).refs > 1;
    }
  }
  if (area.backing != nullptr) {
    const PageOffset at = area.backing_at(vpn);
    view.common = area.backing->slots.get(at);
    view.beyond_end = at.value >= area.backing->pages().value;
  }
  if (core.options.linux_options.huge_pages != HugePages::Never) [[unlikely]] {
    look_for_huge(core, area, vpn, access, view);
  }
  return view;
}

namespace {

bool translation_allows(x86::Pte entry, Access access) {
  if (!entry.present() || !entry.user()) return false;
  if (access == Access::Write) return entry.writable();
  return access == Access::Read || !entry.no_execute();
}

FaultKind classify_own(const PageView& view, Access access) {
  if (view.own.is_swapped()) return FaultKind::SwapIn;
  if (access == Access::Write && (view.own_shared || view.huge_shared)) {
    return FaultKind::CopyOnWrite;
  }
  return view.level == 1 ? FaultKind::MapPrivate : FaultKind::HugeReuse;
}

FaultKind classify_common(const Vma& area, const PageView& view, Access access) {
  if (view.beyond_end) return FaultKind::BeyondEnd;
  if (view.common.is_swapped()) return FaultKind::SwapIn;
  if (view.common.is_resident()) {
    const bool copy = !area.shared && access == Access::Write;
    return copy ? FaultKind::CopyFromObject : FaultKind::MapObject;
  }
  return area.backing->kind == ObjectKind::File ? FaultKind::ReadFile : FaultKind::FreshShared;
}

}  // namespace

FaultKind classify(const Vma& area, const PageView& view, Access access) {
  if (translation_allows(view.translation, access)) return FaultKind::Spurious;
  if (!view.own.is_empty()) return classify_own(view, access);
  if (area.backing != nullptr) return classify_common(area, view, access);
  if (access != Access::Write) return view.huge_fits ? FaultKind::HugeZero : FaultKind::ZeroPage;
  return view.huge_fits ? FaultKind::HugePage : FaultKind::FreshPage;
}

}  // namespace pw
