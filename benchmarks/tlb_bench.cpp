// How fast one simulated CPU translates: millions of references a second of CPU time, median of
// five.
//
// Geometry as in the project's goals: L1 64 entries 4-way, L2 2048 entries 8-way, LRU, 4 levels,
// walk caches on. The loops include the making of the addresses and the use of the frames.
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "arch/x86/pte.hpp"
#include "base/random.hpp"
#include "ports/sim/sim_cpu.hpp"

namespace {

using namespace pw;

constexpr std::uint64_t kRegionBase = 1ULL << 39;
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kPages = 256 * kMiB / kPageSize;
constexpr std::uint64_t kFirstDataFrame = 1ULL << 20;
constexpr std::uint64_t kFlags = x86::kPresent | x86::kWritable | x86::kUser;

// Four-level tables that map kPages pages from kRegionBase: root, one table of levels 3 and 2,
// then the leaves.
struct Tables {
  std::vector<std::uint64_t> words = std::vector<std::uint64_t>((3 + kPages / 512 + 1) *
                                                                x86::kEntriesPerTable);
  x86::TableMemory memory{reinterpret_cast<std::byte*>(words.data())};

  Tables() {
    const Vpn first = page_of(VirtAddr(kRegionBase));
    memory.table(Pfn(0))[x86::index_at(first, 4)] = x86::Pte::make(Pfn(1), kFlags).raw;
    memory.table(Pfn(1))[x86::index_at(first, 3)] = x86::Pte::make(Pfn(2), kFlags).raw;
    for (std::uint64_t page = 0; page < kPages; ++page) {
      const Pfn table(3 + page / 512);
      memory.table(Pfn(2))[page / 512] = x86::Pte::make(table, kFlags).raw;
      memory.table(table)[page % 512] = x86::Pte::make(Pfn(kFirstDataFrame + page),
                                                       kFlags | x86::kDirty)
                                            .raw;
    }
  }
};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <class NextAddress>
std::uint64_t translate_all(sim::SimCpu& cpu, std::uint64_t references, NextAddress next) {
  std::uint64_t sum = 0;
  sim::Translation out;
  for (std::uint64_t i = 0; i < references; ++i) {
    if (!cpu.translate(VirtAddr(next(i)), Access::Read, Mode::User, out)) return 0;
    sum += out.pfn.value;
  }
  return sum;
}

template <class NextAddress>
void measure(const char* name, sim::SimCpu& cpu, std::uint64_t references, NextAddress next) {
  std::array<double, 5> rates{};
  std::uint64_t sum = translate_all(cpu, references / 4, next);
  cpu.reset_counters();
  for (double& rate : rates) {
    const double start = cpu_seconds();
    sum += translate_all(cpu, references, next);
    rate = static_cast<double>(references) / (cpu_seconds() - start) * 1e-6;
  }
  std::sort(rates.begin(), rates.end());
  const sim::TlbCounters counted = cpu.counters();
  const auto share = [&](std::uint64_t n) {
    return 100.0 * static_cast<double>(n) / static_cast<double>(counted.references);
  };
  std::printf("%-22s %8.1f M/s   L1 %6.2f %%  L2 %6.2f %%  walks %6.2f %%  (sum %016llx)\n", name,
              rates[2], share(counted.l1_hits), share(counted.l2_hits), share(counted.walks),
              static_cast<unsigned long long>(sum));
}

}  // namespace

int main() {
  const Tables tables;
  sim::SimCpu cpu(sim::CpuConfig{}, tables.memory, 1);
  cpu.load_space(1, Pfn(0));
  Random random(1);
  measure("sequential 256 MiB", cpu, 100'000'000,
          [](std::uint64_t i) { return kRegionBase + i * 8 % (256 * kMiB); });
  measure("random 16 MiB", cpu, 20'000'000,
          [&](std::uint64_t) { return kRegionBase + random.next() % (16 * kMiB); });
  measure("random 256 MiB", cpu, 20'000'000,
          [&](std::uint64_t) { return kRegionBase + random.next() % (256 * kMiB); });
  return 0;
}
