#include "analysis/heat_map.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "base/check.hpp"

namespace pw::analysis {
namespace {

// Pages by their address, each address once, cut into rows. row_of: by page id.
class Rows {
 public:
  Rows(const std::vector<PagePlace>& places, std::size_t wanted)
      : places_(places), row_of_(places.size()) {
    order_.resize(places.size());
    std::iota(order_.begin(), order_.end(), PageId{0});
    std::stable_sort(order_.begin(), order_.end(),
                     [&](PageId a, PageId b) { return key(a) < key(b); });
    quota_ = std::max<std::size_t>(1,
                                   (order_.size() + wanted - 1) / std::max<std::size_t>(wanted, 1));
    for (std::size_t begin = 0; begin < order_.size();) {
      std::size_t end = begin;
      while (end < order_.size() && same_area(order_[begin], order_[end])) ++end;
      add_run(begin, end);
      begin = end;
    }
  }

  std::vector<HeatRow> rows;
  const std::vector<std::uint32_t>& row_of() const { return row_of_; }

 private:
  std::tuple<std::uint32_t, std::uint64_t> key(PageId id) const {
    return {places_[id].pid, places_[id].page};
  }
  bool same_area(PageId a, PageId b) const {
    return places_[a].pid == places_[b].pid && places_[a].area == places_[b].area;
  }
  // Pages of one area that follow each other. Short runs share a row.
  void add_run(std::size_t begin, std::size_t end) {
    const std::size_t length = end - begin;
    const bool small = 4 * length < quota_;
    const bool joins = small && last_is_small_ && !rows.empty() &&
                       rows.back().pages + length <= quota_ &&
                       rows.back().pid == places_[order_[begin]].pid;
    const std::size_t parts = (length + quota_ - 1) / quota_;
    for (std::size_t part = 0; part < parts; ++part) {
      if (!joins) rows.push_back({});
      fill(begin + length * part / parts, begin + length * (part + 1) / parts, !joins);
    }
    last_is_small_ = small;
  }
  void fill(std::size_t begin, std::size_t end, bool fresh) {
    HeatRow& row = rows.back();
    const PagePlace& first = places_[order_[begin]];
    if (fresh) {
      row.pid = first.pid;
      row.area = first.area;
      row.begin = first.page;
    } else {
      ++row.areas;
    }
    row.end = places_[order_[end - 1]].page + 1;
    for (std::size_t i = begin; i < end; ++i) {
      row_of_[order_[i]] = static_cast<std::uint32_t>(rows.size() - 1);
    }
    row.pages += static_cast<std::uint32_t>(end - begin);
  }

  const std::vector<PagePlace>& places_;
  std::vector<PageId> order_;
  std::vector<std::uint32_t> row_of_;
  std::size_t quota_ = 1;
  bool last_is_small_ = false;
};

// Counts of things that begin in one bin and end in another, by line.
class Spans {
 public:
  Spans(std::size_t lines, std::size_t bins) : bins_(bins), changes_(lines * (bins + 1)) {}

  void add(std::size_t line, std::size_t first, std::size_t last) {
    ++changes_[line * (bins_ + 1) + first];
    --changes_[line * (bins_ + 1) + last + 1];
  }
  std::vector<std::uint32_t> counts() const {
    std::vector<std::uint32_t> all;
    all.reserve(changes_.size());
    const std::size_t lines = changes_.size() / (bins_ + 1);
    for (std::size_t line = 0; line < lines; ++line) {
      std::int64_t now = 0;
      for (std::size_t bin = 0; bin < bins_; ++bin) {
        now += changes_[line * (bins_ + 1) + bin];
        all.push_back(static_cast<std::uint32_t>(now));
      }
    }
    return all;
  }

 private:
  std::size_t bins_;
  std::vector<std::int64_t> changes_;
};

constexpr std::uint32_t kNever = 0xFFFF'FFFFU;

}  // namespace

HeatMap heat_map(const DenseTrace& trace, const std::vector<PagePlace>& places, std::size_t areas,
                 std::size_t bins, std::size_t rows) {
  PW_CHECK(bins > 0 && trace.times.size() == trace.ops.size() && places.size() >= trace.ids);
  HeatMap map;
  map.bins = bins;
  Rows cut(places, rows);
  map.rows = std::move(cut.rows);
  map.fresh.resize(areas * bins);
  Spans by_row(map.rows.size(), bins);
  Spans by_area(areas, bins);
  std::vector<std::uint32_t> since(trace.ids, kNever);    // bin of the Use; not in use: kNever
  std::vector<std::uint32_t> counted(trace.ids, kNever);  // last bin that is counted
  const auto rests = [&](PageId id, std::size_t bin) {
    std::size_t first = since[id];
    if (counted[id] != kNever) first = std::max<std::size_t>(first, counted[id] + std::size_t{1});
    if (first <= bin) {
      by_row.add(cut.row_of()[id], first, bin);
      by_area.add(places[id].area, first, bin);
    }
    counted[id] = static_cast<std::uint32_t>(bin);
    since[id] = kNever;
  };
  BinWalk walk(trace.references, bins);
  for (std::size_t i = 0; i < trace.ops.size(); ++i) {
    const PageId id = trace.ops[i].id();
    const std::size_t bin = walk.at(trace.times[i]);
    if (trace.ops[i].kind() == OpKind::Use) {
      if (counted[id] == kNever) ++map.fresh[places[id].area * bins + bin];
      since[id] = static_cast<std::uint32_t>(bin);
    } else if (trace.ops[i].kind() == OpKind::Rest && since[id] != kNever) {
      rests(id, bin);
    }
  }
  for (PageId id = 0; id < trace.ids; ++id) {
    if (since[id] != kNever) rests(id, bins - 1);
  }
  map.cells = by_row.counts();
  map.areas = by_area.counts();
  return map;
}

}  // namespace pw::analysis
