// VmaTree: the areas of one address space, ordered by address, never overlapping.
//
// Owned by AddressSpace; owns the areas. A pointer to an area stays valid until that area is
// erased, whatever happens to others. The area type V has to offer
//   VpnRange range() const         not empty; what the tree was last told
//   void set_range(VpnRange)       called by the tree only (resize)
//   PageCount guard_below() const  pages below begin that a gap search leaves free (stacks), or 0
// find, insert, erase, resize and both gap searches are O(log n); find remembers its last answer.
// lower_bound(page) then next(area) walks all areas that meet a range, and the area at hand may be
// erased after its successor was asked for. Range-based for must not insert or erase.
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.hpp"
#include "base/units.hpp"
#include "space/vma_tree_core.hpp"

namespace pw {

template <class V>
class VmaTree {
 public:
  class Iterator {
   public:
    using value_type = V;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = V*;
    using reference = V&;

    Iterator() = default;
    explicit Iterator(detail::VmaTreeCore::Cursor at) : at_(at) {}
    V& operator*() const { return *static_cast<V*>(at_.item()); }
    V* operator->() const { return static_cast<V*>(at_.item()); }
    Iterator& operator++() {
      at_.advance();
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      at_.advance();
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) {
      return a.at_.leaf == b.at_.leaf && a.at_.index == b.at_.index;
    }

   private:
    detail::VmaTreeCore::Cursor at_;
  };

  VmaTree() = default;
  VmaTree(VmaTree&& other) noexcept
      : core_(std::move(other.core_)), last_found_(std::exchange(other.last_found_, nullptr)) {}
  VmaTree& operator=(VmaTree&& other) noexcept {
    if (this == &other) return *this;
    clear();
    core_ = std::move(other.core_);
    last_found_ = std::exchange(other.last_found_, nullptr);
    return *this;
  }
  ~VmaTree() { clear(); }

  std::size_t size() const { return core_.size(); }
  bool empty() const { return core_.size() == 0; }
  Iterator begin() const { return Iterator(core_.first()); }
  Iterator end() const { return Iterator(); }

  // The area that contains `page`, or null.
  V* find(Vpn page) const {
    if (last_found_ != nullptr && last_found_->range().contains(page)) return last_found_;
    const auto at = core_.lower_bound(page.value);
    if (page.value < at.begin()) return nullptr;
    return last_found_ = as_area(at.item());
  }
  // The first area that ends above `page` (it contains the page or is the next one above), or null.
  V* lower_bound(Vpn page) const { return as_area(core_.lower_bound(page.value).item()); }
  V* first() const { return as_area(core_.first().item()); }
  V* last() const { return as_area(core_.last_before(~std::uint64_t{0})); }
  V* next(const V& area) const { return lower_bound(area.range().end); }
  V* prev(const V& area) const { return as_area(core_.last_before(area.range().begin.value)); }
  bool overlaps(VpnRange range) const {
    return !range.empty() && core_.lower_bound(range.begin.value).begin() < range.end.value;
  }

  // Takes the area in; its range must be free.
  V* insert(std::unique_ptr<V> area) {
    const VpnRange range = area->range();
    PW_CHECK(!range.empty());
    core_.insert(range.begin.value, gap_begin(*area, range), range.end.value, area.get());
    return area.release();
  }
  // Gives the area back to the caller. It must be in this tree.
  std::unique_ptr<V> erase(V& area) {
    core_.erase(area.range().begin.value, &area);
    if (last_found_ == &area) last_found_ = nullptr;
    return std::unique_ptr<V>(&area);
  }
  // Moves either end of an area in place. The new range must not meet another area, and must meet
  // the old one: an area that moves away is erased and inserted.
  void resize(V& area, VpnRange range) {
    const VpnRange old = area.range();
    PW_CHECK(!range.empty() && range.overlaps(old));
    if (range.begin < old.begin) {
      const V* below = prev(area);
      PW_CHECK(below == nullptr || below->range().end <= range.begin);
    }
    if (range.end > old.end) {
      const V* above = next(area);
      PW_CHECK(above == nullptr || above->range().begin >= range.end);
    }
    core_.update(old.begin.value, &area, range.begin.value, gap_begin(area, range),
                 range.end.value);
    area.set_range(range);
  }
  void clear() {
    for (auto at = core_.first(); at.leaf != nullptr; at.advance()) delete as_area(at.item());
    core_.clear();
    last_found_ = nullptr;
  }

  // First page of the highest run of `pages` free pages inside `window`, placed at the top end of
  // its hole (as vm_unmapped_area() top-down, mm/mmap.c). Guards of areas above count as taken.
  // pages > 0.
  std::optional<Vpn> highest_gap(PageCount pages, VpnRange window) const {
    return as_page(core_.highest_gap(pages.value, window.begin.value, window.end.value));
  }
  // The same from below: the lowest run, at the bottom end of its hole.
  std::optional<Vpn> lowest_gap(PageCount pages, VpnRange window) const {
    return as_page(core_.lowest_gap(pages.value, window.begin.value, window.end.value));
  }

  // Proves the invariants of the tree (PW_CHECK); O(n).
  void verify() const {
    core_.verify();
    Vpn below;
    for (const V& area : *this) {
      PW_CHECK(!area.range().empty() && below <= area.range().begin);
      below = area.range().end;
      const auto at = core_.lower_bound(area.range().begin.value);
      PW_CHECK(at.item() == &area && at.begin() == area.range().begin.value);
      PW_CHECK(at.leaf->end[at.index] == area.range().end.value);
    }
  }

 private:
  static V* as_area(void* item) { return static_cast<V*>(item); }
  static std::optional<Vpn> as_page(std::optional<std::uint64_t> page) {
    return page ? std::optional<Vpn>(Vpn(*page)) : std::nullopt;
  }
  static std::uint64_t gap_begin(const V& area, VpnRange range) {
    const std::uint64_t guard = area.guard_below().value;
    return range.begin.value > guard ? range.begin.value - guard : 0;
  }

  detail::VmaTreeCore core_;
  mutable V* last_found_ = nullptr;
};

}  // namespace pw
