#include "analysis/anomaly.hpp"

#include <algorithm>

#include "analysis/play.hpp"
#include "analysis/sweep.hpp"
#include "base/random.hpp"
#include "policy/catalogue.hpp"

namespace pw::analysis {
namespace {

struct Evictions {
  std::vector<PageId>* gone;
  void evicted(PageId page, std::uint64_t /*time*/) { gone->push_back(page); }
};

void enter(std::vector<PageId>& frames, PageId page) {
  const auto empty = std::ranges::find(frames, policy::kNoPage);
  if (empty != frames.end()) *empty = page;
}

template <class P>
std::vector<FrameStep> steps_of(const PageTrace& string, const policy::Setup& setup) {
  const std::vector<std::uint32_t> next = next_references(string);
  std::vector<FrameStep> steps;
  std::vector<PageId> frames(setup.frames, policy::kNoPage);
  std::vector<PageId> gone;
  P policy(setup);
  Player<P, Evictions> player(policy, string.ids, setup.frames, {&gone});
  for (std::size_t i = 0; i < string.pages.size(); ++i) {
    const PageId page = string.pages[i];
    const std::uint64_t before = player.played().misses;
    player.reference(page, i, next[i] == kNoNext ? policy::kNever : next[i]);
    for (const PageId victim : gone) std::ranges::replace(frames, victim, policy::kNoPage);
    gone.clear();
    const bool fault = player.played().misses > before;
    if (fault) enter(frames, page);
    steps.push_back({page, fault, frames});
  }
  return steps;
}

class Search {
 public:
  explicit Search(const AnomalySearch& search) : search_(search) {
    string_.ids = std::min(search.pages, search.length);
    all_ = search.random > 0 ? search.random : strings_to_try(search.length, search.pages);
  }

  Anomalies run() {
    string_.pages.reserve(search_.length);
    if (search_.random > 0) {
      draw();
    } else {
      extend(0);
    }
    return std::move(result_);
  }

 private:
  void extend(PageId used) {
    if (string_.pages.size() == search_.length) {
      look();
      return;
    }
    for (PageId page = 0; page <= used && page < search_.pages; ++page) {
      string_.pages.push_back(page);
      extend(page == used ? used + 1 : used);
      string_.pages.pop_back();
    }
  }
  void draw() {
    Random random(search_.seed);
    for (std::uint64_t i = 0; i < search_.random; ++i) {
      string_.pages.clear();
      std::vector<PageId> name(search_.pages, policy::kNoPage);
      PageId used = 0;
      while (string_.pages.size() < search_.length) {
        PageId& page = name[random.below(search_.pages)];
        if (page == policy::kNoPage) page = used++;
        string_.pages.push_back(page);
      }
      look();
    }
  }
  void look() {
    constexpr std::uint64_t kTellEvery = 4'096;
    if (++result_.tried % kTellEvery == 0 && search_.progress) {
      search_.progress(static_cast<double>(result_.tried) / static_cast<double>(all_));
    }
    const std::uint64_t few = faults_of(string_, search_.policy, search_.fewer);
    const std::uint64_t many = faults_of(string_, search_.policy, search_.more);
    if (many <= few) return;
    ++result_.found;
    if (many - few > result_.widest) {
      result_.widest = many - few;
      result_.examples.insert(result_.examples.begin(), string_);
    } else if (result_.examples.size() < search_.keep) {
      result_.examples.push_back(string_);
    }
    if (result_.examples.size() > search_.keep) result_.examples.pop_back();
  }

  const AnomalySearch& search_;
  PageTrace string_;
  std::uint64_t all_ = 0;
  Anomalies result_;
};

}  // namespace

std::vector<FrameStep> frames_by_step(const PageTrace& string, const policy::PolicySpec& spec,
                                      std::uint32_t frames) {
  policy::Setup setup;
  setup.ids = string.ids;
  setup.frames = frames;
  setup.values = spec.values;
  std::vector<FrameStep> steps;
  policy::Everything::for_each([&]<class P>() {
    if (spec.name == P::kName) steps = steps_of<P>(string, setup);
  });
  return steps;
}

std::uint64_t faults_of(const PageTrace& string, const policy::PolicySpec& spec,
                        std::uint32_t frames) {
  const auto all = policy::policies();
  const auto info = std::ranges::find(all, spec.name, &policy::PolicyInfo::name);
  std::vector<std::uint32_t> next;
  if (info != all.end() && info->needs == policy::Needs::Future) next = next_references(string);
  return play_policy(string, spec, frames, next.empty() ? nullptr : next.data()).misses;
}

std::uint64_t strings_to_try(std::uint32_t length, std::uint32_t pages) {
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  // by_used[u]: strings so far in which u pages occur.
  std::vector<std::uint64_t> by_used(pages + std::size_t{2}, 0);
  by_used[0] = 1;
  for (std::uint32_t i = 0; i < length; ++i) {
    for (std::size_t used = pages; used > 0; --used) {
      std::uint64_t again = 0;
      if (__builtin_mul_overflow(by_used[used], used, &again) ||
          __builtin_add_overflow(again, by_used[used - 1], &by_used[used])) {
        return kMost;
      }
    }
    by_used[0] = 0;
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t count : by_used) {
    if (__builtin_add_overflow(sum, count, &sum)) return kMost;
  }
  return sum;
}

Anomalies find_anomalies(const AnomalySearch& search) { return Search(search).run(); }

}  // namespace pw::analysis
