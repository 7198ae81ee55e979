// EventLog: what happened last in the machine, one by one and in order: faults, pages that left,
// pages that were written to swap, changes of address spaces, shootdowns.
//
// Owned by the Scene, which hears of it. Bounded: the last kMost events are kept, whatever step
// they are of, so that the log after step n is a function of n; how many the last step had is
// known. Who it was about is named when the step is over, while he is there.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "fault/request.hpp"
#include "port/memory_events.hpp"

namespace pw::explorer {

struct LoggedEvent {
  std::uint64_t step = 0;
  std::uint64_t ns = 0;
  bool is_fault = false;
  MemoryEvent event;  // unless it is a fault; of a fault `space` has it
  VirtAddr address;
  Access access = Access::Read;
  bool major = false;
  std::string who;     // whose page, or what runs now; of a file its name
  std::string before;  // what ran before
  bool named = false;
};

class EventLog {
 public:
  static constexpr std::size_t kMost = 128;

  void begin() {
    events_.clear();
    count_ = 0;
  }
  void step_begins() { count_ = 0; }  // of the one that is told
  void add(LoggedEvent event);
  void add_fault(std::uint64_t step, std::uint64_t ns, const FaultRequest& request);
  void fault_is_major();  // the last one

  using NameOf = std::function<std::string(SpaceId)>;
  void name(const NameOf& name_of);

  const std::deque<LoggedEvent>& events() const { return events_; }
  std::uint64_t count() const { return count_; }  // since step_begins()

 private:
  std::deque<LoggedEvent> events_;
  std::uint64_t count_ = 0;
};

}  // namespace pw::explorer
