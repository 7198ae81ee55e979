// Makes a PageTrace of the names that an importer reads: the first name gets id 0, the next new one
// id 1, and so on.
//
// Names below 2^30 are looked up in a two-level table, without a hash, once 64 of the 4096 names of
// a block have come; the others in a hash map. So no choice of names takes more than about 256
// bytes a page. Owned by open_input().
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "analysis/name_map.hpp"
#include "analysis/page_trace.hpp"
#include "base/result.hpp"

namespace pw::analysis {

class TraceBuilder {
 public:
  static constexpr std::uint64_t kMaxReferences = 0xFFFF'0000U;

  // References that are likely to come: a guess from the size of the input.
  void expect(std::uint64_t references);

  // Makes sure that `count` references may be added. Error: Overflow.
  Result<void> room_for(std::uint64_t count) const {
    if (count <= kMaxReferences - pages_.size()) return {};
    return fail(Errno::Overflow, "more than about 2^32 references; cut the trace into parts");
  }
  // A reference to the page called `name`. Room was asked for. The page's note is valid until the
  // next call; 0 at first.
  [[gnu::always_inline]] std::uint32_t& add(std::uint64_t name) {
    Entry& entry = find(name);
    pages_.push_back(entry.id);
    return entry.note;
  }

  // The same for `count` references at once, faster: extend() makes place for their pages, and
  // find_page() is to be called for each in turn and writes it there.
  PageId* extend(std::size_t count) {
    pages_.resize(pages_.size() + count);
    return pages_.data() + (pages_.size() - count);
  }
  [[gnu::always_inline]] std::uint32_t& find_page(std::uint64_t name, PageId& page) {
    Entry& entry = find(name);
    page = entry.id;
    return entry.note;
  }

  // Hints to the host that `name` comes soon.
  [[gnu::always_inline]] void prefetch(std::uint64_t name) const {  // else GCC 12 drops the call
    const std::uint64_t number = name >> kBlockBits;
    const Entry* const entries = number < block_count_ ? blocks_[number] : nullptr;
    if (entries != nullptr) __builtin_prefetch(&entries[name & (kBlockNames - 1)]);
  }

  std::uint64_t references() const { return pages_.size(); }
  std::uint32_t ids() const { return static_cast<std::uint32_t>(names_.size()); }
  const std::vector<PageId>& pages() const { return pages_; }
  const std::vector<std::uint64_t>& names() const { return names_; }  // by id
  std::uint32_t note(std::uint64_t name) { return find(name).note; }  // of a name that came
  PageTrace finish();

 private:
  static constexpr unsigned kBlockBits = 12;
  static constexpr std::uint64_t kBlockNames = std::uint64_t{1} << kBlockBits;
  static constexpr std::uint64_t kBlocks = std::uint64_t{1} << 18;  // the most
  // Blocks are cut from pieces as large as a huge page, which spare the host's TLB.
  static constexpr std::size_t kSlabBytes = std::size_t{2} << 20;
  static constexpr std::uint32_t kWorthABlock = 64;  // names
  static constexpr PageId kNone = 0xFFFF'FFFFU;

  struct Entry {
    PageId id = kNone;
    std::uint32_t note = 0;
  };
  struct FreeSlab {
    void operator()(Entry* slab) const { std::free(slab); }
  };

  [[gnu::always_inline]] Entry& find(std::uint64_t name) {
    const std::uint64_t number = name >> kBlockBits;
    if (number < block_count_) [[likely]] {
      Entry* const entries = blocks_[number];
      if (entries != nullptr) [[likely]] {
        Entry& entry = entries[name & (kBlockNames - 1)];
        if (entry.id == kNone) [[unlikely]]
          entry.id = new_id(name);
        return entry;
      }
    }
    return find_in_map(name);
  }
  PageId new_id(std::uint64_t name) {
    names_.push_back(name);
    return static_cast<PageId>(names_.size() - 1);
  }
  Entry& find_in_map(std::uint64_t name);
  void make_block(std::uint64_t number);
  Entry* new_entries();

  std::vector<Entry*> blocks_;     // null, and beyond the end: the names are in the map
  std::uint64_t block_count_ = 0;  // blocks_.size(), at hand
  Entry* free_entries_ = nullptr;  // of the last slab
  std::size_t free_blocks_ = 0;
  std::vector<std::unique_ptr<Entry, FreeSlab>> slabs_;
  NameMap<Entry> map_;
  NameMap<std::uint32_t> names_in_map_;  // by block
  std::vector<PageId> pages_;
  std::vector<std::uint64_t> names_;
};

}  // namespace pw::analysis
