#include "arch/x86/page_tables.hpp"

#include "base/check.hpp"

namespace pw::x86 {

bool PageTables::create_root(const KernelHalf& kernel) {
  if (!frames_->allocate_table(levels_, root_)) return false;
  user_root_ = root_;
  if (kernel.isolated && !frames_->allocate_table(levels_, user_root_)) {
    frames_->free_table(root_);
    return false;
  }
  ++tables_;
  for (unsigned i = kEntriesPerTable / 2; kernel.mapped && i < kEntriesPerTable; ++i) {
    entries_of(root_)[i] = entries_of(kernel.root)[i];
    if (kernel.isolated) entries_of(user_root_)[i] = entries_of(kernel.user_root)[i];
  }
  return true;
}

// The kernel's root forbids to execute what the user may: if a return to user mode forgot to change
// the root, the program would not run (__pti_set_user_pgtbl(), arch/x86/mm/pti.c).
void PageTables::copy_to_user_root(unsigned index) {
  Pte& entry = entries_of(root_)[index];
  entries_of(user_root_)[index] = entry;
  if (entry.present()) entry.raw |= kNoExecute;
}

void PageTables::destroy() {
  if (tables_ == 0) return;
  if (isolated()) frames_->free_table(user_root_);
  destroy_below(root_, levels_);
  PW_CHECK(tables_ == 0);
  known_.assign(kLeastKnown, {});
}

void PageTables::note_known(Vpn vpn, Pte* entries) {
  if (tables_ > known_.size() && known_.size() < kMostKnown) known_.assign(2 * known_.size(), {});
  known_for(vpn) = {vpn.value >> kIndexBits, entries};
}

void PageTables::destroy_below(Pfn table, int level) {
  Pte* entries = entries_of(table);
  const Span span = span_of_half(level);
  for (unsigned i = span.begin; level > 1 && i < span.end; ++i) {
    if (entries[i].present() && !entries[i].leaf_at(level))
      destroy_below(entries[i].pfn(), level - 1);
  }
  frames_->free_table(table);
  --tables_;
}

Pte* PageTables::walk_to(Vpn vpn, int level) {
  Pte* entries = entries_of(root_);
  for (int at = levels_; at > level; --at) {
    const Pte entry = entries[index_at(vpn, at)];
    if (!entry.present() || entry.leaf_at(at)) return nullptr;
    entries = entries_of(entry.pfn());
  }
  if (level == 1) note_known(vpn, entries);
  return &entries[index_at(vpn, level)];
}

Pte* PageTables::find_leaf(Vpn vpn, int& level) {
  Pte* entries = entries_of(root_);
  for (int at = levels_; at >= 1; --at) {
    Pte& entry = entries[index_at(vpn, at)];
    if (!entry.present()) return nullptr;
    if (entry.leaf_at(at)) {
      level = at;
      return &entry;
    }
    entries = entries_of(entry.pfn());
  }
  return nullptr;
}

// Making a table may reclaim pages of this very space, and a table that becomes empty by that is
// freed. The new entry is counted beforehand, so that the table it lies in, and those above, stay.
bool PageTables::add_table(Pfn table, Pte& entry, int level) {
  ++frames_->entries(table);
  Pfn below;
  if (!frames_->allocate_table(level, below)) {
    --frames_->entries(table);
    return false;
  }
  ++tables_;
  entry = Pte::make(below, table_rights());
  if (isolated() && table == root_) {
    copy_to_user_root(static_cast<unsigned>(&entry - entries_of(root_)));
  }
  return true;
}

Pte* PageTables::ensure(Vpn vpn, int level) {
  if (level == 1 && known_for(vpn).key == vpn.value >> kIndexBits) {
    return &known_for(vpn).entries[index_at(vpn, 1)];
  }
  Pfn table = root_;
  for (int at = levels_; at > level; --at) {
    Pte& entry = entries_of(table)[index_at(vpn, at)];
    PW_CHECK_MSG(!entry.present() || !entry.leaf_at(at), "a larger page covers the address");
    if (!entry.present()) {
      if (!add_table(table, entry, at - 1)) {
        clear(vpn);  // the tables made so far, which are empty
        return nullptr;
      }
    }
    table = entry.pfn();
  }
  Pte* entries = entries_of(table);
  if (level == 1) note_known(vpn, entries);
  return &entries[index_at(vpn, level)];
}

void PageTables::write(Pte* entry, Pte leaf) {
  PW_CHECK(leaf.present());
  if (!entry->present()) {
    ++frames_->entries(memory_.frame_at(reinterpret_cast<const std::byte*>(entry)));
  }
  *entry = leaf;
}

bool PageTables::clear(Vpn vpn, int level) {
  return clear_range(range_of(vpn, pages_at(level)), [](Vpn, int, Pte) {});
}

bool PageTables::map_large(Vpn vpn, Pte leaf) {
  Pfn reserve;
  if (!frames_->allocate_table(1, reserve)) return false;
  Pte* entry = ensure(vpn, 2);
  if (entry == nullptr) {
    frames_->free_table(reserve);
    return false;
  }
  PW_CHECK_MSG(!entry->present() && leaf.leaf_at(2), "2 MiB are mapped twice");
  write(entry, leaf);
  reserves_[vpn.value >> kIndexBits] = reserve;
  ++tables_;
  return true;
}

void PageTables::split_large(Vpn vpn, Pfn first, std::uint64_t step, std::uint64_t marks) {
  Pte* entry = find(vpn, 2);
  PW_CHECK(entry != nullptr && entry->present() && entry->leaf_at(2));
  const auto reserve = reserves_.find(vpn.value >> kIndexBits);
  const Pfn table = reserve->second;
  reserves_.erase(reserve);
  const std::uint64_t bits = entry->raw & ~(kAddressMask | kLarge | marks);
  Pte* entries = entries_of(table);
  for (unsigned i = 0; i < kEntriesPerTable; ++i) {
    entries[i] = Pte::make(first + PageCount(i * step), bits | (entries[i].raw & marks));
  }
  frames_->entries(table) = kEntriesPerTable;
  *entry = Pte::make(table, table_rights());
}

void PageTables::free_reserve(Vpn vpn) {
  const auto it = reserves_.find(vpn.value >> kIndexBits);
  if (it == reserves_.end()) return;
  frames_->free_table(it->second);
  reserves_.erase(it);
  --tables_;
}

bool PageTables::drop_if_empty(Pfn table, Pte* parent_entry, Pfn parent) {
  if (frames_->entries(table) != 0) return false;
  frames_->free_table(table);
  --tables_;
  *parent_entry = Pte{};
  if (isolated() && parent == root_) {
    copy_to_user_root(static_cast<unsigned>(parent_entry - entries_of(root_)));
  }
  --frames_->entries(parent);
  return true;
}

}  // namespace pw::x86
