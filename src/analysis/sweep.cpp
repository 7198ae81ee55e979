#include "analysis/sweep.hpp"

#include <fmt/format.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <variant>

#include "analysis/in_parallel.hpp"
#include "analysis/lru_curve.hpp"
#include "analysis/opt_curve.hpp"
#include "base/check.hpp"

namespace pw::analysis {
namespace {

// A trace to count misses on: the input's own, or what a sample took of it.
struct Source {
  const PageTrace* pages = nullptr;
  const DenseTrace* dense = nullptr;
  double rate = 1;                  // a memory of m pages is one of rate * m here
  std::vector<std::uint32_t> next;  // next_references(), if a policy needs them

  std::uint32_t ids() const { return pages != nullptr ? pages->ids : dense->ids; }
};

struct Task {
  std::size_t curve = 0;
  std::size_t source = 0;
  std::size_t point = 0;  // kEverySize: all sizes in one pass
};
constexpr std::size_t kEverySize = ~std::size_t{0};

// What each task leaves.
struct Outcome {
  std::optional<StackCurve> stack;
  Played played;
};

Outcome carry_out(const Source& source, const policy::PolicySpec& spec, const Task& task,
                  std::uint64_t pages) {
  Outcome outcome;
  if (task.point == kEverySize) {
    const bool lru = spec.name == "lru";
    if (source.pages != nullptr) {
      outcome.stack = lru ? lru_curve(*source.pages) : opt_curve(*source.pages);
    } else {
      outcome.stack = lru ? lru_curve(*source.dense) : opt_curve(*source.dense);
    }
    return outcome;
  }
  const std::uint32_t frames = frames_for(pages, source.rate);
  outcome.played = source.pages != nullptr
                       ? play_policy(*source.pages, spec, frames,
                                     source.next.empty() ? nullptr : source.next.data())
                       : play_policy(*source.dense, spec, frames);
  return outcome;
}

std::uint64_t misses_of(const Outcome& outcome, const Source& source, std::uint64_t pages) {
  if (!outcome.stack) return outcome.played.misses;
  const auto frames = static_cast<std::uint64_t>(static_cast<double>(pages) * source.rate);
  return outcome.stack->misses(std::max<std::uint64_t>(frames, outcome.stack->known_from));
}

class Run {
 public:
  Run(const Input& input, const SweepOptions& options) : input_(input), options_(options) {}

  Sweep sweep() {
    choose_sources();
    std::vector<Task> tasks = tasks_to_do();
    std::vector<Outcome> outcomes(tasks.size());
    std::mutex telling;
    std::size_t done = 0;
    const unsigned threads = std::max(1U, options_.threads);
    const tbb::global_control most(tbb::global_control::max_allowed_parallelism, threads);
    tbb::task_arena arena(static_cast<int>(threads));
    arena.execute([&] {
      in_parallel(tasks.size(), [&](std::size_t i) {
        const Task& task = tasks[i];
        const std::uint64_t pages = task.point == kEverySize ? 0 : options_.sizes[task.point];
        outcomes[i] = carry_out(sources_[task.source], options_.policies[task.curve], task, pages);
        const std::lock_guard lock(telling);
        ++done;
        if (options_.progress) {
          options_.progress(static_cast<double>(done) / static_cast<double>(tasks.size()));
        }
      });
    });
    return gather(tasks, outcomes);
  }

 private:
  void choose_sources() {
    if (input_.sample) {
      // All of the trace's pages are in: to be divided into parts only.
      const Sample sample(*input_.pages(), SampleSize{1, 0, input_.sample->size.seed});
      take_sample(sample, *input_.pages(), input_.sample->rate);
    } else if (options_.sample) {
      std::visit(
          [&](const auto& trace) {
            const Sample sample(trace, *options_.sample);
            take_sample(sample, trace, sample.rate());
          },
          input_.trace);
    } else {
      sources_.push_back({input_.pages(), input_.dense(), 1, {}});
    }
    const bool future = std::ranges::any_of(options_.policies, [](const policy::PolicySpec& p) {
      return needs_future(p.name) && !in_one_pass(p.name);
    });
    for (Source& source : sources_) {
      if (future && source.pages != nullptr) source.next = next_references(*source.pages);
    }
  }

  // The whole sample, and its parts.
  template <class Trace>
  void take_sample(const Sample& sample, const Trace& trace, double rate) {
    sweep_.rate = rate;
    sweep_.sampled_pages = sample.pages();
    for (auto& taken : sample.traces(trace)) taken_.emplace_back(std::move(taken));
    for (const Taken& taken : taken_) {
      sources_.push_back({std::get_if<PageTrace>(&taken),
                          std::get_if<DenseTrace>(&taken),
                          sources_.empty() ? rate : rate / kParts,
                          {}});
    }
  }
  bool sampled() const { return !taken_.empty(); }

  std::vector<Task> tasks_to_do() const {
    std::vector<Task> tasks;
    for (std::size_t c = 0; c < options_.policies.size(); ++c) {
      for (std::size_t s = 0; s < sources_.size(); ++s) {
        if (in_one_pass(options_.policies[c].name)) {
          tasks.push_back({c, s, kEverySize});
          continue;
        }
        for (std::size_t p = 0; p < options_.sizes.size(); ++p) tasks.push_back({c, s, p});
      }
    }
    return tasks;
  }

  Sweep gather(const std::vector<Task>& tasks, std::vector<Outcome>& outcomes) {
    std::size_t at = 0;
    for (const policy::PolicySpec& spec : options_.policies) {
      PolicyCurve curve{spec, std::vector<SizePoint>(options_.sizes.size()), {}};
      const std::size_t each = in_one_pass(spec.name) ? 1 : options_.sizes.size();
      for (std::size_t p = 0; p < options_.sizes.size(); ++p) {
        std::vector<std::uint64_t> misses;
        for (std::size_t s = 0; s < sources_.size(); ++s) {
          const std::size_t task = at + s * each + (each == 1 ? 0 : p);
          PW_CHECK(tasks[task].source == s);
          misses.push_back(misses_of(outcomes[task], sources_[s], options_.sizes[p]));
        }
        curve.points[p] = point(spec, options_.sizes[p], misses,
                                outcomes[at + (each == 1 ? 0 : p)].played);
        const double frames = static_cast<double>(options_.sizes[p]) * sources_[0].rate;
        const auto& stack = outcomes[at].stack;
        // A memory too small for the sample, or for the recorder's filter in it.
        if (sampled() && frames < (stack ? stack->known_from : 1)) {
          curve.points[p].known = false;
        }
      }
      curve.stack = std::move(outcomes[at].stack);
      at += sources_.size() * each;
      sweep_.curves.push_back(std::move(curve));
    }
    count_cold();
    return std::move(sweep_);
  }

  // Every id is one that was referenced.
  void count_cold() {
    sweep_.cold = input_.ids();
    if (!input_.sample) return;
    std::vector<std::uint64_t> ids;
    for (const Source& source : sources_) ids.push_back(source.ids());
    const Estimate estimate = estimate_from(ids);
    sweep_.cold = static_cast<std::uint64_t>(std::llround(estimate.value));
    sweep_.cold_error = estimate.error;
  }
  // From what was counted in each source.
  Estimate estimate_from(const std::vector<std::uint64_t>& counts) const {
    return estimate_of(sweep_.rate, counts[0], {counts.begin() + 1, counts.end()});
  }

  SizePoint point(const policy::PolicySpec& spec, std::uint64_t pages,
                  std::vector<std::uint64_t> misses, const Played& played) const {
    SizePoint point = point_of(pages, played, sources_[0].rate);
    const std::uint64_t filter = input_.filter_pages();
    point.known = filter == 0 || (spec.name == "lru" ? pages >= filter : pages > filter);
    point.misses = static_cast<double>(misses[0]);
    if (!sampled()) return point;
    // Where the whole trace is there, first references are known: only the others are estimated.
    const bool cold_known = !input_.sample;
    for (std::size_t s = 0; cold_known && s < sources_.size(); ++s) {
      misses[s] -= std::min<std::uint64_t>(misses[s], sources_[s].ids());
    }
    const Estimate estimate = estimate_from(misses);
    point.misses = estimate.value + (cold_known ? input_.ids() : 0);
    point.error = estimate.error;
    return point;
  }

  using Taken = std::variant<PageTrace, DenseTrace>;
  const Input& input_;
  const SweepOptions& options_;
  std::vector<Taken> taken_;
  std::vector<Source> sources_;
  Sweep sweep_;
};

}  // namespace

bool in_one_pass(std::string_view policy) { return policy == "lru" || policy == "opt"; }

bool needs_future(std::string_view policy) {
  const auto all = policy::policies();
  const auto at = std::ranges::find(all, policy, &policy::PolicyInfo::name);
  return at != all.end() && at->needs == policy::Needs::Future;
}

std::uint32_t frames_for(std::uint64_t pages, double rate) {
  constexpr double kMost = 0xFFFF'FFF0U;
  const double frames = std::round(static_cast<double>(pages) * rate);
  return static_cast<std::uint32_t>(std::clamp(frames, 1.0, kMost));
}

SizePoint point_of(std::uint64_t pages, const Played& played, double rate) {
  SizePoint point;
  point.pages = pages;
  point.misses = static_cast<double>(played.misses);
  point.modelled = played.modelled;
  if (played.resident_sum > 0) {
    point.resident = static_cast<double>(played.resident_sum) /
                     static_cast<double>(played.references) / rate;
  }
  return point;
}

Result<Sweep> sweep(const Input& input, const SweepOptions& options) {
  PW_CHECK(std::ranges::is_sorted(options.sizes));
  PW_CHECK(!input.sample || !options.sample);
  for (const policy::PolicySpec& spec : options.policies) {
    if (input.dense() != nullptr && needs_future(spec.name) && !in_one_pass(spec.name)) {
      return fail(Errno::Invalid,
                  fmt::format("policy {} needs to know the future, which a filtered recording "
                              "tells only for opt",
                              spec.name));
    }
  }
  return Run(input, options).sweep();
}

}  // namespace pw::analysis
