#include "analysis/phases.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace pw::analysis {
namespace {

// The sets of pages, window after window: their sizes, and how many of each were in the one before.
class Windows {
 public:
  struct Set {
    std::uint64_t pages = 0;
    std::uint64_t shared = 0;  // with the window before
  };

  Windows(std::uint32_t ids, std::uint64_t window, std::uint64_t references)
      : window_(window), whole_(references / window), member_(ids, 0) {}

  // Reference number `time` (from 1) and later ones follow.
  void advance(std::uint64_t time) {
    while (sets_.size() < whole_ && time > (sets_.size() + 1) * window_) {
      sets_.push_back(now_);
      now_ = {in_use_, in_use_};  // these were there to the end of the window before
    }
  }
  void use(PageId page) {
    const std::uint64_t number = sets_.size() + 1;
    if (member_[page] == number) return;
    ++now_.pages;
    if (member_[page] + 1 == number && member_[page] != 0) ++now_.shared;
    member_[page] = number;
  }
  void begin_use(PageId page) {
    use(page);
    ++in_use_;
  }
  void end_use(PageId page) {
    --in_use_;
    member_[page] = sets_.size() + 1;
  }
  // The whole windows.
  std::vector<Set> finish() {
    advance(~std::uint64_t{0});
    return std::move(sets_);
  }

 private:
  std::uint64_t window_;
  std::uint64_t whole_;                // windows
  std::vector<std::uint64_t> member_;  // by page: number of the last window it was in, from 1
  std::vector<Set> sets_;
  Set now_;
  std::uint64_t in_use_ = 0;
};

double distance(const Windows::Set& before, const Windows::Set& after) {
  const std::uint64_t both = before.pages + after.pages - after.shared;
  return both == 0 ? 0 : 1 - static_cast<double>(after.shared) / static_cast<double>(both);
}

std::vector<Phase> phases_of(const std::vector<Windows::Set>& sets, const PhaseOptions& options,
                             std::uint64_t references) {
  std::vector<Phase> found;
  std::vector<double> pages;  // by phase, summed over its windows
  for (std::size_t begin = 0; begin < sets.size();) {
    std::size_t end = begin + 1;
    while (end < sets.size() && distance(sets[end - 1], sets[end]) <= options.limit) ++end;
    const bool transition = end - begin == 1;
    if (!transition || found.empty() || !found.back().transition) {
      found.push_back({begin * options.window, 0, 0, transition});
      pages.push_back(0);
    }
    found.back().end = end * options.window;
    for (std::size_t i = begin; i < end; ++i) pages.back() += static_cast<double>(sets[i].pages);
    begin = end;
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::uint64_t windows = (found[i].end - found[i].begin) / options.window;
    found[i].pages = pages[i] / static_cast<double>(windows);
  }
  if (!found.empty()) found.back().end = references;
  return found;
}

bool few_enough(std::uint64_t references, const PhaseOptions& options) {
  PW_CHECK(options.window > 0);
  return references / options.window <= kMostWindows;
}

}  // namespace

std::vector<Phase> phases(const PageTrace& trace, const PhaseOptions& options) {
  if (!few_enough(trace.references(), options)) return {};
  Windows windows(trace.ids, options.window, trace.references());
  std::uint64_t time = 0;
  for (const PageId page : trace.pages) {
    windows.advance(++time);
    windows.use(page);
  }
  return phases_of(windows.finish(), options, time);
}

std::vector<Phase> phases(const DenseTrace& trace, const PhaseOptions& options) {
  PW_CHECK(trace.times.size() == trace.ops.size());
  if (!few_enough(trace.references, options)) return {};
  Windows windows(trace.ids, options.window, trace.references);
  std::vector<bool> in_use(trace.ids);
  for (std::size_t i = 0; i < trace.ops.size(); ++i) {
    const PageId id = trace.ops[i].id();
    windows.advance(trace.times[i]);
    const bool use = trace.ops[i].kind() == OpKind::Use;
    if (use == in_use[id]) continue;
    in_use[id] = use;
    if (use) {
      windows.begin_use(id);
    } else {
      windows.end_use(id);
    }
  }
  return phases_of(windows.finish(), options, trace.references);
}

}  // namespace pw::analysis
