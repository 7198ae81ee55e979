// Loads, each waiting for the one before, so that their latency shows.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/random.hpp"
#include "tools/calibration.hpp"
#include "tools/mapping.hpp"

namespace pw::tools {
namespace {

constexpr std::size_t kHuge = 2 << 20;
constexpr std::size_t kCached = 2 << 20, kLarge = 256 << 20;
constexpr std::size_t kLine = 64;
constexpr unsigned kRounds = 15;

using Pointer = std::uint64_t;  // offset of the next

volatile Pointer& word(const Mapping& memory, std::size_t offset) {
  return reinterpret_cast<volatile Pointer&>(memory.at(offset));
}

// A circle through `count` lines of `size` bytes, in an order that no prefetcher knows.
// A place on it.
Pointer make_circle(const Mapping& memory, std::size_t start, std::size_t size, std::size_t count) {
  Random random(7);
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  for (std::size_t i = count - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
  const std::size_t step = size / count / kLine * kLine;
  const auto place = [&](std::size_t i) {
    const std::size_t within = step > kLine ? (order[i] * 0x9E37U % (step / kLine)) * kLine : 0;
    return start + order[i] * step + within;
  };
  for (std::size_t i = 0; i < count; ++i) word(memory, place(i)) = place((i + 1) % count);
  return place(0);
}

double walk_circle(const Mapping& memory, Pointer& at, std::size_t loads) {
  const double began = cpu_ns();
  for (std::size_t i = 0; i < loads; ++i) at = word(memory, at);
  return cpu_ns() - began;
}

// Times of single loads along such a circle, a sample for each round.
std::vector<double> time_circle(std::size_t size, std::size_t lines, bool huge, unsigned rounds) {
  constexpr std::size_t kLoads = 100'000;
  std::vector<double> samples;
  const Mapping memory(size + kHuge);
  if (!memory.ok()) return samples;
  memory.advise(huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  Pointer at = make_circle(memory, memory.to_boundary(kHuge), size, lines);
  walk_circle(memory, at, std::min(lines, kLoads));
  for (unsigned i = 0; i < rounds; ++i) samples.push_back(walk_circle(memory, at, kLoads) / kLoads);
  return samples;
}

// Loads from memory that was never written: all of it is one page, so that it lies in the cache and
// only the translation can miss. The address waits for the value, which is 0.
double load_zeros(const Mapping& memory, std::size_t start, std::size_t span, std::size_t loads) {
  std::uint64_t x = 12'345;
  const double began = cpu_ns();
  for (std::size_t i = 0; i < loads; ++i) {
    x = x * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    x += word(memory, start + ((x >> 20) % span) / kHuge * kHuge);
  }
  return cpu_ns() - began;
}

void measure_huge_walk(Calibration& into) {
  constexpr std::size_t kSpan = std::size_t{16} << 30;  // beyond the reach of any TLB
  constexpr std::size_t kLoads = 50'000;
  const Mapping memory(kSpan + kHuge);
  if (!memory.ok()) return;
  memory.advise(MADV_HUGEPAGE);
  const std::size_t start = memory.to_boundary(kHuge);
  for (std::size_t at = 0; at < kSpan; at += kHuge) (void)memory.load(start + at);
  predict::Cost near;
  sample(near, kRounds, kLoads, [&] { return load_zeros(memory, start, 16 * kHuge, kLoads); });
  sample(into.costs.huge_walk, kRounds, kLoads, [&] {
    const double ns = load_zeros(memory, start, kSpan, kLoads);
    return std::max(ns - near.ns * kLoads, 0.0);
  });
}

}  // namespace

void measure_loads(Calibration& into) {
  predict::Costs& costs = into.costs;
  const std::vector<double> cached = time_circle(kCached, kCached / kLine, true, kRounds);
  if (!cached.empty()) costs.cache_load = cost_of(cached);
  const std::vector<double> far = time_circle(kLarge, kLarge / kLine, true, kRounds);
  if (!far.empty()) costs.memory_load = cost_of(far);
  // A line in each page, so that the lines fit in a cache and the translations do not fit in a TLB.
  // Where the frames lie matters: other frames each time.
  constexpr std::size_t kLines = kLarge / kPageSize;
  constexpr unsigned kFrames = 5, kRoundsEach = 4;
  std::vector<double> walks;
  for (unsigned i = 0; i < kFrames; ++i) {
    const std::vector<double> base = time_circle(kLarge, kLines, true, kRoundsEach);
    const std::vector<double> small = time_circle(kLarge, kLines, false, kRoundsEach);
    if (base.empty() || small.empty()) break;
    const double without = cost_of(base).ns;
    for (double ns : small) walks.push_back(std::max(ns - without, 0.0));
  }
  if (!walks.empty()) costs.walk = cost_of(walks);
  if (into.costs.huge_fault.measured) measure_huge_walk(into);
}

}  // namespace pw::tools
