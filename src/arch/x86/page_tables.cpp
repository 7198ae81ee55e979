#include "arch/x86/page_tables.hpp"

#include "base/check.hpp"

namespace pw::x86 {

namespace {
constexpr std::uint64_t kTableRights = kPresent | kWritable | kUser;
}

bool PageTables::create_root() {
  if (!frames_->allocate_table(levels_, root_)) return false;
  ++tables_;
  return true;
}

void PageTables::destroy() {
  if (tables_ == 0) return;
  destroy_below(root_, levels_);
  PW_CHECK(tables_ == 0);
  cached_table_ = nullptr;
}

void PageTables::destroy_below(Pfn table, int level) {
  Pte* entries = entries_of(table);
  for (unsigned i = 0; level > 1 && i < kEntriesPerTable; ++i) {
    if (entries[i].present() && !entries[i].leaf_at(level))
      destroy_below(entries[i].pfn(), level - 1);
  }
  frames_->free_table(table);
  --tables_;
}

Pte* PageTables::find(Vpn vpn, int level) {
  if (level == 1 && cached_table_ != nullptr && cached_key_ == vpn.value >> kIndexBits) {
    return &cached_table_[index_at(vpn, 1)];
  }
  Pte* entries = entries_of(root_);
  for (int at = levels_; at > level; --at) {
    const Pte entry = entries[index_at(vpn, at)];
    if (!entry.present() || entry.leaf_at(at)) return nullptr;
    entries = entries_of(entry.pfn());
  }
  if (level == 1) {
    cached_table_ = entries;
    cached_key_ = vpn.value >> kIndexBits;
  }
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
  entry = Pte::make(below, kTableRights);
  return true;
}

Pte* PageTables::ensure(Vpn vpn, int level) {
  if (level == 1 && cached_table_ != nullptr && cached_key_ == vpn.value >> kIndexBits) {
    return &cached_table_[index_at(vpn, 1)];
  }
  Pfn table = root_;
  for (int at = levels_; at > level; --at) {
    Pte& entry = entries_of(table)[index_at(vpn, at)];
    PW_CHECK_MSG(!entry.present() || !entry.leaf_at(at), "a larger page covers the address");
    if (!entry.present() && !add_table(table, entry, at - 1)) {
      clear(vpn);  // the tables made so far, which are empty
      return nullptr;
    }
    table = entry.pfn();
  }
  Pte* entries = entries_of(table);
  if (level == 1) {
    cached_table_ = entries;
    cached_key_ = vpn.value >> kIndexBits;
  }
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

void PageTables::drop_if_empty(Pfn table, Pte* parent_entry, Pfn parent) {
  if (frames_->entries(table) != 0) return;
  frames_->free_table(table);
  --tables_;
  *parent_entry = Pte{};
  --frames_->entries(parent);
}

}  // namespace pw::x86
