#include "analysis/formats/trace_builder.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

namespace pw::analysis {

void TraceBuilder::expect(std::uint64_t references) {
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
  if (!fresh) return at.value();
  at.value().id = new_id(name);
  const std::uint64_t number = name >> kBlockBits;
  if (number >= kBlocks || ++names_in_map_[number] != kWorthABlock) return at.value();
  make_block(number);
  return blocks_[number][name & (kBlockNames - 1)];
}

void TraceBuilder::make_block(std::uint64_t number) {
  Entry* const entries = new_entries();
  const std::uint64_t first = number << kBlockBits;
  std::uint32_t left = kWorthABlock;
  for (std::uint64_t i = 0; i < kBlockNames && left != 0; ++i) {
    const auto at = map_.find(first + i);
    if (at == map_.end()) continue;
    entries[i] = at->second;
    map_.erase(at);
    --left;
  }
  names_in_map_.erase(number);
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

PageTrace TraceBuilder::finish() {
  PageTrace trace;
  trace.pages = std::move(pages_);
  trace.ids = ids();
  trace.names = std::move(names_);
  return trace;
}

}  // namespace pw::analysis
