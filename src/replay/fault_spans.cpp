#include "replay/fault_spans.hpp"

#include <algorithm>
#include <bit>

namespace pw::replay {
namespace {

// Nothing but counts in them, so that they can be summed without naming each.
using Words = std::array<std::uint64_t, sizeof(FaultCounters) / sizeof(std::uint64_t)>;

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

void FaultSpans::AlikeFaults::append(FaultSpan& to, const FaultSpan& span) {
  to.begin_ns = std::min(to.begin_ns, span.begin_ns);
  to.end_ns = std::max(to.end_ns, span.end_ns);
  if (to.stack != span.stack) to.stack = kNoCallStack;
  to.touched += span.touched;
  replay::add(to.faults, span.faults);
}

std::tuple<std::uint32_t, std::uint32_t, bool, std::string_view> FaultSpans::AlikeFaults::key(
    const FaultSpan& span) const {
  if (alike == Alike::Stack) return {0, span.stack, false, ""};
  return {span.pid, span.tid, span.faults.major > 0, span.name()};
}

void FaultSpans::add(const FaultSpan& span) {
  FaultSpan* const last = spans_.last();
  if (alike_ == Alike::Stack && last != nullptr && last->stack == span.stack) {
    AlikeFaults::append(*last, span);
    return;
  }
  spans_.add(span);
}

}  // namespace pw::replay
