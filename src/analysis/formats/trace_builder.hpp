// Makes a PageTrace of the names that an importer reads: the first name gets id 0, the next new one
// id 1, and so on.
//
// Names below 2^30 are looked up in a two-level table, without a hash, once 64 of the 4096 names of
// a block have come; the others in a hash map. So no choice of names takes more than about 256
// bytes a page.
//
// Instead of keeping every reference it may hand them on to a sink, a block at a time, or keep only
// those to the pages of a sample. Owned by who reads an input.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <vector>

#include "analysis/name_map.hpp"
#include "analysis/page_trace.hpp"
#include "analysis/sample_choice.hpp"
#include "base/result.hpp"

namespace pw::analysis {

// What a TraceBuilder knows of a name.
struct NameEntry {
  static constexpr PageId kNone = 0xFFFF'FFFFU;
  PageId id = kNone;
  std::uint32_t note = 0;
};
// The same in the hash map. The names of a block that are there are linked: `before` is the offset
// of the one that came before.
struct NameInMap {
  NameEntry entry;
  std::uint16_t before = 0;
};

class TraceBuilder {
 public:
  static constexpr std::uint64_t kMaxReferences = 0xFFFF'0000U;

  TraceBuilder() = default;
  explicit TraceBuilder(const SampleSize& sample) : choice_(sample) {}
  // At most `most` references will come.
  TraceBuilder(PageSink& sink, std::uint64_t most) : sink_(&sink), most_(most) {}

  // References that are likely to come: a guess from the size of the input.
  void expect(std::uint64_t references);

  // Makes sure that `count` references may be added. Errors: Overflow; Io where more come than the
  // sink was told.
  Result<void> room_for(std::uint64_t count) const {
    if (count <= most_ - references()) [[likely]]
      return {};
    return no_room();
  }
  // A reference to the page called `name`. Room was asked for.
  void add(std::uint64_t name) {
    if (choice_ && !choice_->takes(name)) return pass_over(1);
    const PageId page = find(name).id;
    pages_.push_back(page);
    if (pages_.size() == kBlock && sink_ != nullptr) hand_on();
  }

  // The same for `count` references at once, faster: extend() makes place for their pages, and
  // find_page() is to be called for each in turn and writes it there. Before that, place_of() may
  // tell where what is known of the name lies, if it is known (else null), and fetches it from the
  // host's memory; it holds for ever. The page's note is valid until the next call; 0 at first. Not
  // for samples.
  PageId* extend(std::size_t count) {
    if (sink_ != nullptr && pages_.size() + count > kBlock) hand_on();
    pages_.resize(pages_.size() + count);
    return pages_.data() + (pages_.size() - count);
  }
  using Entry = NameEntry;
  [[gnu::always_inline]] Entry* place_of(std::uint64_t name) const {
    const std::uint64_t number = name >> kBlockBits;
    Entry* const entries = number < block_count_ ? blocks_[number] : nullptr;
    if (entries == nullptr) return nullptr;
    Entry* const entry = &entries[name & (kBlockNames - 1)];
    __builtin_prefetch(entry);
    return entry;
  }
  [[gnu::always_inline]] std::uint32_t& find_page(Entry* place, std::uint64_t name, PageId& page) {
    Entry& entry = place != nullptr ? known(*place, name) : find(name);
    page = entry.id;
    return entry.note;
  }

  // For samples: a reference to a page that is in, and its note; and references to others.
  bool samples() const { return choice_.has_value(); }
  [[gnu::always_inline]] bool takes(std::uint64_t name) const { return choice_->takes(name); }
  std::uint32_t& take(std::uint64_t name) {
    Entry& entry = find(name);
    pages_.push_back(entry.id);
    return entry.note;
  }
  void pass_over(std::uint64_t count) { gone_ += count; }

  std::uint64_t references() const { return gone_ + pages_.size(); }
  std::uint32_t ids() const { return ids_; }
  // The lowest note above 0 and its page's name, of all pages (of a sample: that are in still). Of
  // equal notes that of the lowest name.
  struct Note {
    std::uint32_t note = 0;  // 0: there is none
    std::uint64_t name = 0;
  };
  Note lowest_note() const;
  // Share of the pages that are in the sample.
  double rate() const { return choice_ ? choice_->rate() : 1; }
  // What was kept: without a sink every reference, or those to the pages of the sample.
  PageTrace finish();

 private:
  static constexpr unsigned kBlockBits = 12;
  static constexpr std::uint64_t kBlockNames = std::uint64_t{1} << kBlockBits;
  static constexpr std::uint64_t kBlocks = std::uint64_t{1} << 18;  // the most
  // Blocks are cut from pieces as large as a huge page, which spare the host's TLB.
  static constexpr std::size_t kSlabBytes = std::size_t{2} << 20;
  static constexpr std::uint32_t kWorthABlock = 64;            // names
  static constexpr std::size_t kBlock = std::size_t{1} << 17;  // references handed on at once

  struct FewNames {  // of a block
    std::uint16_t count = 0;
    std::uint16_t latest = 0;
  };
  struct FreeSlab {
    void operator()(Entry* slab) const { std::free(slab); }
  };

  [[gnu::always_inline]] Entry& known(Entry& entry, std::uint64_t name) {
    if (entry.id == Entry::kNone) [[unlikely]]
      entry.id = new_id(name);
    return entry;
  }
  [[gnu::always_inline]] Entry& find(std::uint64_t name) {
    const std::uint64_t number = name >> kBlockBits;
    if (number < block_count_) [[likely]] {
      Entry* const entries = blocks_[number];
      if (entries != nullptr) [[likely]]
        return known(entries[name & (kBlockNames - 1)], name);
    }
    return find_in_map(name);
  }
  PageId new_id(std::uint64_t name) {
    if (sink_ == nullptr) [[unlikely]]
      keep_name(name);
    return ids_++;
  }
  void keep_name(std::uint64_t name);
  Entry& find_in_map(std::uint64_t name);
  void make_block(std::uint64_t number, const FewNames& names);
  Entry* new_entries();
  void hand_on();
  void leave_out_the_dropped(PageTrace& trace) const;
  Result<void> no_room() const;

  std::vector<Entry*> blocks_;     // null, and beyond the end: the names are in the map
  std::uint64_t block_count_ = 0;  // blocks_.size(), at hand
  Entry* free_entries_ = nullptr;  // of the last slab
  std::size_t free_blocks_ = 0;
  std::vector<std::unique_ptr<Entry, FreeSlab>> slabs_;
  NameMap<NameInMap> map_;
  NameMap<FewNames> names_in_map_;    // by block
  std::vector<PageId> pages_;         // kept, or not handed on yet
  std::vector<std::uint64_t> names_;  // by id; not for a sink
  PageId ids_ = 0;
  std::uint64_t gone_ = 0;  // references handed on, or passed over
  std::optional<SampleChoice> choice_;
  PageSink* sink_ = nullptr;
  std::uint64_t most_ = kMaxReferences;
};

}  // namespace pw::analysis
