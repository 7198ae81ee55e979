#include "analysis/formats/trace_builder.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

namespace pw::analysis {

void TraceBuilder::expect(std::uint64_t references) {
  if (sink_ != nullptr || choice_) return;
  pages_.reserve(std::min(references, kMaxReferences));
  // Huge pages are in place sooner than small ones, and spare the host's TLB. Only those that lie
  // within the array as a whole, so that nothing else is made larger; the host may decline.
  const auto begin = reinterpret_cast<std::uintptr_t>(pages_.data());
  const std::uintptr_t first = (begin + kSlabBytes - 1) / kSlabBytes * kSlabBytes;
  const std::uintptr_t end = (begin + pages_.capacity() * sizeof(PageId)) / kSlabBytes * kSlabBytes;
  if (first >= end) return;
  ::madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
}

TraceBuilder::Entry& TraceBuilder::find_in_map(std::uint64_t name) {
  const auto [at, fresh] = map_.try_emplace(name);
  if (!fresh) return at.value().entry;
  at.value().entry.id = new_id(name);
  const std::uint64_t number = name >> kBlockBits;
  if (number >= kBlocks) return at.value().entry;
  FewNames& names = names_in_map_[number];
  const auto offset = static_cast<std::uint16_t>(name & (kBlockNames - 1));
  at.value().before = names.latest;
  names.latest = offset;
  if (++names.count != kWorthABlock) return at.value().entry;
  make_block(number, names);
  names_in_map_.erase(number);
  return blocks_[number][offset];
}

void TraceBuilder::make_block(std::uint64_t number, const FewNames& names) {
  Entry* const entries = new_entries();
  std::uint16_t offset = names.latest;
  for (std::uint32_t left = names.count; left != 0; --left) {
    const auto at = map_.find((number << kBlockBits) + offset);
    entries[offset] = at->second.entry;
    offset = at->second.before;
    map_.erase(at);
  }
  if (blocks_.size() <= number) blocks_.resize(number + 1);
  block_count_ = blocks_.size();
  blocks_[number] = entries;
}

TraceBuilder::Entry* TraceBuilder::new_entries() {
  if (free_blocks_ == 0) {
    void* const slab = std::aligned_alloc(kSlabBytes, kSlabBytes);
    if (slab == nullptr) throw std::bad_alloc();
    ::madvise(slab, kSlabBytes, MADV_HUGEPAGE);  // the host may decline
    slabs_.emplace_back(static_cast<Entry*>(slab));
    free_entries_ = static_cast<Entry*>(slab);
    free_blocks_ = kSlabBytes / (kBlockNames * sizeof(Entry));
  }
  Entry* const entries = free_entries_;
  std::uninitialized_fill_n(entries, kBlockNames, Entry());
  free_entries_ += kBlockNames;
  --free_blocks_;
  return entries;
}

Result<void> TraceBuilder::no_room() const {
  if (sink_ != nullptr && most_ < kMaxReferences) {
    return fail(Errno::Io, "the file grew while it was read");
  }
  return fail(Errno::Overflow, "more than about 2^32 references; cut the trace into parts");
}

void TraceBuilder::hand_on() {
  if (!pages_.empty()) sink_->take(pages_);
  gone_ += pages_.size();
  pages_.clear();
}

void TraceBuilder::keep_name(std::uint64_t name) {
  names_.push_back(name);
  if (choice_) choice_->add(name);
}

TraceBuilder::Note TraceBuilder::lowest_note() const {
  Note lowest;
  const auto look_at = [&](std::uint64_t name, std::uint32_t note) {
    if (note == 0 || (choice_ && !choice_->takes(name))) return;
    const bool lower = note < lowest.note || (note == lowest.note && name < lowest.name);
    if (lowest.note == 0 || lower) lowest = {note, name};
  };
  for (std::uint64_t number = 0; number < block_count_; ++number) {
    for (std::uint64_t i = 0; blocks_[number] != nullptr && i < kBlockNames; ++i) {
      look_at((number << kBlockBits) + i, blocks_[number][i].note);
    }
  }
  for (const auto& [name, in_map] : map_) look_at(name, in_map.entry.note);
  return lowest;
}

// Of a sample whose size was given: pages that were in on the way.
void TraceBuilder::leave_out_the_dropped(PageTrace& trace) const {
  constexpr PageId kOut = 0xFFFF'FFFFU;
  std::vector<PageId> new_id(trace.ids, kOut);
  PageId ids = 0;
  for (PageId id = 0; id < trace.ids; ++id) {
    if (!choice_->takes(trace.names[id])) continue;
    trace.names[ids] = trace.names[id];
    new_id[id] = ids++;
  }
  trace.ids = ids;
  trace.names.resize(ids);
  for (PageId& page : trace.pages) page = new_id[page];
  std::erase(trace.pages, kOut);
}

PageTrace TraceBuilder::finish() {
  if (sink_ != nullptr) hand_on();
  PageTrace trace;
  trace.pages = std::move(pages_);
  trace.ids = ids();
  trace.names = std::move(names_);
  if (choice_ && choice_->limited()) leave_out_the_dropped(trace);
  return trace;
}

}  // namespace pw::analysis
