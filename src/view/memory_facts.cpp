#include "view/memory_facts.hpp"

#include <algorithm>
#include <unordered_set>

#include "space/commit.hpp"

namespace pw::view {

namespace {

constexpr unsigned kPageblockOrder = 9;

std::unordered_set<std::uint64_t> locked_frames(Machine& machine) {
  std::unordered_set<std::uint64_t> frames;
  machine.processes().for_each([&](Process& process) {
    if (process.space == nullptr || process.space->counters().locked_pages == 0) return;
    AddressSpace& space = *process.space;
    for (Vma* area = space.areas().lower_bound(Vpn(0)); area != nullptr;
         area = space.areas().next(*area)) {
      if (!area->traits.locked) continue;
      space.tables().for_each_leaf(area->range(), [&](Vpn, int level, x86::Pte& entry) {
        const Pfn pfn = x86::leaf_frame(entry, level);
        if (machine.core().is_zero(pfn)) return;
        for (std::uint64_t i = 0; i < x86::pages_at(level).value; ++i) frames.insert(pfn.value + i);
      });
    }
  });
  return frames;
}

// Huge pages that some large translation names (folio_add_anon_rmap_pmd() counts the first).
std::uint64_t mapped_whole(Machine& machine) {
  std::unordered_set<std::uint64_t> heads;
  if (machine.frames().huge().count() == 0) return 0;
  machine.processes().for_each([&](Process& process) {
    if (process.space == nullptr) return;
    for (Vma& area : process.space->areas()) {
      process.space->tables().for_each_leaf(area.range(), [&](Vpn, int level, x86::Pte& entry) {
        if (level == 2 && !machine.core().is_zero(entry.pfn())) heads.insert(entry.pfn().value);
      });
    }
  });
  return heads.size();
}

void count_frame(Machine& machine, const Frame& frame, bool locked, MemoryFacts& facts) {
  bool held = locked;
  const std::uint64_t mapped = frame.mapcount > 0 ? 1 : 0;
  bool among_files = frame.kind == FrameKind::File;
  switch (frame.kind) {
    case FrameKind::Anon:
      ++facts.anonymous;
      facts.mapped_anonymous += mapped;
      facts.swap_cached += swap_copy(frame).valid() ? 1U : 0U;
      among_files = (frame.flags & kFrameLazy) != 0;
      break;
    case FrameKind::Shared:
      ++facts.shmem;
      held = held || machine.core().objects.object(frame.owner).locked;
      facts.mapped_files += mapped;
      break;
    default:
      ++facts.file;
      facts.mapped_files += mapped;
      facts.dirty += (frame.flags & kFrameDirty) != 0 ? 1U : 0U;
  }
  facts.locked += locked ? 1U : 0U;
  if (held) {
    ++facts.unevictable;
  } else {
    ++(among_files ? facts.inactive_file : facts.inactive_anon);
  }
}

std::uint64_t available(const MemoryFacts& facts, const Watermarks& marks) {
  const std::uint64_t cache = facts.inactive_file;
  const std::uint64_t kept = std::min(cache / 2, marks.low);
  const std::uint64_t all = facts.free + cache - kept;
  return all > marks.high ? all - marks.high : 0;
}

}  // namespace

MemoryFacts facts_of(Machine& machine) {
  MemoryFacts facts;
  const FramePool& pool = machine.frames();
  facts.total = pool.total().value;
  facts.free = pool.free_frames().value;
  facts.tables = pool.table_frames();
  pool.allocator().for_each_free_block([&](Pfn, unsigned order) {
    if (order >= kPageblockOrder) facts.free_blocks += std::uint64_t{1} << order;
  });
  facts.anonymous_huge = mapped_whole(machine) * HugeBlocks::kFrames;
  const auto locked = locked_frames(machine);
  std::uint64_t left = pool.user_frames();
  for (std::uint64_t n = 0; n < facts.total && left > 0; ++n) {
    const Frame& frame = pool.frame(Pfn(n));
    if (!is_user(frame.kind)) continue;
    --left;
    count_frame(machine, frame, locked.count(n) != 0, facts);
  }
  facts.available = available(facts, machine.reclaimer().watermarks());
  const SwapSpace& swap = machine.swap();
  facts.swap_total = swap.total_slots();
  facts.swap_free = facts.swap_total - swap.used_slots();
  facts.commit_limit = commit_limit(machine.core()).value;
  facts.committed = committed(machine.core()).value;
  return facts;
}

}  // namespace pw::view
