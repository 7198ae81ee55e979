#include "analysis/opt_curve.hpp"

#include <algorithm>

#include "analysis/job_bisection.hpp"

namespace pw::analysis {
namespace {
constexpr std::uint32_t kNever = 0xFFFF'FFFFU;
}

StackCurve opt_curve(const PageTrace& trace, const std::function<void(double)>& progress) {
  StackCurve curve;
  const std::size_t count = trace.pages.size();
  std::vector<std::uint32_t> last(trace.ids, kNever);  // reference
  for (std::size_t i = 0; i < count; ++i) last[trace.pages[i]] = static_cast<std::uint32_t>(i);
  const auto never = std::count(last.begin(), last.end(), kNever);
  curve.cold = last.size() - static_cast<std::uint64_t>(never);
  JobBisection jobs;
  jobs.reserve(count - std::min<std::size_t>(count, trace.ids));
  std::vector<std::uint32_t> job_of(trace.ids, kNever);
  std::uint32_t begun = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const PageId id = trace.pages[i];
    if (i > 0 && trace.pages[i - 1] == id) {
      curve.count(1);
      continue;
    }
    // One frame holds the page being referenced: its job begins at the next reference, after what
    // ends there.
    if (job_of[id] != kNever) jobs.end(job_of[id], 0);
    if (i == 0) continue;
    const PageId before = trace.pages[i - 1];
    if (last[before] > i - 1) {
      job_of[before] = begun++;
      jobs.begin(0);
    }
  }
  jobs.solve(
      0, [&curve](std::uint32_t machines, std::uint64_t n) { curve.count(machines + 1, n); },
      progress);
  curve.sum_up();
  return curve;
}

StackCurve opt_curve(const DenseTrace& trace, const std::function<void(double)>& progress) {
  StackCurve curve;
  curve.known_from = trace.filter_pages + 1;
  curve.inferred = trace.inferred;
  std::vector<bool> comes(trace.ops.size());  // at a Rest: the page is used again
  std::vector<bool> used_later(trace.ids, false);
  for (std::size_t i = trace.ops.size(); i-- > 0;) {
    const Op op = trace.ops[i];
    if (op.kind() == OpKind::Rest) {
      comes[i] = used_later[op.id()];
    } else {
      used_later[op.id()] = op.kind() == OpKind::Use;
    }
  }
  JobBisection jobs;
  std::vector<std::uint32_t> job_of(trace.ids, kNever);
  std::uint32_t begun = 0;
  std::int32_t pins = 0;
  std::int32_t most_pins = 0;
  for (std::size_t i = 0; i < trace.ops.size(); ++i) {
    const PageId id = trace.ops[i].id();
    switch (trace.ops[i].kind()) {
      case OpKind::Use:
        most_pins = std::max(most_pins, ++pins);
        if (job_of[id] == kNever) {
          ++curve.cold;
          jobs.limit(-pins);
        } else {
          jobs.end(job_of[id], -pins);
          job_of[id] = kNever;
        }
        break;
      case OpKind::Rest:
        --pins;
        if (comes[i]) {
          job_of[id] = begun++;
          jobs.begin(-pins);
        }
        break;
      case OpKind::Drop:
        break;
    }
  }
  jobs.solve(
      static_cast<std::uint32_t>(most_pins),
      [&curve](std::uint32_t machines, std::uint64_t n) { curve.count(machines, n); }, progress);
  curve.sum_up();
  return curve;
}

}  // namespace pw::analysis
