#include <algorithm>
#include <numeric>

#include "report/json.hpp"
#include "report/page_parts.hpp"

namespace pw::report {
namespace {

void add_drawn(PagePack& pack, const std::string& prefix, const replay::CounterSeries& series) {
  const auto add = [&](const char* name, const auto& of, bool difference) {
    std::vector<double> values;
    double before = 0;
    for (std::size_t point = 0; point < series.counters.size(); ++point) {
      const auto now = static_cast<double>(of(series.counters[point], series.tlb[point]));
      values.push_back(difference ? now - before : now);
      before = now;
    }
    pack.add(prefix + name, values);
  };
  using C = const MachineCounters&;
  using T = const sim::TlbCounters&;
  add(
      "anonymous", [](C c, T) { return c.faults.anonymous; }, true);
  add(
      "zero_page", [](C c, T) { return c.faults.zero_page; }, true);
  add(
      "file_mapped", [](C c, T) { return c.faults.file_mapped; }, true);
  add(
      "copy_on_write", [](C c, T) { return c.faults.copy_on_write; }, true);
  add(
      "write_notify", [](C c, T) { return c.faults.write_notify; }, true);
  add(
      "swap_in", [](C c, T) { return c.faults.swap_in; }, true);
  add(
      "minor", [](C c, T) { return c.faults.minor; }, true);
  add(
      "major", [](C c, T) { return c.faults.major; }, true);
  add(
      "swapped_out", [](C c, T) { return c.reclaim.pswpout; }, true);
  add(
      "resident", [](C c, T) { return c.resident_pages; }, false);
  add(
      "tables", [](C c, T) { return c.table_pages; }, false);
  add(
      "walks", [](C, T t) { return t.walks; }, true);
  add(
      "l2_hits", [](C, T t) { return t.l2_hits; }, true);
}

void add_counters(PagePack& pack, const std::string& prefix, const replay::CounterSeries& series) {
  const std::size_t points = series.counters.size();
  if (points == 0) return;
  const auto at = [&](std::size_t point) {
    return growing_counters(series.counters[point], series.tlb[point]);
  };
  const auto last = at(points - 1);
  std::vector<std::vector<double>> added(last.size(), std::vector<double>(points));
  std::vector<std::uint64_t> before(last.size());
  for (std::size_t point = 0; point < points; ++point) {
    const auto now = at(point);
    for (std::size_t i = 0; i < now.size(); ++i) {
      added[i][point] = static_cast<double>(now[i].second) - static_cast<double>(before[i]);
      before[i] = now[i].second;
    }
  }
  for (std::size_t i = 0; i < last.size(); ++i) {
    if (last[i].second != 0) pack.add(prefix + last[i].first, added[i]);
  }
}

void add_changes(PagePack& pack, const std::string& prefix, const Column& column,
                 std::size_t listed) {
  if (!column.series.areas_known) return;
  std::vector<std::uint32_t> row(column.result.areas.size());
  std::uint32_t next = 0;
  for (const std::uint32_t area : order_of_areas(column.result.areas)) {
    row[area] = std::min(next++, static_cast<std::uint32_t>(listed));
  }
  std::vector<std::uint32_t> bin, area, touched, minor, major, copied, reused;
  for (const replay::AreaChange& change : column.series.areas) {
    bin.push_back(change.point);
    area.push_back(row[change.area]);
    touched.push_back(static_cast<std::uint32_t>(change.touched));
    minor.push_back(static_cast<std::uint32_t>(change.minor));
    major.push_back(static_cast<std::uint32_t>(change.major));
    copied.push_back(static_cast<std::uint32_t>(change.copy_on_write));
    reused.push_back(static_cast<std::uint32_t>(change.reused));
  }
  pack.add(prefix + "bin", bin);
  pack.add(prefix + "area", area);
  pack.add(prefix + "touched", touched);
  pack.add(prefix + "minor", minor);
  pack.add(prefix + "major", major);
  pack.add(prefix + "copy_on_write", copied);
  pack.add(prefix + "reused", reused);
}

}  // namespace

std::vector<std::uint32_t> order_of_areas(const std::vector<replay::AreaReport>& areas) {
  std::vector<std::uint32_t> order(areas.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return areas[a].counters.touched_pages > areas[b].counters.touched_pages;
  });
  return order;
}

void add_series(PagePack& pack, const Report& report, std::size_t listed) {
  nlohmann::ordered_json machines = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < report.columns.size(); ++i) {
    const Column& column = report.columns[i];
    const std::string number = std::to_string(i) + '.';
    add_drawn(pack, "series." + number, column.series);
    add_counters(pack, "counters." + number, column.series);
    add_changes(pack, "changes." + number, column, listed);
    machines.push_back(column.label);
  }
  pack.meta["series"] = machines;
}

}  // namespace pw::report
