#include "replay/counter_series.hpp"

#include <algorithm>

namespace pw::replay {

void SeriesTaker::begin(std::uint64_t references) {
  if (series_ == nullptr) return;
  series_->counters.clear();
  series_->tlb.clear();
  series_->areas.clear();
  series_->areas_known = true;
  references_ = references;
  next_ = references / std::max<std::size_t>(series_->points, 1);
}

void SeriesTaker::take(std::uint64_t reference, Machine& machine,
                       const std::vector<std::uint64_t>& touched) {
  if (series_ == nullptr) return;
  const std::size_t points = series_->points;
  while (series_->counters.size() < points && next_ < reference) {
    take_areas(machine, touched);
    series_->counters.push_back(machine.counters());
    series_->tlb.push_back(machine.tlb_counters());
    const std::uint64_t point = series_->counters.size() + 1;
    next_ = point * (references_ / points) + point * (references_ % points) / points;
  }
}

void SeriesTaker::take_areas(const Machine& machine, const std::vector<std::uint64_t>& touched) {
  const std::vector<AreaCounters>& areas = machine.area_counters();
  if (areas.size() > CounterSeries::kMostAreas) series_->areas_known = false;
  if (!series_->areas_known) return series_->areas.clear();
  last_.resize(areas.size());
  const auto point = static_cast<std::uint32_t>(series_->counters.size());
  for (std::uint32_t label = 0; label < areas.size(); ++label) {
    const FaultCounters& now = areas[label].faults;
    AreaChange& last = last_[label];
    const std::uint64_t pages = areas[label].touched_pages +
                                (label < touched.size() ? touched[label] : 0);
    const AreaChange change{point,
                            label,
                            pages - std::min(pages, last.touched),
                            now.minor - last.minor,
                            now.major - last.major,
                            now.copy_on_write - last.copy_on_write,
                            now.reused - last.reused};
    if ((change.touched | change.minor | change.major | change.copy_on_write | change.reused) ==
        0) {
      continue;
    }
    series_->areas.push_back(change);
    last = {point, label, pages, now.minor, now.major, now.copy_on_write, now.reused};
  }
}

void SeriesTaker::end(const std::vector<std::uint32_t>& number) {
  if (series_ == nullptr) return;
  std::erase_if(series_->areas, [&](const AreaChange& c) { return number[c.area] == kNoArea; });
  for (AreaChange& change : series_->areas) change.area = number[change.area];
}

}  // namespace pw::replay
