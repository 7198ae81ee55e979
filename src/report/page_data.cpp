#include "report/page_data.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <utility>

#include "analysis/area_distances.hpp"
#include "analysis/heat_map.hpp"
#include "analysis/larger_pages.hpp"
#include "analysis/lru_curve.hpp"
#include "analysis/opt_curve.hpp"
#include "analysis/phases.hpp"
#include "analysis/working_set.hpp"
#include "report/json.hpp"
#include "report/page_parts.hpp"
#include "report/stack_names.hpp"

namespace pw::report {
namespace {

using analysis::DenseTrace;
using Json = nlohmann::ordered_json;

constexpr std::size_t kSizesShown = 12;  // of MemoryNeed::points
constexpr std::uint64_t kFineSizes = 4096;
constexpr std::array kDevices{kZram, kFarMemory, kNvme, kSsd, kHdd};

struct PageSize {
  const char* name;
  unsigned bits;  // a page has 2^bits small ones
};
constexpr std::array<PageSize, 3> kPageSizes{{{"4k", 0}, {"64k", 4}, {"2m", 9}}};

AreaCounters sum_of(const AreaCounters& a, const AreaCounters& b) {
  AreaCounters sum = a;
  sum.mapped_peak += b.mapped_peak;
  sum.resident_peak += b.resident_peak;
  sum.touched_pages += b.touched_pages;
  sum.faults.minor += b.faults.minor;
  sum.faults.major += b.faults.major;
  sum.faults.copy_on_write += b.faults.copy_on_write;
  sum.faults.reused += b.faults.reused;
  sum.faults.zero_page += b.faults.zero_page;
  sum.faults.anonymous += b.faults.anonymous;
  sum.faults.file_mapped += b.faults.file_mapped;
  sum.faults.swap_in += b.faults.swap_in;
  sum.faults.write_notify += b.faults.write_notify;
  return sum;
}

// The report with tables of bounded length and names of bounded length.
Report bounded(const Report& report, const PageDataOptions& options) {
  Report small;
  small.recording = report.recording;
  small.losses = report.losses;
  small.need = report.need;
  small.checked = report.checked;
  small.notes = report.notes;
  if (small.losses.size() > options.listed) small.losses.resize(options.listed);
  for (const Column& column : report.columns) {
    Column copy{column.label, column.result, {}};
    auto& areas = copy.result.areas;
    std::stable_sort(areas.begin(), areas.end(), [](const auto& a, const auto& b) {
      return a.counters.touched_pages > b.counters.touched_pages;
    });
    if (areas.size() > options.listed) {
      replay::AreaReport rest{"(smaller areas)", {}};
      for (std::size_t i = options.listed; i < areas.size(); ++i) {
        rest.counters = sum_of(rest.counters, areas[i].counters);
      }
      areas.resize(options.listed);
      areas.push_back(std::move(rest));
    }
    for (replay::AreaReport& area : areas) area.name = page_name(area.name);
    auto& processes = copy.result.processes;
    if (processes.size() > options.listed) processes.resize(options.listed);
    for (replay::ProcessReport& p : processes) p.command = page_name(p.command);
    small.columns.push_back(std::move(copy));
  }
  for (std::string& word : small.recording.command) word = page_name(word);
  if (small.recording.command.size() > 100) small.recording.command.resize(100);
  return small;
}

Json devices_json(const MachineConfig& config) {
  Json devices = Json::array();
  for (const DeviceModel& device : kDevices) {
    const std::uint64_t ns = config.costs.major_ns + device.seek_ns + device.read_ns +
                             device.per_page_ns;
    devices.push_back({{"name", device.name}, {"fault_ns", ns}});
  }
  return devices;
}

// Without --tau: see the verb workingset.
std::vector<std::uint64_t> taus_for(std::uint64_t references) {
  std::vector<std::uint64_t> taus;
  std::uint64_t tau = 1000;
  while (tau < references / 1000) tau *= 10;
  for (int i = 0; i < 3 && (tau <= references || taus.empty()); ++i, tau *= 10) {
    taus.push_back(tau);
  }
  return taus;
}

void add_working_set(PagePack& pack, const DenseTrace& trace, const PageDataOptions& options,
                     std::size_t bins) {
  analysis::WorkingSetOptions how;
  how.taus = taus_for(trace.references);
  how.points = bins;
  const analysis::WorkingSets sets = analysis::working_sets(trace, how);
  pack.meta["working_set"] = {{"taus", sets.taus}, {"exact", sets.exact()}};
  pack.add("working_set.times", std::vector<double>(sets.times.begin(), sets.times.end()));
  for (std::size_t i = 0; i < sets.taus.size(); ++i) {
    pack.add("working_set." + std::to_string(i),
             std::vector<std::uint32_t>(sets.sizes[i].begin(), sets.sizes[i].end()));
  }
  constexpr std::uint64_t kOften = 50;
  std::uint64_t window = how.taus.front();
  for (const std::uint64_t tau : how.taus) window = tau <= trace.references / kOften ? tau : window;
  std::vector<analysis::Phase> phases;
  if (trace.references / window <= analysis::kMostWindows) {
    phases = analysis::phases(trace, {window, 0.5});
  }
  Json list = Json::array();
  if (phases.size() <= options.phases) {
    for (const analysis::Phase& phase : phases) {
      list.push_back({phase.begin, phase.end, phase.pages, phase.transition ? 1 : 0});
    }
  }
  pack.meta["phases"] = {{"window", window}, {"count", phases.size()}, {"list", list}};
}

void add_heat_map(PagePack& pack, const DenseTrace& trace,
                  const std::vector<analysis::PagePlace>& places, std::size_t areas,
                  std::size_t bins, std::size_t wanted) {
  const analysis::HeatMap map = analysis::heat_map(trace, places, areas, bins, wanted);
  std::vector<std::uint32_t> pid, area, mixed, pages;
  std::vector<double> begin, end;
  for (const analysis::HeatRow& row : map.rows) {
    pid.push_back(row.pid);
    area.push_back(row.area);
    mixed.push_back(row.areas);
    pages.push_back(row.pages);
    begin.push_back(static_cast<double>(row.begin));
    end.push_back(static_cast<double>(row.end));
  }
  // Parts of 255, so that no page in use shows as none.
  std::vector<std::uint8_t> cells;
  cells.reserve(map.cells.size());
  for (std::size_t i = 0; i < map.cells.size(); ++i) {
    const std::uint64_t of = pages[i / bins];
    const std::uint64_t used = std::min<std::uint64_t>(map.cells[i], of);
    cells.push_back(static_cast<std::uint8_t>((used * 255 + of - 1) / of));
  }
  pack.add("heat.pid", pid);
  pack.add("heat.area", area);
  pack.add("heat.areas", mixed);
  pack.add("heat.pages", pages);
  pack.add("heat.begin", begin);
  pack.add("heat.end", end);
  pack.add("heat.cells", cells);
  pack.add("area.in_use", map.areas);
  pack.add("area.fresh", map.fresh);
}

// Sizes of TLBs and memories at which areas are compared: powers of two from the filter on.
std::vector<std::uint64_t> sizes_from(std::uint64_t filter_pages) {
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t size = 16; size <= (1U << 26); size *= 2) {
    if (size >= filter_pages) sizes.push_back(size);
  }
  return sizes;
}

void add_distances(PagePack& pack, const std::string& name, const DenseTrace& trace,
                   const std::vector<std::uint32_t>& area_of, std::size_t areas) {
  const std::vector<std::uint64_t> sizes = sizes_from(trace.filter_pages);
  const analysis::AreaDistances all = analysis::area_distances(trace, area_of, areas, sizes);
  pack.meta["area_sizes"] = sizes;
  pack.add(name + ".area_cold", std::vector<double>(all.cold.begin(), all.cold.end()));
  pack.add(name + ".area_beyond", std::vector<double>(all.beyond.begin(), all.beyond.end()));
}

class Maker {
 public:
  Maker(const record::Recording& recording, Report& report, const PageDataOptions& options)
      : recording_(recording), report_(report), options_(options), log_(recording) {}

  Result<std::string> make() {
    analysis::TraceDetails details;
    details.times = true;
    details.watcher = &log_;
    auto trace = analysis::dense_trace(recording_, part_of(0, 0.25), details);
    if (!trace) return tl::unexpected(trace.error());
    trace_ = std::move(*trace);
    bins_ = std::clamp<std::size_t>(trace_.references, 1, options_.bins);
    const ShownAreas areas = shown_areas(log_, options_.areas);
    for (analysis::PagePlace place : log_.places()) {
      place.area = areas.shown[place.area];
      places_.push_back(place);
      area_of_.push_back(place.area);
    }
    add_curves();
    pack_.meta["schema"] = "pagewright.page/1";
    pack_.meta["report"] = Json::parse(json(bounded(report_, options_)));
    pack_.meta["references"] = trace_.references;
    pack_.meta["bins"] = bins_;
    pack_.meta["pages"] = trace_.ids;
    pack_.meta["filter_pages"] = trace_.filter_pages;
    pack_.meta["inferred"] = trace_.inferred;
    pack_.meta["areas"] = areas.names;
    pack_.meta["devices"] = devices_json(report_.columns.front().result.config);
    pack_.meta["walk_reference_ps"] = report_.columns.front()
                                          .result.config.cpu.costs.walk_reference_ps;
    add_working_set(pack_, trace_, options_, bins_);
    add_heat_map(pack_, trace_, places_, areas.names.size(), bins_, options_.rows);
    const std::vector<std::uint32_t> stacks = add_stacks(pack_, recording_, trace_, log_, options_,
                                                         bins_);
    add_series(pack_, report_);
    add_sizes(areas.names.size(), stacks);
    if (options_.progress) options_.progress(1);
    return pack_.bytes();
  }

 private:
  std::function<void(double)> part_of(double from, double to) const {
    if (!options_.progress) return {};
    return [this, from, to](double part) { options_.progress(from + (to - from) * part); };
  }

  void add_curves() {
    const analysis::StackCurve lru = analysis::lru_curve(trace_);
    const analysis::StackCurve opt = analysis::opt_curve(trace_, part_of(0.25, 0.75));
    add_histogram(pack_, "lru", lru);
    add_histogram(pack_, "opt", opt);
    if (options_.costs) {
      report_.need = analysis::memory_need(lru, opt, trace_.filter_pages, options_.costs(lru.cold),
                                           kSizesShown);
    }
  }

  void add_sizes(std::size_t areas, const std::vector<std::uint32_t>& stacks) {
    Json sizes = Json::array();
    for (const PageSize& size : kPageSizes) {
      SampleNeeds needs{&area_of_, &stacks, bins_, options_.sample};
      sizes.push_back({{"name", size.name}, {"bytes", kPageSize << size.bits}});
      if (size.bits == 0) {
        add_sample(pack_, size.name, trace_, needs);
        add_distances(pack_, size.name, trace_, area_of_, areas);
        continue;
      }
      const analysis::LargeTrace large = analysis::with_larger_pages(trace_, places_, size.bits);
      std::vector<std::uint32_t> area_of;
      for (const analysis::PageId id : large.first_part) area_of.push_back(area_of_[id]);
      needs = {&area_of, nullptr, bins_, options_.sample / 4};
      add_sample(pack_, size.name, large.trace, needs);
      add_distances(pack_, size.name, large.trace, area_of, areas);
      add_histogram(pack_, std::string("lru.") + size.name, analysis::lru_curve(large.trace));
    }
    pack_.meta["page_sizes"] = sizes;
  }

  const record::Recording& recording_;
  Report& report_;
  const PageDataOptions& options_;
  analysis::PageLog log_;
  DenseTrace trace_;
  std::vector<analysis::PagePlace> places_;  // with areas as the page knows them
  std::vector<std::uint32_t> area_of_;
  std::size_t bins_ = 1;
  PagePack pack_;
};

}  // namespace

ShownAreas shown_areas(const analysis::PageLog& log, std::size_t most) {
  std::vector<std::uint64_t> pages(log.areas().size());
  for (const analysis::PagePlace& place : log.places()) ++pages[place.area];
  std::vector<std::uint32_t> order(pages.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return pages[a] > pages[b]; });
  ShownAreas areas;
  areas.shown.assign(pages.size(), 0);
  for (const std::uint32_t area : order) {
    const bool own = areas.names.size() < most && pages[area] > 0;
    areas.shown[area] = static_cast<std::uint32_t>(own ? areas.names.size() : most);
    if (own) areas.names.push_back(page_name(log.areas()[area]));
  }
  const auto rest = static_cast<std::uint32_t>(areas.names.size());
  for (std::uint32_t& shown : areas.shown) shown = std::min(shown, rest);
  areas.names.emplace_back("(smaller areas)");
  return areas;
}

void add_histogram(PagePack& pack, const std::string& name, const analysis::StackCurve& curve) {
  std::vector<std::uint32_t> distances;
  std::vector<double> counts;
  for (std::size_t d = 0; d < curve.by_distance.size(); ++d) {
    if (curve.by_distance[d] == 0) continue;
    // Rounded up: the faults told are never fewer than there are.
    const std::uint64_t step = std::max<std::uint64_t>(1, std::bit_floor(d) / (kFineSizes / 2));
    const std::uint64_t rounded = (d + step - 1) / step * step;
    if (distances.empty() || distances.back() != rounded) {
      distances.push_back(static_cast<std::uint32_t>(rounded));
      counts.push_back(0);
    }
    counts.back() += static_cast<double>(curve.by_distance[d]);
  }
  pack.meta["curves"][name] = {{"cold", curve.cold}, {"known_from", curve.known_from}};
  pack.add(name + ".distance", distances);
  pack.add(name + ".count", counts);
}

void add_series(PagePack& pack, const Report& report) {
  Json machines = Json::array();
  for (std::size_t i = 0; i < report.columns.size(); ++i) {
    const replay::CounterSeries& series = report.columns[i].series;
    const std::string prefix = "series." + std::to_string(i) + '.';
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
    machines.push_back(report.columns[i].label);
  }
  pack.meta["series"] = machines;
}

Result<std::string> page_data(const record::Recording& recording, Report& report,
                              const PageDataOptions& options) {
  return Maker(recording, report, options).make();
}

}  // namespace pw::report
