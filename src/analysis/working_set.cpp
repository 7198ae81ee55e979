#include "analysis/working_set.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.hpp"

namespace pw::analysis {
namespace {

// Takes the times at which pages are present, in the order of their ends, and counts.
class Counter {
 public:
  Counter(std::uint64_t references, const WorkingSetOptions& options)
      : options_(options), times_(references), samples_(samples_of(references, options.points)) {
    result_.references = references;
    result_.taus = options.taus;
    for (const std::uint64_t tau : options.taus) PW_CHECK(tau > 0);
    changes_.assign(options.taus.size(), std::vector<std::int64_t>(samples_ + 1));
    if (options.area_of_page != nullptr) {
      by_area_.assign(options.area_names->size(), std::vector<std::uint64_t>(options.taus.size()));
      area_pages_.assign(options.area_names->size(), 0);
    }
  }

  void first(PageId page) {
    ++result_.first;
    if (!area_pages_.empty()) ++area_pages_[area(page)];
  }

  // Present for every tau at the times [from, to).
  void in_use(PageId page, std::uint64_t from, std::uint64_t to) {
    if (from >= to) return;
    result_.in_use += to - from;
    const std::size_t begin = sample_from(from);
    const std::size_t end = sample_from(to);
    for (std::size_t i = 0; i < options_.taus.size(); ++i) {
      ++changes_[i][begin];
      --changes_[i][end];
      if (!by_area_.empty()) by_area_[area(page)][i] += to - from;
    }
  }

  // Referenced at `from`, and then not before `to`: present at [from, min(from + tau, to)).
  void interval(PageId page, std::uint64_t from, std::uint64_t to, bool returns) {
    if (options_.lengths) (returns ? result_.returns : result_.ends).add(to - from);
    if (!by_area_.empty()) {
      std::vector<std::uint64_t>& sums = by_area_[area(page)];
      for (std::size_t i = 0; i < sums.size(); ++i) {
        sums[i] += std::min(options_.taus[i], to - from);
      }
    }
    // Most intervals lie between two times that are looked at.
    while (next_sample_ < to && next_index_ < samples_) {
      last_sample_ = next_sample_;
      next_sample_ = time_of(++next_index_);
    }
    if (from > last_sample_) return;
    const std::size_t begin = sample_from(from);
    for (std::size_t i = 0; i < options_.taus.size(); ++i) {
      ++changes_[i][begin];
      --changes_[i][sample_from(std::min(from + options_.taus[i], to))];
    }
  }

  WorkingSets finish(std::uint32_t filter_pages) {
    result_.filter_pages = filter_pages;
    result_.returns.seal();
    result_.ends.seal();
    for (std::size_t i = 0; i < samples_; ++i) result_.times.push_back(time_of(i));
    for (std::vector<std::int64_t>& changes : changes_) {
      std::partial_sum(changes.begin(), changes.end(), changes.begin());
      changes.pop_back();
      result_.sizes.emplace_back(changes.begin(), changes.end());
    }
    for (std::size_t i = 0; i < area_pages_.size(); ++i) {
      if (area_pages_[i] == 0) continue;
      AreaWorkingSet row = {(*options_.area_names)[i], area_pages_[i], {}};
      for (const std::uint64_t sum : by_area_[i]) {
        row.averages.push_back(static_cast<double>(sum) / static_cast<double>(times_));
      }
      result_.areas.push_back(std::move(row));
    }
    std::stable_sort(result_.areas.begin(), result_.areas.end(), [](const auto& a, const auto& b) {
      const double left = a.averages.empty() ? 0 : a.averages.back();
      const double right = b.averages.empty() ? 0 : b.averages.back();
      return std::pair(left, a.pages) > std::pair(right, b.pages);
    });
    return std::move(result_);
  }

 private:
  // As many as asked for, and so few that times multiplied by them fit 64 bits.
  static std::size_t samples_of(std::uint64_t references, std::size_t points) {
    const std::uint64_t most = ~std::uint64_t{0} / 2 / (references + 1);
    return static_cast<std::size_t>(std::min({references, std::uint64_t{points}, most}));
  }
  // Times are floor((i + 1) T / n) for i = 0 .. n-1.
  std::uint64_t time_of(std::size_t index) const { return (index + 1) * times_ / samples_; }
  // The first index whose time is `time` or later; n if there is none.
  std::size_t sample_from(std::uint64_t time) const {
    if (time == 0) return 0;
    if (time > times_) return samples_;
    // floor((i + 1) T / n) >= time  <=>  i + 1 >= time n / T
    return static_cast<std::size_t>((time * samples_ + times_ - 1) / times_) - 1;
  }
  std::uint32_t area(PageId page) const {
    const std::vector<std::uint32_t>& areas = *options_.area_of_page;
    return page < areas.size() ? areas[page] : 0;
  }

  const WorkingSetOptions& options_;
  std::uint64_t times_;
  std::size_t samples_;
  WorkingSets result_;
  std::vector<std::vector<std::int64_t>> changes_;   // by tau, by time
  std::vector<std::vector<std::uint64_t>> by_area_;  // by area, by tau: sums over time
  std::vector<std::uint64_t> area_pages_;
  std::size_t next_index_ = 0;
  std::uint64_t last_sample_ = 0;  // the last time looked at before the present
  std::uint64_t next_sample_ = samples_ == 0 ? 0 : time_of(0);
};

}  // namespace

void LengthCounts::seal() {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> counts;
  for (std::uint64_t length = 0; length < dense_.size(); ++length) {
    if (dense_[length] != 0) counts.emplace_back(length, dense_[length]);
  }
  const auto sparse = static_cast<std::ptrdiff_t>(counts.size());
  counts.insert(counts.end(), sparse_.begin(), sparse_.end());
  std::sort(counts.begin() + sparse, counts.end());
  dense_ = {};
  sparse_ = {};
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  rows_.reserve(counts.size() + 1);
  for (const auto& [length, times] : counts) {
    rows_.push_back({length, count, sum});
    count += times;
    sum += length * times;
  }
  rows_.push_back({~std::uint64_t{0}, count, sum});
}

LengthCounts::Row LengthCounts::row_after(std::uint64_t length) const {
  const auto at = std::upper_bound(rows_.begin(), rows_.end(), length,
                                   [](std::uint64_t l, const Row& row) { return l < row.length; });
  return at == rows_.end() ? rows_.back() : *at;
}

std::uint64_t LengthCounts::beyond(std::uint64_t length) const {
  return rows_.back().count_below - row_after(length).count_below;
}

std::uint64_t LengthCounts::sum_up_to(std::uint64_t most) const {
  return row_after(most).sum_below + most * beyond(most);
}

double WorkingSets::average(std::uint64_t tau) const {
  const std::uint64_t sum = in_use + returns.sum_up_to(tau) + ends.sum_up_to(tau);
  return references == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(references);
}

std::uint64_t WorkingSets::faults(std::uint64_t tau) const { return first + returns.beyond(tau); }

std::uint64_t WorkingSets::largest(std::size_t tau_index) const {
  const std::vector<std::uint64_t>& of_tau = sizes[tau_index];
  return of_tau.empty() ? 0 : *std::max_element(of_tau.begin(), of_tau.end());
}

WorkingSets working_sets(const PageTrace& trace, const WorkingSetOptions& options) {
  Counter counter(trace.references(), options);
  std::vector<std::uint32_t> last(trace.ids, 0);  // time of the last reference; 0: none
  PW_CHECK(trace.references() < 0xFFFF'FFFFU);
  std::uint32_t time = 0;
  for (const PageId page : trace.pages) {
    ++time;
    if (last[page] == 0) {
      counter.first(page);
    } else {
      counter.interval(page, last[page], time, true);
    }
    last[page] = time;
  }
  for (PageId page = 0; page < trace.ids; ++page) {
    if (last[page] != 0) counter.interval(page, last[page], std::uint64_t{time} + 1, false);
  }
  return counter.finish(0);
}

WorkingSets working_sets(const DenseTrace& trace, const WorkingSetOptions& options) {
  PW_CHECK(trace.times.size() == trace.ops.size());
  Counter counter(trace.references, options);
  struct Page {
    std::uint64_t since = 0;  // in use from then; else the time of its last reference; 0: none
    bool in_use = false;
  };
  std::vector<Page> pages(trace.ids);
  const auto end = [&](PageId id, std::uint64_t time) {
    Page& page = pages[id];
    if (page.since == 0) return;
    if (page.in_use) {
      counter.in_use(id, page.since, time);
    } else if (page.since < time) {
      counter.interval(id, page.since, time, false);
    }
    page = Page();
  };
  for (std::size_t i = 0; i < trace.ops.size(); ++i) {
    const PageId id = trace.ops[i].id();
    const std::uint64_t time = trace.times[i];
    Page& page = pages[id];
    switch (trace.ops[i].kind()) {
      case OpKind::Use:
        if (page.in_use) break;
        if (page.since == 0) {
          counter.first(id);
        } else {
          counter.interval(id, page.since, time, true);
        }
        page = {time, true};
        break;
      case OpKind::Rest:
        if (!page.in_use) break;
        counter.in_use(id, page.since, time);
        page = {time, false};
        break;
      case OpKind::Drop:
        end(id, time + 1);
        break;
    }
  }
  for (PageId id = 0; id < trace.ids; ++id) end(id, trace.references + 1);
  return counter.finish(trace.filter_pages);
}

}  // namespace pw::analysis
