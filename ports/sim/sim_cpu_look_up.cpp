// The common way of a reference through the L1, the L2 and the tables, with as few branches as can
// be that the host could not guess. Whatever is not common goes to look_up_any(), sim_cpu.cpp.
#include "ports/sim/sim_cpu.hpp"

namespace pw::sim {

[[gnu::always_inline]] inline void SimCpu::answer_small(std::uint64_t vpn, First& first,
                                                        Entry entry, Translation& out) {
  const Pfn pfn = entry.pfn();
  out.pfn = pfn;
  out.level = 1;
  Near& near = first.near;
  near.vpn = vpn;
  near.entry = entry;
  near.pfn = pfn;
  near.level = 1;
}

// Where stamps or the log have run out. What comes before is counted and remembered already, so
// that look_up() calls this last and keeps nothing meanwhile.
[[gnu::noinline]] bool SimCpu::make_room(First& first) {
  first.unit.make_room();
  l2_.make_room();
  upper_[2].settle();
  return true;
}

// False: the walk to this leaf is not the common one. (For a write, D may still have to be set:
// then the entry is not ready.)
[[gnu::always_inline]] inline bool SimCpu::leaf_marked(const x86::UpperEntry& upper,
                                                       std::uint64_t vpn, Entry& entry) const {
  std::uint64_t raw = 0;
  if (!walker_.step(memory_, Vpn(vpn), 1, upper, raw)) [[unlikely]]
    return false;
  entry = entry_for(x86::Pte{raw}, 1, raw & x86::kRightsMask);
  return true;
}

// The common walk, down to a base page of this space from the cached entry of level 3, granted,
// and all entries marked already. False, and then nothing is counted or remembered, if it is
// another one. (What it may have touched in the caches, the walk that follows touches again, in
// the same order.)
[[gnu::always_inline]] inline bool SimCpu::walk_from_3(std::uint64_t vpn, unsigned need,
                                                       Entry& entry) {
  WalkCache& third = upper_[3];
  const std::uint32_t way = third.find(tlb_key::make(vpn, pcid_, 3));
  if (way == WalkCache::kNone || !upper_[2].exists()) [[unlikely]]
    return false;
  third.to_front(way);
  std::uint64_t raw = 0;
  if (!walker_.step(memory_, Vpn(vpn), 2, third[way], raw)) [[unlikely]]
    return false;
  const x86::UpperEntry upper(raw);
  if (!leaf_marked(upper, vpn, entry) || !entry.has(need)) [[unlikely]]
    return false;
  upper_[2].insert(vpn >> 9 | upper_key_base_, upper);
  ++raw_.walk_cache_hits[3];
  ++raw_.walks_by_size[0];
  raw_.walk_references += 2;
  return true;
}

// look_up() of a page that the L1 does not hold, with no entry of level 2 cached for it. (Not
// inlined, and given no more than registers hold: look_up() has none to spare.)
[[gnu::noinline]] bool SimCpu::look_up_above(VirtAddr address, First& first, unsigned need,
                                             Translation& out, TlbChoice in_l1) {
  const std::uint64_t vpn = page_of(address).value;
  const TlbProbe probe(vpn | key_base_);
  const TlbPlace in_l2 = l2_.place_small(probe);
  Entry entry{in_l2.data()};
  if (in_l2.found()) {
    if (!entry.has(need)) [[unlikely]]
      return look_up_any(address, need, out);
    ++l1_misses_[0];
  } else if (!walk_from_3(vpn, need, entry)) [[unlikely]] {
    return look_up_any(address, need, out, true);
  }
  l2_.put_small(in_l2, probe, entry.raw);
  first.unit.put_small(first.unit.place_small(probe, in_l1), probe, entry.raw);
  answer_small(vpn, first, entry, out);
  return (!first.unit.spent() && !l2_.spent()) || make_room(first);
}

// The common case: an address of the user half, and in the TLBs nothing but base pages, in arrays
// of the common shape. All others, and those where what was found may not be enough, are left to
// look_up_any(), with everything as it was.
bool SimCpu::look_up(VirtAddr address, First& first, unsigned need, Translation& out) {
  if (address.value >= first.simple_end) [[unlikely]]
    return look_up_any(address, need, out);
  const std::uint64_t vpn = page_of(address).value;
  const TlbProbe probe(vpn | key_base_);
  const TlbPlace in_l1 = first.unit.place_small(probe);
  if (in_l1.found()) {
    const Entry entry{in_l1.data()};
    if (!entry.has(need)) [[unlikely]]
      return look_up_any(address, need, out);
    ++raw_.l1_hits_by_size[0];
    first.unit.touch_small(in_l1);
    answer_small(vpn, first, entry, out);
    return !first.unit.spent() || make_room(first);
  }
  const std::uint32_t way = upper_[2].find(vpn >> 9 | upper_key_base_);
  if (way == WalkCache::kNone) return look_up_above(address, first, need, out, in_l1.choice);
  const TlbPlace in_l2 = l2_.place_small(probe);
  // The leaf is read whether or not the L2 has the page, so that the verdict needs no branch, and
  // no harm is done: reading changes nothing.
  Entry leaf{0};
  if (!leaf_marked(upper_[2][way], vpn, leaf)) [[unlikely]]
    return look_up_any(address, need, out, !in_l2.found());
  const std::uint64_t found = in_l2.found_mask();
  const Entry entry{leaf.raw ^ ((leaf.raw ^ in_l2.data()) & found)};
  if (!entry.has(need)) [[unlikely]]
    return look_up_any(address, need, out, !in_l2.found());
  const std::uint64_t walks = found + 1;
  ++l1_misses_[walks];
  l2_.put_small(in_l2, probe, entry.raw);
  first.unit.put_small(in_l1, probe, entry.raw);
  upper_[2].to_front_if(way, static_cast<std::uint32_t>(walks));
  answer_small(vpn, first, entry, out);
  if (first.unit.spent() || l2_.spent() || upper_[2].log_full()) [[unlikely]]
    return make_room(first);
  return true;
}

}  // namespace pw::sim
