#include "reclaim/mglru/generations.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace pw {

unsigned Generations::tier_of(unsigned refs, bool working) {
  if (working) return TierControl::kTiers - 1;
  unsigned tier = 0;
  while (1U << tier < refs) ++tier;
  return tier;
}

std::uint64_t Generations::size(int swappiness) const {
  std::uint64_t pages = 0;
  for (const bool file : {false, true}) {
    if (!evictable(file, swappiness)) continue;
    for (std::uint64_t seq = min_seq(file); seq <= max_seq_; ++seq) pages += size(file, seq);
  }
  return pages;
}

std::uint64_t Generations::entries() const {
  std::uint64_t all = 0;
  for (unsigned list = 0; list < 2 * kMax; ++list) all += lists_.size(list);
  return all;
}

std::uint64_t Generations::place_of(Pfn pfn, const Standing& standing) const {
  const bool working = flags_->has(pfn, kLruWorkingset);
  unsigned distance = kMax - (working ? 1 : 0);
  if (flags_->has(pfn, kLruActive)) {
    distance = kMin - (working ? 1 : 0);
  } else if (standing.reclaiming) {
    distance = kMax;
  } else if ((!file(pfn) && !standing.swap_cached) ||
             (flags_->has(pfn, kLruReclaim) && standing.unwritten)) {
    distance = kMin;
  }
  return std::max(max_seq_ - distance + 1, min_seq(file(pfn)));
}

void Generations::put(Pfn pfn, bool front) {
  State& state = states_[pfn.value];
  state.list = list_at(generation(pfn), file(pfn)) & 7U;
  if (front) {
    lists_.push_front(id(pfn), state.list);
  } else {
    lists_.push_back(id(pfn), state.list);
  }
}

void Generations::add(Pfn pfn, const Standing& standing) {
  PW_CHECK(!listed(pfn));
  const unsigned at = slot(place_of(pfn, standing));
  states_[pfn.value].generation = (at + 1U) & 7U;
  states_[pfn.value].huge = standing.huge ? 1 : 0;
  sizes_[at][kind(file(pfn))] += pages(pfn);
  flags_->unset(pfn, kLruActive);  // only pages in no list have it
  put(pfn, !standing.reclaiming);
}

void Generations::remove(Pfn pfn) {
  State& state = states_[pfn.value];
  PW_CHECK(listed(pfn));
  sizes_[generation(pfn)][kind(file(pfn))] -= pages(pfn);
  lists_.remove(id(pfn), state.list);
  state.generation = 0;
}

bool Generations::back(bool file, Pfn& out) const {
  const policy::Id last = lists_.back(list_at(slot(min_seq(file)), file));
  if (last == policy::kNoPage) return false;
  out = Pfn(last);
  return true;
}

void Generations::relink(Pfn pfn, bool front) {
  lists_.remove(id(pfn), states_[pfn.value].list);
  put(pfn, front);
}

void Generations::renumber(Pfn pfn, unsigned to) {
  const unsigned of = kind(file(pfn));
  sizes_[generation(pfn)][of] -= pages(pfn);
  sizes_[to][of] += pages(pfn);
  states_[pfn.value].generation = (to + 1U) & 7U;
}

bool Generations::set_refs(Pfn pfn) {
  states_[pfn.value].refs = 0;
  if (!flags_->has(pfn, kLruReferenced | kLruWorkingset)) {
    flags_->set(pfn, kLruReferenced);
    return false;
  }
  flags_->unset(pfn, kLruReferenced);
  flags_->set(pfn, kLruWorkingset);
  return true;
}

bool Generations::update(Pfn pfn) {
  PW_CHECK(listed(pfn));
  if (!set_refs(pfn) || in_youngest(pfn)) return false;
  renumber(pfn, slot(max_seq_));
  return true;
}

void Generations::step(Pfn pfn) {
  if (!in_oldest(pfn)) return;
  renumber(pfn, slot(min_seq(file(pfn)) + 1));
  states_[pfn.value].refs = 0;
  flags_->unset(pfn, kLruReferenced);
}

void Generations::inc_refs(Pfn pfn) {
  State& state = states_[pfn.value];
  if (!flags_->has(pfn, kLruReferenced)) {
    state.refs = 0;
    flags_->set(pfn, kLruReferenced);
  } else if (state.refs == kRefs - 1) {
    flags_->set(pfn, kLruWorkingset);
  } else {
    state.refs = (state.refs + 1U) & 3U;
  }
}

void Generations::clear_refs(Pfn pfn) {
  states_[pfn.value].refs = 0;
  flags_->unset(pfn, kLruReferenced | kLruWorkingset);
}

bool Generations::advance_oldest(int swappiness) {
  std::array<std::uint64_t, 2> oldest = min_seq_;
  for (const bool file : {false, true}) {
    if (!evictable(file, swappiness)) continue;
    std::uint64_t& seq = oldest[kind(file)];
    while (seq + kMin <= max_seq_ && lists_.size(list_at(slot(seq), file)) == 0) ++seq;
  }
  // One kind may run ahead of the other, but not to where nothing more of it could be evicted.
  if (swappiness != 0) {
    const std::uint64_t last = max_seq_ - kMin;
    if (oldest[0] > last && oldest[1] < last) {
      oldest[0] = last;
    } else if (oldest[1] > last && oldest[0] < last) {
      oldest[1] = last;
    }
  }
  bool advanced = false;
  for (const bool file : {false, true}) {
    if (!evictable(file, swappiness) || oldest[kind(file)] <= min_seq(file)) continue;
    tiers_.carry_over(file);
    min_seq_[kind(file)] = oldest[kind(file)];
    advanced = true;
  }
  return advanced;
}

// Its pages become the last of the next generation, so that they stay colder than those in it.
void Generations::empty_oldest(bool file) {
  Pfn pfn;
  while (back(file, pfn)) {
    const unsigned tier = this->tier(pfn);
    const bool counts = !used_up(pfn);
    step(pfn);
    relink(pfn, false);
    if (counts) tiers_.note_protected(file, tier, pages(pfn));
  }
}

void Generations::add_youngest(int swappiness) {
  for (const bool file : {false, true}) {
    if (count(file) != kMax) continue;
    if (evictable(file, swappiness)) empty_oldest(file);
    tiers_.carry_over(file);
    ++min_seq_[kind(file)];
  }
  ++max_seq_;
}

const char* Generations::check() const {
  for (const bool file : {false, true}) {
    if (count(file) < kMin || count(file) > kMax) return "there are too many generations, or few";
  }
  decltype(sizes_) sizes{};
  for (unsigned list = 0; list < 2 * kMax; ++list) {
    for (policy::Id at = lists_.front(list); at != policy::kNoPage; at = lists_.next(at)) {
      const Pfn pfn(at);
      if (states_[at].list != list || !listed(pfn)) return "a page stands in another list";
      sizes[generation(pfn)][kind(file(pfn))] += pages(pfn);
    }
  }
  return sizes == sizes_ ? nullptr : "generations have other sizes than their pages";
}

}  // namespace pw
