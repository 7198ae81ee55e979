// The machine's counters over time: as they stood at the end of each of `points` equal stretches of
// the recording's references, and what each stretch added to the areas. Where two streams run at
// once, references are counted in the order of Recording::chunks().
//
// The series belongs to whoever asked for it; its taker to the Replayer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/counters.hpp"
#include "machine/machine.hpp"
#include "ports/sim/counters.hpp"

namespace pw::replay {

// What a stretch added to an area. Sums over all stretches are the area's counters.
struct AreaChange {
  std::uint32_t point = 0;
  std::uint32_t area = 0;     // of ReplayResult::areas
  std::uint64_t touched = 0;  // pages
  std::uint64_t minor = 0, major = 0, copy_on_write = 0, reused = 0;
};

struct CounterSeries {
  std::size_t points = 0;
  std::vector<MachineCounters> counters;  // by point
  std::vector<sim::TlbCounters> tlb;
  std::vector<AreaChange> areas;  // by point, then area; only changes
  bool areas_known = true;        // false: there were more than kMostAreas, `areas` is empty

  static constexpr std::size_t kMostAreas = 4096;
};

class SeriesTaker {
 public:
  // `series` may be null: then nothing is ever due.
  explicit SeriesTaker(CounterSeries* series) : series_(series) {}
  bool wanted() const { return series_ != nullptr; }

  void begin(std::uint64_t references);  // of the whole recording
  bool due(std::uint64_t reference) const { return wanted() && reference > next_; }
  // Takes the points before `reference`. `touched`: pages by label, so far.
  void take(std::uint64_t reference, Machine& machine, const std::vector<std::uint64_t>& touched);
  // `number`: by label, that of its area, or kNoArea.
  static constexpr std::uint32_t kNoArea = ~std::uint32_t{0};
  void end(const std::vector<std::uint32_t>& number);

 private:
  void take_areas(const Machine& machine, const std::vector<std::uint64_t>& touched);

  CounterSeries* series_;
  std::uint64_t references_ = 0;
  std::uint64_t next_ = 0;        // reference at which the next point is due
  std::vector<AreaChange> last_;  // by label: sums up to the last point
};

}  // namespace pw::replay
