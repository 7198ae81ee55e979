#include "ports/sim/sim_cpu.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace pw::sim {

namespace {

constexpr std::uint32_t kNoPcid = 0xFFF;  // never handed out
// Of each mode, as access_bit numbers them.
constexpr std::uint64_t kWrites = 0b010'010, kLoadsAndStores = 0b011'011;

x86::WalkRules rules_of(const CpuConfig& config) {
  x86::WalkRules rules;
  rules.levels = config.levels;
  rules.smep = config.smep;
  rules.smap = config.smap;
  rules.gigabyte_pages = config.gigabyte_pages;
  rules.protection_keys = config.protection_keys;
  return rules;
}

std::array<TlbUnit::Size, 3> l1d_sizes(const TlbConfig& tlb) {
  return {{{tlb.l1d_4k}, {tlb.l1d_2m}, {tlb.l1d_1g}}};
}
std::array<TlbUnit::Size, 3> l1i_sizes(const TlbConfig& tlb) {
  return {{{tlb.l1i_4k}, {tlb.l1i_2m}, {tlb.l1i_1g}}};
}
std::array<TlbUnit::Size, 3> l2_sizes(const TlbConfig& tlb) {
  return {{{tlb.l2}, {TlbGeometry{}}, {tlb.l2_1g, false}}};
}

std::uint64_t key_vpn(VirtAddr address) { return page_of(address).value & tlb_key::kVpnMask; }

}  // namespace

SimCpu::SimCpu(const CpuConfig& config, x86::TableMemory memory, std::uint64_t seed)
    : user_end_(x86::user_end(config.levels).value),
      walker_(rules_of(config)),
      memory_(memory),
      first_{{{{}, 0, TlbUnit(l1d_sizes(config.tlb), seed)},
              {{}, 0, TlbUnit(l1i_sizes(config.tlb), seed + 3)}}},
      l2_(l2_sizes(config.tlb), seed + 6),
      config_(config) {
  PW_CHECK(config.levels == 4 || config.levels == 5);
  PW_CHECK(config.nested_levels == 0 || config.nested_levels == 4 || config.nested_levels == 5);
  note_ready();
  const WalkCacheConfig& walk = config.walk_cache;
  const std::array<std::uint32_t, 4> entries{walk.level2, walk.level3, walk.level4, walk.level5};
  for (int level = 2; level <= config.levels; ++level) {
    const std::uint32_t ways = entries[static_cast<unsigned>(level - 2)];
    if (ways != 0) upper_[static_cast<unsigned>(level)] = WalkCache(ways);
  }
}

// What pages with key 0 permit without being asked again.
void SimCpu::note_ready() {
  for (unsigned index = 0; index < 8; ++index) {
    const std::uint64_t rights = x86::rights_of(index);
    const std::uint64_t allowed = permitted(Entry{rights});
    ready_[ready_index(rights)] = (allowed & ~kWrites) << Entry::kReady;
    ready_[ready_index(rights | x86::kDirty)] = allowed << Entry::kReady;
  }
}

// Key 0, which all pages have that were given no other, is not asked at each reference: when what
// PKRU says of it changes, all that was worked out goes. Programs hardly ever do that.
void SimCpu::change_pkru(std::uint32_t pkru) {
  const bool same_for_key_0 = ((pkru ^ walker_.pkru()) & 3) == 0;
  walker_.set_pkru(pkru);
  if (same_for_key_0) return;
  note_ready();
  forget_near();
  for (TlbUnit* unit : {&first_[0].unit, &first_[1].unit, &l2_}) {
    unit->erase_if([](std::uint64_t) { return true; });
  }
}

void SimCpu::load_space(SpaceId space, Pfn root, Pfn user_root) {
  if (is_active(space) && contexts_[active_].root == root) return;
  ++raw_.space_switches;
  if (listener_ != nullptr) tell_switch(space);
  forget_near();
  unsigned chosen = kNoContext;
  if (config_.tlb.pcid) {
    for (unsigned i = 0; i < kContexts; ++i) {
      if (contexts_[i].used && contexts_[i].space == space) chosen = i;
    }
    if (chosen == kNoContext) {
      chosen = next_context_;
      next_context_ = (next_context_ + 1) % kContexts;
    }
  } else {
    chosen = 0;
  }
  Context& context = contexts_[chosen];
  const bool same = context.used && context.space == space && context.root == root &&
                    context.user_root == user_root;
  // Without PCIDs the load of the root register flushes whatever it loads.
  if (context.used && (!same || context.stale || !config_.tlb.pcid)) drop_context(chosen);
  context = {space, root, user_root, true, false};
  active_ = chosen;
  view_ = View::Kernel;
  root_ = root;
  set_pcid(pcid_of(chosen));
}

void SimCpu::tell_switch(SpaceId space) {
  MemoryEvent event;
  event.kind = MemoryEvent::Kind::Switch;
  event.cpu = number_;
  event.from = has_space() ? this->space() : kNoSpace;
  event.space = space;
  listener_->happened(event);
}

void SimCpu::unload_space() {
  forget_near();
  active_ = kNoContext;
  view_ = View::Kernel;
  set_pcid(kNoPcid);
}

void SimCpu::set_pcid(std::uint32_t pcid) {
  pcid_ = pcid;
  key_base_ = tlb_key::make(0, pcid, 1);
  upper_key_base_ = tlb_key::make(0, pcid, 2);
}

void SimCpu::use_view(View view) {
  const Context& context = contexts_[active_];
  if (!has_space() || !context.isolated() || view_ == view) return;
  ++raw_.root_switches;
  forget_near();
  view_ = view;
  root_ = view == View::User ? context.user_root : context.root;
  if (config_.tlb.pcid) {
    set_pcid(pcid_of(active_) | (view == View::User ? kUserPcid : 0));
  } else {
    drop_context(active_);
  }
}

bool SimCpu::translate_run(VirtAddr address, Access access, Mode mode, std::uint64_t count,
                           Translation& out) {
  if (!translate(address, access, mode, out)) return false;
  const Near& near = first_for(access).near;
  if (near.vpn == page_of(address).value && near.entry.ready(access, mode)) {
    raw_.l1_hits_by_size[near.level - 1] += count - 1;
    return true;
  }
  // No L1 array holds this page size: every reference goes the long way.
  for (std::uint64_t i = 1; i < count; ++i) {
    PW_CHECK(translate(address, access, mode, out));
  }
  return true;
}

// Every address, page and shape of arrays. `absent`: no TLB has the page.
[[gnu::noinline]] bool SimCpu::look_up_any(VirtAddr address, unsigned need, Translation& out,
                                           bool absent) {
  if (!x86::canonical(address, walker_.rules().levels)) [[unlikely]] {
    out.error_code = 0;
    out.non_canonical = true;
    return false;
  }
  const auto access = static_cast<Access>((need - Entry::kReady) % 3);
  const auto mode = static_cast<Mode>((need - Entry::kReady) / 3);
  const bool mapped = absent ? miss(address, access, mode, out)
                             : find_or_walk(address, access, mode, out);
  note_shapes();
  return mapped;
}

bool SimCpu::find_or_walk(VirtAddr address, Access access, Mode mode, Translation& out) {
  const TlbProbe probe(key_vpn(address) | key_base_);
  const TlbSlot in_l1 = first_for(access).unit.find(probe);
  if (in_l1.key != 0) return found(address, access, mode, in_l1, true, out);
  const TlbSlot in_l2 = l2_.find(probe);
  if (in_l2.key != 0) return found(address, access, mode, in_l2, false, out);
  return miss(address, access, mode, out);
}

// What the arrays hold may have changed its kinds.
void SimCpu::note_shapes() {
  for (First& first : first_) {
    first.simple_end = first.unit.plain() && l2_.plain() ? user_end_ : 0;
  }
}

// What is answered is, by now, the most recent entry of the L1 (if the L1 holds its size at all).
[[gnu::always_inline]] inline bool SimCpu::answer(VirtAddr address, Access access, int level,
                                                  Entry entry, Translation& out) {
  const std::uint64_t vpn = page_of(address).value;
  out.level = level;
  const Pfn pfn = entry.pfn() + PageCount(vpn & (x86::pages_at(level).value - 1));
  out.pfn = pfn;
  First& first = first_for(access);
  if (first.unit.holds(level)) [[likely]] {
    // Field by field: an aggregate would be put together on the stack and copied, which stalls the
    // host.
    Near& near = first.near;
    near.vpn = vpn;
    near.entry = entry;
    near.pfn = pfn;
    near.level = level;
  }
  return true;
}

// The accesses that rights and key allow, numbered by access_bit. Only user pages have keys.
unsigned SimCpu::permitted(Entry entry) const {
  const bool user = (entry.rights() & x86::kUser) != 0;
  return walker_.permitted(entry.rights()) & ~(user ? walker_.denied(entry.key()) : 0U);
}

// An entry whose key is not 0, if it needs nothing more for this access.
bool SimCpu::open_by_key(Entry entry, Access access, Mode mode) const {
  if (entry.key() == 0 || (access == Access::Write && !entry.dirty())) return false;
  return (permitted(entry) >> x86::access_bit(access, mode) & 1) != 0;
}

SimCpu::Entry SimCpu::entry_with_key(x86::Pte leaf, int level, std::uint64_t rights) const {
  Entry entry = entry_for(leaf, level, rights);
  const std::uint64_t key = leaf.protection_key();
  if (key == 0 || !config_.protection_keys || (rights & x86::kUser) == 0) return entry;
  entry.raw = (entry.raw & ~(kLoadsAndStores << Entry::kReady)) | key << Entry::kKey;
  return entry;
}

// A hit of any size, or one that may not be enough.
bool SimCpu::found(VirtAddr address, Access access, Mode mode, const TlbSlot& slot, bool in_l1,
                   Translation& out) {
  const Entry entry{slot.data};
  if (!entry.ready(access, mode) && !open_by_key(entry, access, mode)) {
    return upgrade(address, access, mode, slot, in_l1, out);
  }
  const int level = tlb_key::level(slot.key);
  if (in_l1) {
    ++raw_.l1_hits_by_size[level - 1];
  } else {
    ++raw_.l2_hits_by_size[level - 1];
    first_for(access).unit.insert(TlbProbe(slot.key), slot.data);
  }
  return answer(address, access, level, entry, out);
}

// An entry was found that does not do for this access. If only D is missing, a walk sets it (Intel
// calls this an assist) and the reference stays a hit. If a right is missing, the tables decide:
// the processor may use them or fault at once (SDM vol. 3A 4.10.4.3), and a verdict by the tables
// is never spurious.
bool SimCpu::upgrade(VirtAddr address, Access access, Mode mode, TlbSlot slot, bool in_l1,
                     Translation& out) {
  const std::uint64_t vpn = key_vpn(address);
  forget_near();
  if ((permitted(Entry{slot.data}) >> x86::access_bit(access, mode) & 1) == 0) {
    drop_page(vpn);
    return miss(address, access, mode, out);
  }
  x86::Walk walk;
  run_walk(address, access, mode, walk);
  if (walk.end != x86::WalkEnd::Mapped) {
    drop_page(vpn);
    return fault(walk, out);
  }
  PW_CHECK_MSG(key_for(vpn, walk) == slot.key, "a page changed its size and the TLB was not told");
  const Entry entry = entry_with_key(walk.leaf, walk.level, walk.rights);
  const TlbProbe probe(slot.key);
  ++raw_.assists;
  raw_.walk_references += walk.references;
  TlbUnit& l1 = first_for(access).unit;
  if (in_l1) {
    *l1.peek(probe) = entry.raw;
    ++raw_.l1_hits_by_size[walk.level - 1];
  } else {
    l1.insert(probe, entry.raw);
    ++raw_.l2_hits_by_size[walk.level - 1];
  }
  if (std::uint64_t* copy = l2_.peek(probe)) *copy = entry.raw;
  return answer(address, access, walk.level, entry, out);
}

bool SimCpu::miss(VirtAddr address, Access access, Mode mode, Translation& out) {
  x86::Walk walk;
  run_walk(address, access, mode, walk);
  if (walk.end != x86::WalkEnd::Mapped) return fault(walk, out);
  const Entry entry = entry_with_key(walk.leaf, walk.level, walk.rights);
  const TlbProbe probe(key_for(key_vpn(address), walk));
  if (walk.leaf.global()) [[unlikely]] {
    note_global(range_of(extended(tlb_key::first_vpn(probe.key)), x86::pages_at(walk.level)));
  }
  ++raw_.walks_by_size[walk.level - 1];
  raw_.walk_references += walk.references;
  l2_.insert(probe, entry.raw);
  first_for(access).unit.insert(probe, entry.raw);
  return answer(address, access, walk.level, entry, out);
}

bool SimCpu::fault(const x86::Walk& walk, Translation& out) {
  ++raw_.faulting_walks;
  raw_.faulting_walk_references += walk.references;
  out.error_code = walk.error_code;
  out.non_canonical = false;
  return false;
}

void SimCpu::run_walk(VirtAddr address, Access access, Mode mode, x86::Walk& walk) {
  PW_CHECK(has_space());
  const std::uint64_t vpn = key_vpn(address);
  const x86::WalkStart start = walk_start(vpn);
  walker_.walk(memory_, start, address, access, mode, walk);
  if (walk.end != x86::WalkEnd::Mapped) return confirm(start.level, address, access, mode, walk);
  remember_upper(vpn, walk, start.level);
}

// A page fault drops what the paging-structure caches hold for the address (SDM vol. 3A 4.10.4.1).
// The rights remembered there may be older than the tables', so a refusal is confirmed from the
// root.
void SimCpu::confirm(int from, VirtAddr address, Access access, Mode mode, x86::Walk& walk) {
  const std::uint64_t vpn = key_vpn(address);
  const int levels = walker_.rules().levels;
  drop_upper(vpn);
  if (from == levels || (walk.error_code & x86::kErrorPresent) == 0) return;
  const unsigned before = walk.references;
  walker_.walk(memory_, {root_, levels}, address, access, mode, walk);
  if (walk.end == x86::WalkEnd::Mapped) remember_upper(vpn, walk, levels);
  walk.references += before;
}

x86::WalkStart SimCpu::walk_start(std::uint64_t vpn) {
  const int levels = walker_.rules().levels;
  for (int level = 2; level <= levels; ++level) {
    WalkCache& cache = upper_[static_cast<unsigned>(level)];
    const std::uint32_t way = cache.find(tlb_key::make(vpn, pcid_, level));
    if (way == WalkCache::kNone) continue;
    cache.to_front(way);
    ++raw_.walk_cache_hits[level];
    return {cache[way].pfn(), level - 1, cache[way].rights()};
  }
  return {root_, levels};
}

void SimCpu::remember_upper(std::uint64_t vpn, const x86::Walk& walk, int from) {
  for (int level = from; level > walk.level; --level) {
    WalkCache& entries = upper_[static_cast<unsigned>(level)];
    if (!entries.exists()) continue;
    entries.insert(tlb_key::make(vpn, pcid_, level),
                   x86::UpperEntry(walk.upper[static_cast<unsigned>(level)]));
  }
}

std::uint64_t SimCpu::key_for(std::uint64_t vpn, const x86::Walk& walk) const {
  return walk.leaf.global() ? tlb_key::make_global(vpn, walk.level)
                            : tlb_key::make(vpn, pcid_, walk.level);
}

// Drops the translation of one base page, whatever its size, and the global one: what INVLPG does.
std::uint64_t SimCpu::drop_page(std::uint64_t vpn) {
  std::uint64_t dropped = drop_page_of(vpn, pcid_);
  for (TlbUnit* unit : {&first_[0].unit, &first_[1].unit, &l2_}) {
    for (int level = 1; level <= 3 && unit->saw_global(); ++level) {
      if (unit->erase(tlb_key::make_global(vpn, level))) ++dropped;
    }
  }
  return dropped;
}

// The same under one PCID, without the global one: what INVPCID does.
std::uint64_t SimCpu::drop_page_of(std::uint64_t vpn, std::uint32_t pcid) {
  std::uint64_t dropped = 0;
  for (TlbUnit* unit : {&first_[0].unit, &first_[1].unit, &l2_}) {
    for (int level = 1; level <= 3; ++level) {
      if (unit->erase(tlb_key::make(vpn, pcid, level))) ++dropped;
    }
  }
  return dropped;
}

void SimCpu::note_global(VpnRange range) {
  if (globals_.empty()) globals_ = range;
  globals_ = {std::min(globals_.begin, range.begin), std::max(globals_.end, range.end)};
}

void SimCpu::drop_upper(std::uint64_t vpn) {
  for (int level = 2; level <= walker_.rules().levels; ++level) {
    WalkCache& entries = upper_[static_cast<unsigned>(level)];
    const std::uint32_t way = entries.find(tlb_key::make(vpn, pcid_, level));
    if (way != WalkCache::kNone) entries.erase(way);
  }
}

void SimCpu::drop_context(unsigned context) {
  const std::uint32_t pcid = pcid_of(context);
  drop_pcid(pcid);
  if (has_user_pcid(context)) drop_pcid(pcid | kUserPcid);
}

void SimCpu::drop_pcid(std::uint32_t pcid) {
  const auto belongs = [pcid](std::uint64_t key) {
    return tlb_key::pcid(key) == pcid && !tlb_key::global(key);
  };
  ++raw_.flushes_full;
  for (TlbUnit* unit : {&first_[0].unit, &first_[1].unit, &l2_})
    raw_.entries_flushed += unit->erase_if(belongs);
  for (WalkCache& entries : upper_) entries.erase_if(belongs);
}

// As INVLPG does it, the paging-structure caches lose all they hold of the space (SDM vol.
// 3A 4.10.4.1).
void SimCpu::flush_active(VpnRange range) {
  forget_near();
  const std::uint32_t other = pcid_ ^ kUserPcid;  // of the view that is not in use
  const bool both = has_user_pcid(active_);
  for (Vpn vpn = range.begin; vpn < range.end; vpn = vpn + PageCount(1)) {
    ++raw_.flushes_page;
    raw_.entries_flushed += drop_page(vpn.value & tlb_key::kVpnMask);
    if (!both) continue;
    ++raw_.flushes_page;
    raw_.entries_flushed += drop_page_of(vpn.value & tlb_key::kVpnMask, other);
  }
  for (WalkCache& entries : upper_) {
    entries.erase_if([&](std::uint64_t key) {
      return tlb_key::pcid(key) == pcid_ || (both && tlb_key::pcid(key) == other);
    });
  }
}

void SimCpu::flush_active_all() {
  forget_near();
  drop_context(active_);
}

bool SimCpu::flush_global(VpnRange range) {
  if (!range.overlaps(globals_)) return false;
  std::uint64_t dropped = 0;
  for (TlbUnit* unit : {&first_[0].unit, &first_[1].unit, &l2_}) {
    if (!unit->saw_global()) continue;
    dropped += unit->erase_if([range](std::uint64_t key) {
      const Vpn first = extended(tlb_key::first_vpn(key));
      return tlb_key::global(key) &&
             range.overlaps(range_of(first, x86::pages_at(tlb_key::level(key))));
    });
  }
  raw_.entries_flushed += dropped;
  if (dropped != 0) forget_near();
  return dropped != 0;
}

bool SimCpu::mark_stale(SpaceId space) {
  bool held = false;
  for (unsigned i = 0; i < kContexts; ++i) {
    Context& context = contexts_[i];
    if (i == active_ || !context.used || context.space != space || context.stale) continue;
    context.stale = true;
    held = true;
  }
  return held;
}

TlbCounters SimCpu::counters() const {
  TlbCounters sum = raw_;
  sum.l2_hits_by_size[0] += l1_misses_[0];
  sum.walks_by_size[0] += l1_misses_[1];
  sum.walk_references += l1_misses_[1];
  sum.walk_cache_hits[2] += l1_misses_[1];
  for (unsigned size = 0; size < 3; ++size) {
    sum.l1_hits += raw_.l1_hits_by_size[size];
    sum.l2_hits += sum.l2_hits_by_size[size];
    sum.walks += sum.walks_by_size[size];
  }
  sum.references = sum.l1_hits + sum.l2_hits + sum.walks;
  // In a guest a nested walk comes before each entry, and another for what the walk found.
  const auto nested = static_cast<std::uint64_t>(config_.nested_levels);
  sum.walk_references += nested * (sum.walk_references + sum.walks + sum.assists);
  sum.faulting_walk_references += nested * sum.faulting_walk_references;
  return sum;
}

std::uint64_t SimCpu::time_ps() const {
  const TlbCounters sum = counters();
  const CpuCosts& costs = config_.costs;
  return sum.references * costs.reference_ps + sum.l2_hits * costs.l2_tlb_hit_ps +
         (sum.walk_references + sum.faulting_walk_references) * costs.walk_reference_ps +
         sum.ipis_received * costs.shootdown_ipi_ps + sum.space_switches * costs.space_switch_ps +
         sum.root_switches * costs.root_switch_ps;
}

}  // namespace pw::sim
