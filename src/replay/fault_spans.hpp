// Faults in the order of time, bounded in number: where there are too many, those that lie close
// together and are alike become one span, which says how many they were. Nothing is left out, so
// that sums over all spans are the machine's counters.
//
// Owned by the FaultLog.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/counters.hpp"
#include "replay/joined_spans.hpp"

namespace pw::replay {

inline constexpr std::uint32_t kNoCallStack = ~std::uint32_t{0};

// What a fault is called, most telling first: the first counter of these that it moved.
struct FaultName {
  const char* name;
  std::uint64_t FaultCounters::*counter;
};
inline constexpr std::array<FaultName, 10> kFaultNames{{
    {"out of memory", &FaultCounters::oom},
    {"segmentation fault", &FaultCounters::segv},
    {"bus error", &FaultCounters::bus},
    {"swap in", &FaultCounters::swap_in},
    {"copy on write", &FaultCounters::copy_on_write},
    {"last owner writes", &FaultCounters::reused},
    {"zero page", &FaultCounters::zero_page},
    {"new anonymous page", &FaultCounters::anonymous},
    {"write notify", &FaultCounters::write_notify},
    {"file page", &FaultCounters::file_mapped},
}};
// Of a fault that moved none of them: the page was in memory and needed a translation.
inline constexpr const char* kOtherFault = "page mapped";

struct FaultSpan {
  std::uint64_t begin_ns = 0, end_ns = 0;  // of the first fault and of the last
  std::uint32_t pid = 0, tid = 0;          // as recorded
  std::uint32_t stack = kNoCallStack;      // of the recording: who touched the page first
  std::uint64_t touched = 0;               // pages touched for the first time
  FaultCounters faults;                    // what they added to the machine's

  std::uint64_t count() const { return faults.minor + faults.major; }
  const char* name() const;
};

void add(FaultCounters& sum, const FaultCounters& more);
FaultCounters difference(const FaultCounters& now, const FaultCounters& before);

class FaultSpans {
 public:
  // What makes spans alike: thread, name, and whether a device was waited for; or the call stack.
  enum class Alike : std::uint8_t { Thread, Stack };

  // At most `most` spans, or one for each kind of alike ones if these are more.
  FaultSpans(Alike alike, std::size_t most) : alike_(alike), spans_(AlikeFaults{alike}, most) {}

  void add(const FaultSpan& span);
  // Puts them into the order of time. Call once, when all are added.
  void finish() { spans_.finish(); }
  const std::vector<FaultSpan>& all() const { return spans_.all(); }
  // Alike spans that begin in one stretch of so many ns were joined; 0: none were.
  std::uint64_t stretch_ns() const { return spans_.stretch_ns(); }

 private:
  struct AlikeFaults {
    Alike alike;
    std::tuple<std::uint32_t, std::uint32_t, bool, std::string_view> key(
        const FaultSpan& span) const;
    static void append(FaultSpan& to, const FaultSpan& span);
  };

  Alike alike_;
  JoinedSpans<FaultSpan, AlikeFaults> spans_;
};

}  // namespace pw::replay
