#include "proc/malloc_model.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace pw {

namespace {

std::uint64_t page_up(std::uint64_t n) { return (n + kPageSize - 1) & ~(kPageSize - 1); }

// Anything above cannot be added to without wrapping; PTRDIFF_MAX is malloc's own limit.
constexpr std::uint64_t kMostBytes = ~std::uint64_t{0} >> 1;

}  // namespace

MallocModel::MallocModel(ProgramMemory& memory, const MallocOptions& options)
    : memory_(&memory), options_(options) {
  site("");
}

SiteId MallocModel::site(const std::string& name) {
  const auto [it, fresh] = site_ids_.try_emplace(name, static_cast<SiteId>(sites_.size()));
  if (fresh) {
    sites_.push_back(name);
    live_.emplace_back();
    marked_.emplace_back();
  }
  return it->second;
}

std::uint64_t MallocModel::block_size(ByteCount asked) {
  const std::uint64_t size = (asked.value + kHeader + kAlignment - 1) & ~(kAlignment - 1);
  return std::max(size, kSmallest);
}

void MallocModel::count(const Block& block, bool mapped, int sign) {
  const auto bytes = sign * static_cast<std::int64_t>(block.asked);
  Live& live = live_[block.site];
  live.blocks += sign;
  (mapped ? live.mapped_bytes : live.heap_bytes) += bytes;
  const auto one = static_cast<std::uint64_t>(static_cast<std::int64_t>(sign));  // wraps for -1
  counters_.live_blocks += one;
  counters_.live_bytes += static_cast<std::uint64_t>(bytes);
  if (!mapped) return;
  counters_.mapped_blocks += one;
  counters_.mapped_bytes += static_cast<std::uint64_t>(sign) * block.size;
}

Result<VirtAddr> MallocModel::malloc(ByteCount size, SiteId site) {
  if (size.value > kMostBytes) return fail(Errno::NoMemory);
  const std::uint64_t wanted = block_size(size);
  Blocks::iterator block;
  if (!carve(wanted, block)) {
    // sysmalloc(): a mapping for the large, and for whatever the break has no room for.
    if (wanted >= options_.mmap_threshold.value) return map_block(size, site);
    if (!carve_top(wanted, block)) return map_block(size, site);
  }
  block->second.asked = size.value;
  block->second.site = site;
  count(block->second, false, 1);
  if (!memory_->touch(VirtAddr(block->first))) return fail(Errno::NoMemory);
  return VirtAddr(block->first + kHeader);
}

// The smallest free block that fits, else the top as it is. False: neither has room.
bool MallocModel::carve(std::uint64_t size, Blocks::iterator& out) {
  const auto fit = free_.lower_bound({size, 0});
  if (fit != free_.end()) {
    out = heap_.find(fit->second);
    free_.erase(fit);
    out->second.free = false;
    split(out, size);
    return true;
  }
  return break_ - top_ >= size + kSmallest && carve_top(size, out);
}

// From the end of the heap, which grows if it must. The top is never used up (MINSIZE stays).
bool MallocModel::carve_top(std::uint64_t size, Blocks::iterator& out) {
  if (break_ - top_ < size + kSmallest && !grow_heap(size)) return false;
  out = heap_.emplace_hint(heap_.end(), top_, Block{size});
  top_ += size;
  return true;
}

bool MallocModel::grow_heap(std::uint64_t size) {
  if (break_ == 0) {
    // So that what follows a header is aligned.
    start_ = page_up(memory_->brk(VirtAddr(0)).value) + kAlignment - kHeader;
    top_ = break_ = start_;
  }
  const std::uint64_t missing = size + options_.top_pad.value + kSmallest - (break_ - top_);
  const std::uint64_t wanted = page_up(break_ + missing);
  ++counters_.brk_calls;
  if (memory_->brk(VirtAddr(wanted)).value != wanted) return false;
  break_ = wanted;
  counters_.heap_bytes = break_ - start_;
  return true;
}

// Cuts what `block` has beyond `size` off as a free block, joining it with what follows.
void MallocModel::split(Blocks::iterator block, std::uint64_t size) {
  const std::uint64_t rest = block->second.size - size;
  if (rest < kSmallest) return;
  block->second.size = size;
  give_back(heap_.emplace(block->first + size, Block{rest}).first);
}

// Makes a used block free: joined with free neighbours, or part of the top.
void MallocModel::give_back(Blocks::iterator block) {
  const auto next = std::next(block);
  if (next != heap_.end() && next->second.free) {
    free_.erase({next->second.size, next->first});
    block->second.size += next->second.size;
    heap_.erase(next);
  }
  if (block != heap_.begin()) {
    const auto before = std::prev(block);
    if (before->second.free) {
      free_.erase({before->second.size, before->first});
      before->second.size += block->second.size;
      heap_.erase(block);
      block = before;
    }
  }
  if (block->first + block->second.size == top_) {
    top_ = block->first;
    heap_.erase(block);
    return;
  }
  block->second.free = true;
  free_.insert({block->second.size, block->first});
}

// systrim(): whole pages go back, top_pad stays.
void MallocModel::trim() {
  const std::uint64_t top = break_ - top_;
  if (top < options_.trim_threshold.value || top <= options_.top_pad.value + kSmallest) return;
  const std::uint64_t extra = (top - kSmallest - 1 - options_.top_pad.value) & ~(kPageSize - 1);
  if (extra == 0) return;
  ++counters_.brk_calls;
  if (memory_->brk(VirtAddr(break_ - extra)).value != break_ - extra) return;
  break_ -= extra;
  counters_.heap_bytes = break_ - start_;
}

Result<VirtAddr> MallocModel::map_block(ByteCount size, SiteId site) {
  const std::uint64_t length = page_up(size.value + 2 * kHeader);
  ++counters_.mmap_calls;
  const Result<VirtAddr> at = memory_->mmap(ByteCount(length));
  if (!at) return fail(Errno::NoMemory);
  const Block block{length, size.value, site, false};
  mapped_[at->value] = block;
  count(block, true, 1);
  if (!memory_->touch(*at)) return fail(Errno::NoMemory);
  return *at + ByteCount(2 * kHeader);
}

// Freeing a large block raises the threshold to its size: the next ones of that size come from the
// break ("dynamic mmap threshold", mallopt(3)).
Result<void> MallocModel::unmap_block(Blocks::iterator block) {
  const std::uint64_t size = block->second.size;
  if (options_.dynamic_threshold && size > options_.mmap_threshold.value &&
      size <= options_.mmap_threshold_max.value) {
    options_.mmap_threshold = ByteCount(size);
    options_.trim_threshold = ByteCount(2 * size);
  }
  ++counters_.munmap_calls;
  PW_TRY(memory_->munmap(VirtAddr(block->first), ByteCount(size)));
  count(block->second, true, -1);
  mapped_.erase(block);
  return {};
}

Result<void> MallocModel::free(VirtAddr block) {
  if (block.value == 0) return {};
  const auto large = mapped_.find(block.value - 2 * kHeader);
  if (large != mapped_.end()) return unmap_block(large);
  const auto it = heap_.find(block.value - kHeader);
  if (it == heap_.end() || it->second.free) return fail(Errno::Invalid);
  count(it->second, false, -1);
  give_back(it);
  trim();
  return {};
}

// Takes what is missing from the free block behind, or from the top.
bool MallocModel::extend_in_place(Blocks::iterator block, std::uint64_t size) {
  const std::uint64_t end = block->first + block->second.size;
  const std::uint64_t missing = size - block->second.size;
  if (end == top_) {
    if (break_ - top_ < missing + kSmallest && !grow_heap(missing)) return false;
    top_ += missing;
    block->second.size = size;
    return true;
  }
  const auto next = std::next(block);
  if (!next->second.free || next->second.size < missing) return false;
  free_.erase({next->second.size, next->first});
  block->second.size += next->second.size;
  heap_.erase(next);
  split(block, size);
  return true;
}

Result<VirtAddr> MallocModel::realloc(VirtAddr block, ByteCount size) {
  if (block.value == 0) return malloc(size);
  if (size.value > kMostBytes) return fail(Errno::NoMemory);
  const auto it = heap_.find(block.value - kHeader);
  const bool small = it != heap_.end() && !it->second.free;
  const auto large = mapped_.find(block.value - 2 * kHeader);
  if (!small && large == mapped_.end()) return fail(Errno::Invalid);
  const SiteId site = small ? it->second.site : large->second.site;
  if (small) {
    const std::uint64_t wanted = block_size(size);
    if (wanted <= it->second.size || extend_in_place(it, wanted)) {
      count(it->second, false, -1);
      it->second.asked = size.value;
      count(it->second, false, 1);
      split(it, wanted);
      return block;
    }
  }
  const Result<VirtAddr> moved = malloc(size, site);
  if (!moved) return moved;
  PW_TRY(free(block));
  return moved;
}

void MallocModel::mark() { marked_ = live_; }

std::vector<SiteGrowth> MallocModel::grown() const {
  std::vector<SiteGrowth> all;
  for (std::size_t i = 0; i < live_.size(); ++i) {
    const std::int64_t heap = live_[i].heap_bytes - marked_[i].heap_bytes;
    const std::int64_t mapped = live_[i].mapped_bytes - marked_[i].mapped_bytes;
    if (heap + mapped <= 0) continue;
    all.push_back({sites_[i], heap >= mapped ? "[heap]" : "mmap",
                   live_[i].blocks - marked_[i].blocks, heap + mapped});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const SiteGrowth& a, const SiteGrowth& b) { return a.bytes > b.bytes; });
  return all;
}

void MallocModel::verify() const {
  std::uint64_t at = start_, free_blocks = 0;
  bool before_free = false;
  for (const auto& [address, block] : heap_) {
    PW_CHECK_MSG(address == at && block.size >= kSmallest, "the heap has a gap");
    PW_CHECK_MSG(!(block.free && before_free), "two free blocks were not joined");
    PW_CHECK(!block.free || free_.count({block.size, address}) == 1);
    free_blocks += block.free ? 1 : 0;
    before_free = block.free;
    at += block.size;
  }
  PW_CHECK_MSG(at == top_ && !before_free && top_ <= break_, "the top is not where the heap ends");
  PW_CHECK(free_blocks == free_.size());
}

}  // namespace pw
