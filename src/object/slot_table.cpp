#include "object/slot_table.hpp"

#include "base/check.hpp"

namespace pw {

void SlotTable::note_known(std::uint64_t index, SlotChunk* chunk) const {
  while (chunks_.size() > known_.size() && known_.size() < kMostKnown) {
    known_.assign(2 * known_.size(), {});
  }
  known_[index & (known_.size() - 1)] = {index, chunk};
}

SlotChunk* SlotTable::look_for(std::uint64_t index) const {
  const auto it = chunks_.find(index);
  if (it == chunks_.end()) return nullptr;
  note_known(index, it->second);
  return it->second;
}

SlotChunk& SlotTable::own(PageOffset at) {
  const std::uint64_t index = at.value / kSlotsPerChunk;
  SlotChunk*& chunk = chunks_[index];
  if (chunk == nullptr) {
    chunk = new SlotChunk;
  } else if (chunk->sharers > 1) {
    auto* copy = new SlotChunk(*chunk);
    --chunk->sharers;
    copy->sharers = 1;
    for (const PageSlot slot : copy->slots) {
      if (!slot.is_empty()) refs_->retain(slot);
    }
    chunk = copy;
  }
  note_known(index, chunk);
  return *chunk;
}

void SlotTable::set(PageOffset at, PageSlot slot) {
  if (slot.is_empty() && find(at) == nullptr) return;
  SlotChunk& chunk = own(at);
  PageSlot& place = chunk.slots[at.value % kSlotsPerChunk];
  const PageSlot before = place;
  place = slot;
  chunk.used += (before.is_empty() ? 1U : 0U) - (slot.is_empty() ? 1U : 0U);
  if (!before.is_empty()) refs_->release(before);
  if (chunk.used == 0) drop(chunks_.find(at.value / kSlotsPerChunk));
}

bool SlotTable::replace(PageOffset at, PageSlot from, PageSlot to) {
  SlotChunk* chunk = find(at);
  if (chunk == nullptr) return false;
  PageSlot& place = chunk->slots[at.value % kSlotsPerChunk];
  if (place != from) return false;
  PW_CHECK(!from.is_empty() && !to.is_empty());
  place = to;
  return true;
}

void SlotTable::erase(PageOffset begin, PageOffset end) {
  auto it = chunks_.lower_bound(begin.value / kSlotsPerChunk);
  while (it != chunks_.end() && it->first * kSlotsPerChunk < end.value) {
    const std::uint64_t first = it->first * kSlotsPerChunk;
    const auto here = it++;
    if (begin.value <= first && first + kSlotsPerChunk <= end.value) {
      drop(here);
      continue;
    }
    bool any = false;
    auto note = [&](PageOffset, PageSlot) { any = true; };
    for_each_in(*here->second, first, begin.value, end.value, note);
    if (!any) continue;
    SlotChunk& chunk = own(PageOffset(first));
    const std::uint64_t lo = begin.value > first ? begin.value - first : 0;
    const std::uint64_t hi = end.value - first < kSlotsPerChunk ? end.value - first
                                                                : kSlotsPerChunk;
    for (std::uint64_t i = lo; i < hi; ++i) {
      if (chunk.slots[i].is_empty()) continue;
      const PageSlot before = chunk.slots[i];
      chunk.slots[i] = PageSlot();
      --chunk.used;
      refs_->release(before);
    }
    if (chunk.used == 0) drop(here);
  }
}

void SlotTable::clear() {
  while (!chunks_.empty()) drop(chunks_.begin());
}

void SlotTable::drop(Chunks::iterator it) {
  SlotChunk* chunk = it->second;
  Known& known = known_[it->first & (known_.size() - 1)];
  if (known.chunk == chunk) known = {};
  chunks_.erase(it);
  if (--chunk->sharers > 0) return;
  for (const PageSlot slot : chunk->slots) {
    if (!slot.is_empty()) refs_->release(slot);
  }
  delete chunk;
}

void SlotTable::share_from(const SlotTable& other) {
  PW_CHECK(chunks_.empty());
  for (const auto& [index, chunk] : other.chunks_) {
    ++chunk->sharers;
    chunks_.emplace_hint(chunks_.end(), index, chunk);
  }
}

}  // namespace pw
