#include "report/page_data.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <future>
#include <numeric>
#include <utility>

#include "analysis/area_distances.hpp"
#include "analysis/heat_map.hpp"
#include "analysis/larger_pages.hpp"
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
constexpr std::uint64_t kLargestTlb = 65'536;  // that the page lets choose
constexpr std::size_t kAreasOverTime = 15;
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
    areas.clear();
    for (const std::uint32_t area : order_of_areas(column.result.areas)) {
      areas.push_back(column.result.areas[area]);
    }
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
  how.lengths = false;
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

// The areas with most references that a TLB may miss.
std::vector<std::uint32_t> busiest(const analysis::AreaDistances& found, std::size_t most) {
  std::vector<std::uint32_t> order(found.cold.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto misses = [&](std::uint32_t area) {
    return found.cold[area] + (found.sizes.empty() ? 0 : found.beyond[area * found.sizes.size()]);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return misses(a) > misses(b); });
  order.resize(std::min(order.size(), most));
  return order;
}

// What TLBs miss in each bin: of the areas `shown`, and in a last row of all others.
std::vector<std::uint32_t> misses_of(const analysis::AreaDistances& found,
                                     const std::vector<std::uint32_t>& shown) {
  const std::size_t areas = found.cold.size();
  const std::size_t each = found.over_time.size() / areas;
  std::vector<std::uint32_t> misses((shown.size() + 1) * each);
  for (std::uint32_t area = 0; area < areas; ++area) {
    const auto row = static_cast<std::size_t>(std::find(shown.begin(), shown.end(), area) -
                                              shown.begin());
    for (std::size_t at = 0; at < each; ++at) {
      misses[row * each + at] += found.over_time[area * each + at];
    }
  }
  return misses;
}

Json fork_sites(const record::Recording& recording, const std::vector<replay::ForkSite>& sites,
                std::size_t most) {
  Json all = Json::array();
  for (std::size_t i = 0; i < std::min(most, sites.size()); ++i) {
    all.push_back({{"frames", stack_names(recording, sites[i].stack)},
                   {"copied", sites[i].copied},
                   {"reused", sites[i].reused}});
  }
  return all;
}

}  // namespace

struct PageMaker::State {
  State(const record::Recording& recording, const PageDataOptions& options)
      : recording_(recording), options_(options), log_(recording) {}

  Result<void> analyze() {
    analysis::TraceDetails details;
    details.times = true;
    details.watcher = &log_;
    auto trace = analysis::dense_trace(recording_, part_of(0, 0.3), details);
    if (!trace) return tl::unexpected(trace.error());
    trace_ = std::move(*trace);
    bins_ = std::clamp<std::size_t>(trace_.references, 1, options_.bins);
    // OPT takes about as long as all that follows.
    std::future<analysis::StackCurve> opt = std::async(
        std::launch::async, [this] { return analysis::opt_curve(trace_, part_of(0.3, 1)); });
    const ShownAreas areas = shown_areas(log_, options_.areas);
    for (analysis::PagePlace place : log_.places()) {
      place.area = areas.shown[place.area];
      places_.push_back(place);
      area_of_.push_back(place.area);
    }
    pack_.meta["schema"] = "pagewright.page/1";
    pack_.meta["references"] = trace_.references;
    pack_.meta["bins"] = bins_;
    pack_.meta["pages"] = trace_.ids;
    pack_.meta["filter_pages"] = trace_.filter_pages;
    pack_.meta["inferred"] = trace_.inferred;
    pack_.meta["areas"] = areas.names;
    add_working_set(pack_, trace_, options_, bins_);
    add_heat_map(pack_, trace_, places_, areas.names.size(), bins_, options_.rows);
    const std::vector<std::uint32_t> stacks = add_stacks(pack_, recording_, trace_, log_, options_,
                                                         bins_);
    add_sizes(areas.names.size(), stacks);
    opt_ = opt.get();
    add_histogram(pack_, "lru", lru_);
    add_histogram(pack_, "opt", opt_);
    return {};
  }

  std::string finish(Report& report, const NeedCostsOf& costs) {
    if (costs) {
      report.need = analysis::memory_need(lru_, opt_, trace_.filter_pages, costs(lru_.cold),
                                          kSizesShown);
    }
    const MachineConfig& machine = report.columns.front().result.config;
    pack_.meta["report"] = Json::parse(json(bounded(report, options_)));
    pack_.meta["devices"] = devices_json(machine);
    pack_.meta["walk_reference_ps"] = machine.cpu.costs.walk_reference_ps;
    add_series(pack_, report, options_.listed);
    pack_.meta["fork_sites"] = fork_sites(recording_, report.columns.front().forks,
                                          options_.listed);
    if (options_.progress) options_.progress(1);
    return pack_.bytes();
  }

  std::function<void(double)> part_of(double from, double to) const {
    if (!options_.progress) return {};
    return [this, from, to](double part) { options_.progress(from + (to - from) * part); };
  }

  void add_sizes(std::size_t areas, const std::vector<std::uint32_t>& stacks) {
    Json sizes = Json::array();
    for (const PageSize& size : kPageSizes) {
      SampleNeeds needs{&area_of_, &stacks, bins_, options_.sample};
      sizes.push_back({{"name", size.name}, {"bytes", kPageSize << size.bits}});
      if (size.bits == 0) {
        add_sample(pack_, size.name, trace_, needs);
        lru_ = add_distances(size.name, trace_, area_of_, areas);
        continue;
      }
      const analysis::LargeTrace large = analysis::with_larger_pages(trace_, places_, size.bits);
      std::vector<std::uint32_t> area_of;
      for (const analysis::PageId id : large.first_part) area_of.push_back(area_of_[id]);
      needs = {&area_of, nullptr, bins_, options_.sample / 4};
      add_sample(pack_, size.name, large.trace, needs);
      add_histogram(pack_, std::string("lru.") + size.name,
                    add_distances(size.name, large.trace, area_of, areas));
    }
    pack_.meta["page_sizes"] = sizes;
    pack_.add("misses_area", shown_misses_);
  }

  // By area; returns the curve of all of them.
  analysis::StackCurve add_distances(const std::string& name, const DenseTrace& trace,
                                     const std::vector<std::uint32_t>& area_of, std::size_t areas) {
    const std::vector<std::uint64_t> sizes = sizes_from(trace.filter_pages);
    analysis::AreaDistances found = analysis::area_distances(trace, area_of, areas, sizes,
                                                             {bins_, kLargestTlb});
    if (shown_misses_.empty()) shown_misses_ = busiest(found, kAreasOverTime);
    pack_.meta["area_sizes"] = sizes;
    pack_.add(name + ".area_cold", std::vector<double>(found.cold.begin(), found.cold.end()));
    pack_.add(name + ".area_beyond", std::vector<double>(found.beyond.begin(), found.beyond.end()));
    pack_.add(name + ".misses", misses_of(found, shown_misses_));
    return std::move(found.all);
  }

  const record::Recording& recording_;
  const PageDataOptions options_;
  analysis::PageLog log_;
  DenseTrace trace_;
  std::vector<analysis::PagePlace> places_;  // with areas as the page knows them
  std::vector<std::uint32_t> area_of_;
  std::size_t bins_ = 1;
  std::vector<std::uint32_t> shown_misses_;  // areas whose misses are told over time
  analysis::StackCurve lru_, opt_;
  PagePack pack_;
};

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

PageMaker::PageMaker(const record::Recording& recording, const PageDataOptions& options)
    : state_(std::make_unique<State>(recording, options)) {}
PageMaker::~PageMaker() = default;
Result<void> PageMaker::analyze() { return state_->analyze(); }
std::string PageMaker::finish(Report& report, const NeedCostsOf& costs) {
  return state_->finish(report, costs);
}

Result<std::string> page_data(const record::Recording& recording, Report& report,
                              const PageDataOptions& options) {
  PageMaker maker(recording, options);
  PW_TRY(maker.analyze());
  return maker.finish(report, options.costs);
}

}  // namespace pw::report
