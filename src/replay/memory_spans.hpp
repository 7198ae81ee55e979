// What a replay's machine did with memory besides faults - evictions, writes to swap, changes of
// address spaces, shootdowns (port/memory_events.hpp) - in the order of time, one by one; where
// there is too much, alike events that lie close together are one span with a count. Sums over
// spans are the machine's counters.
//
// Owned by the FaultLog.
#pragma once

#include <cstdint>
#include <tuple>

#include "port/memory_events.hpp"
#include "replay/joined_spans.hpp"

namespace pw::replay {

struct MemorySpan {
  std::uint64_t begin_ns = 0, end_ns = 0;  // of the first event and of the last
  std::uint64_t count = 0;
  std::uint64_t cpus = 0;  // Shootdown: CPUs interrupted, those of each event
  MemoryEvent event;       // the first of them
  // As recorded: whose page, who runs now, whose translations; 0: nobody's that is known. Of a page
  // of a file, or of shared memory, its number in FaultLog::objects().
  std::uint32_t pid = 0;
  std::uint32_t object = 0;
};

// Events are alike that a reader would call the same: what happened to whom, on which CPU.
struct AlikeMemory {
  static auto key(const MemorySpan& span) {
    const MemoryEvent& event = span.event;
    return std::tuple(event.kind, span.pid, span.object, event.cpu, event.to, event.written,
                      event.reason, event.page.kind);
  }
  static void append(MemorySpan& to, const MemorySpan& span) {
    to.begin_ns = std::min(to.begin_ns, span.begin_ns);
    to.end_ns = std::max(to.end_ns, span.end_ns);
    to.count += span.count;
    to.cpus += span.cpus;
  }
};
using MemorySpans = JoinedSpans<MemorySpan, AlikeMemory>;

}  // namespace pw::replay
