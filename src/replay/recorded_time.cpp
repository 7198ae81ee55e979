#include "replay/recorded_time.hpp"

#include <algorithm>

namespace pw::replay {

using record::Event;
using record::EventKind;

void RecordedTime::add(std::size_t event, std::uint64_t clock, std::uint64_t ns) {
  if (!anchors_.empty()) {
    clock = std::max(clock, anchors_.back().clock);
    ns = std::max(ns, anchors_.back().ns);
  }
  anchors_.push_back({event, clock, ns});
}

void RecordedTime::begin(const record::Chunk& chunk, const record::ChunkInfo* next) {
  anchors_.clear();
  passed_ = 0;
  add(0, chunk.info.clock, chunk.info.begin_ns);
  for (std::size_t i = 0; i < chunk.events.size(); ++i) {
    const Event& event = chunk.events[i];
    switch (event.kind) {
      case EventKind::Syscall:
        add(i + 1, event.clock, chunk.syscalls[event.index].ns);
        break;
      case EventKind::Fork:
        add(i + 1, event.clock, event.last_reference);
        break;
      case EventKind::Wait:
        add(i, event.clock, event.last_reference - std::min(event.length, event.last_reference));
        add(i + 1, event.clock, event.last_reference);
        break;
      default:
        break;
    }
  }
  if (next != nullptr) add(chunk.events.size() + 1, next->clock, next->begin_ns);
}

std::uint64_t RecordedTime::before(std::size_t at, std::uint64_t clock) {
  while (passed_ + 1 < anchors_.size() && anchors_[passed_ + 1].event <= at) ++passed_;
  const Anchor& from = anchors_[passed_];
  if (passed_ + 1 == anchors_.size()) return from.ns;
  const Anchor& to = anchors_[passed_ + 1];
  if (to.clock <= from.clock || clock <= from.clock) return from.ns;
  if (clock >= to.clock) return to.ns;
  const double part = static_cast<double>(clock - from.clock) /
                      static_cast<double>(to.clock - from.clock);
  return from.ns + static_cast<std::uint64_t>(part * static_cast<double>(to.ns - from.ns));
}

}  // namespace pw::replay
