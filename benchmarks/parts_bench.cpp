// What the building blocks below the memory manager cost: nanoseconds of CPU time an operation,
// median of five. Areas: 100,000 in one space. Frames: a machine of 64 GiB. Policies: a million
// ids.
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include "base/random.hpp"
#include "base/units.hpp"
#include "phys/frame_allocator.hpp"
#include "policy/clock.hpp"
#include "policy/lru.hpp"
#include "space/vma_tree.hpp"

namespace {

using namespace pw;

double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// Runs `body`, which does `operations` of what `what` says, five times.
template <class Body>
void measure(const char* what, std::uint64_t operations, Body&& body) {
  std::array<double, 5> taken{};
  for (double& run : taken) {
    const double start = cpu_ns();
    body();
    run = (cpu_ns() - start) / static_cast<double>(operations);
  }
  std::sort(taken.begin(), taken.end());
  std::printf("%-52s %8.1f ns\n", what, taken[2]);
}

struct Area {
  VpnRange pages;
  std::array<std::byte, 144> rest{};  // an area of the machine is about this large

  explicit Area(VpnRange range_of_area) : pages(range_of_area) {}
  VpnRange range() const { return pages; }
  void set_range(VpnRange range) { pages = range; }
  PageCount guard_below() const { return {}; }
};

constexpr std::uint64_t kAreas = 100'000;
constexpr VpnRange kSpace{Vpn(0), Vpn(64 * kAreas)};

Area* place(VmaTree<Area>& tree, PageCount pages, VpnRange window) {
  const auto gap = tree.highest_gap(pages, window);
  if (!gap) return nullptr;
  return tree.insert(std::make_unique<Area>(range_of(*gap, pages)));
}

void areas() {
  Random random(1);
  VmaTree<Area> tree;
  std::vector<Area*> all;
  while (all.size() < kAreas) {
    const Vpn begin(random.below(kSpace.end.value - 4));
    const VpnRange range = range_of(begin, PageCount(1 + random.below(4)));
    if (!tree.overlaps(range)) all.push_back(tree.insert(std::make_unique<Area>(range)));
  }
  constexpr std::uint64_t kTimes = 300'000;
  std::uint64_t found = 0;
  measure("area: find, random page", kTimes, [&] {
    for (std::uint64_t i = 0; i < kTimes; ++i) {
      found += tree.find(Vpn(random.below(kSpace.end.value))) != nullptr ? 1U : 0U;
    }
  });
  std::vector<Area*> recent(64, nullptr);
  measure("area: gap + insert + erase, as a program's mmap", kTimes, [&] {
    for (std::uint64_t i = 0; i < kTimes; ++i) {
      Area*& area = recent[i % recent.size()];
      if (area != nullptr) tree.erase(*area);
      area = place(tree, PageCount(1 + random.below(64)), kSpace);
    }
  });
  measure("area: gap + insert + erase, at random places", kTimes, [&] {
    for (std::uint64_t i = 0; i < kTimes; ++i) {
      Area*& area = all[random.below(kAreas)];
      tree.erase(*area);
      const Vpn top(64 * 1'000 + random.below(kSpace.end.value - 64 * 1'000));
      area = place(tree, PageCount(1), {kSpace.begin, top});
    }
  });
  PW_CHECK(found != 0);  // and the search was not optimised away
}

void frames() {
  constexpr PageCount kMachine{(64ULL << 30) / kPageSize};
  constexpr std::uint64_t kTimes = 1'000'000;
  measure("machine of 64 GiB: start, one frame, end", 1, [&] {
    auto table = FrameTable::create(kMachine);
    FrameAllocator(*table).allocate(0);
  });
  auto table = FrameTable::create(kMachine);
  FrameAllocator allocator(*table);
  std::vector<Pfn> held(kTimes);
  measure("frame: allocate + free, cached", kTimes, [&] {
    for (std::uint64_t i = 0; i < kTimes; ++i) allocator.free(allocator.allocate(0), 0);
  });
  measure("frame: allocate + free, a million at once", kTimes, [&] {
    for (Pfn& pfn : held) pfn = allocator.allocate(0);
    for (const Pfn pfn : held) allocator.free(pfn, 0);
  });
}

template <class P>
void replacement(const char* what) {
  constexpr std::uint32_t kPages = 1'000'000;
  policy::Setup setup;
  setup.ids = setup.frames = kPages;
  P pages(setup);
  for (policy::Id id = 0; id < kPages; ++id) pages.insert(id);
  measure(what, kPages, [&] {
    for (std::uint32_t i = 0; i < kPages; ++i) {
      pages.insert(pages.victim([](policy::Id) { return policy::Verdict::Idle; }));
    }
  });
}

}  // namespace

int main() {
  areas();
  frames();
  replacement<policy::Lru>("lru: victim + insert");
  replacement<policy::Clock>("clock: victim + insert");
  return 0;
}
