#include "replay/fault_spans.hpp"

#include <algorithm>
#include <bit>
#include <string_view>
#include <tuple>

namespace pw::replay {
namespace {

// Nothing but counts in them, so that they can be summed without naming each.
using Words = std::array<std::uint64_t, sizeof(FaultCounters) / sizeof(std::uint64_t)>;

void append(FaultSpan& to, const FaultSpan& span) {
  to.begin_ns = std::min(to.begin_ns, span.begin_ns);
  to.end_ns = std::max(to.end_ns, span.end_ns);
  if (to.stack != span.stack) to.stack = kNoCallStack;
  to.touched += span.touched;
  add(to.faults, span.faults);
}

}  // namespace

void add(FaultCounters& sum, const FaultCounters& more) {
  auto words = std::bit_cast<Words>(sum);
  const auto others = std::bit_cast<Words>(more);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] += others[i];
  sum = std::bit_cast<FaultCounters>(words);
}

FaultCounters difference(const FaultCounters& now, const FaultCounters& before) {
  auto words = std::bit_cast<Words>(now);
  const auto others = std::bit_cast<Words>(before);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] -= others[i];
  return std::bit_cast<FaultCounters>(words);
}

const char* FaultSpan::name() const {
  for (const FaultName& each : kFaultNames) {
    if (faults.*each.counter > 0) return each.name;
  }
  return kOtherFault;
}

void FaultSpans::add(const FaultSpan& span) {
  if (alike_ == Alike::Stack && !spans_.empty() && spans_.back().stack == span.stack) {
    append(spans_.back(), span);
    return;
  }
  spans_.push_back(span);
  if (spans_.size() >= 2 * most_) join();
}

void FaultSpans::finish() {
  if (spans_.size() > most_) join();
  if (stretch_ns_ > 0) join_within(stretch_ns_);  // those that came after the last time
  std::stable_sort(spans_.begin(), spans_.end(),
                   [](const FaultSpan& a, const FaultSpan& b) { return a.begin_ns < b.begin_ns; });
}

void FaultSpans::join() {
  std::uint64_t last_ns = 1;
  for (const FaultSpan& span : spans_) last_ns = std::max(last_ns, span.begin_ns);
  std::uint64_t stretch = std::max<std::uint64_t>({1, 2 * stretch_ns_, last_ns / most_});
  for (;; stretch *= 2) {
    join_within(stretch);
    if (spans_.size() <= most_) break;
    if (stretch > last_ns) {  // as few as there can be
      most_ = spans_.size();
      break;
    }
  }
  stretch_ns_ = stretch;
}

void FaultSpans::join_within(std::uint64_t stretch_ns) {
  const auto key = [this, stretch_ns](const FaultSpan& span) {
    const bool by_thread = alike_ == Alike::Thread;
    return std::tuple(span.begin_ns / stretch_ns, by_thread ? span.pid : 0,
                      by_thread ? span.tid : span.stack, by_thread && span.faults.major > 0,
                      std::string_view(by_thread ? span.name() : ""));
  };
  std::stable_sort(spans_.begin(), spans_.end(),
                   [&](const FaultSpan& a, const FaultSpan& b) { return key(a) < key(b); });
  std::size_t kept = 0;
  for (std::size_t i = 1; i < spans_.size(); ++i) {
    if (key(spans_[kept]) == key(spans_[i])) {
      append(spans_[kept], spans_[i]);
    } else {
      spans_[++kept] = spans_[i];
    }
  }
  spans_.resize(std::min(spans_.size(), kept + 1));
}

}  // namespace pw::replay
