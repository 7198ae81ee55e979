// Load control: when the programs that run want more memory than there is, all of them wait for
// pages that the others took (thrashing); then one of them is suspended whole, its pages go out,
// and the others get done (Denning, "Thrashing: its causes and prevention", AFIPS FJCC 1968).
//
// This class decides, from what happened in a window of time, whether fewer programs should run or
// one more may; the Scheduler carries it out. Pure: no machine, no clock. Three published criteria:
//
//   L = S    the mean CPU time between faults (lifetime L) should not fall below the time S that
//            the paging device needs for one, the page-outs it causes included (Denning, Kahn,
//            Leroudier, Potier, Suri, "Optimal multiprogramming", Acta Informatica 7, 1976).
//   50 %     the paging device should be busy about half the time (the same; Leroudier, Potier,
//            "Principles of optimality for multiprogramming", SIGMETRICS 1976).
//   PFF      faults per second of CPU time between two bounds (Chu, Opderbeck, "The page fault
//            frequency replacement algorithm", AFIPS FJCC 1972, applied to the whole load).
//
// Each has a dead zone between "less" and "more", and a program that is let in again and has to go
// soon after makes the next one wait twice as long: without these, a load at the edge would swing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pw {

enum class LoadCriterion : std::uint8_t { Off, LifetimeIsService, HalfBusy, FaultFrequency };

// Who is suspended: the program that was activated last, as most systems choose (Carr, "Virtual
// memory management", 1984), the one with most pages in memory (frees the most), the one with
// fewest (costs the least), or the one of lowest priority.
enum class SuspendChoice : std::uint8_t { Last, Largest, Smallest, LowestPriority };

struct LoadControlConfig {
  LoadCriterion criterion = LoadCriterion::Off;
  SuspendChoice choice = SuspendChoice::Last;
  std::uint64_t window_ns = 20'000'000;
  std::uint64_t least_active_ns = 500'000'000;      // a program let in is spared for so long
  std::uint64_t most_suspended_ns = 2'000'000'000;  // then it takes turns with one that runs
  double upper_faults = 5000, lower_faults = 1000;  // FaultFrequency: per second of CPU time
};

// Names on the command line: off, ls, half, pff; last, largest, smallest, priority.
std::optional<LoadCriterion> load_criterion(std::string_view name);
std::optional<SuspendChoice> suspend_choice(std::string_view name);

// What happened in one window.
struct LoadWindow {
  std::uint64_t length_ns = 0;
  std::uint64_t busy_ns = 0;         // of all CPUs
  std::uint64_t faults = 0;          // page-ins from the paging devices
  std::uint64_t device_busy_ns = 0;  // of these devices, all channels
  unsigned device_channels = 1;
};

class LoadControl {
 public:
  enum class Verdict : std::uint8_t { Hold, Less, More };

  explicit LoadControl(const LoadControlConfig& config) : config_(config) {}
  const LoadControlConfig& config() const { return config_; }

  // To be asked at the end of each window; `suspended` is how many programs are.
  Verdict judge(const LoadWindow& window, std::size_t suspended);

 private:
  Verdict criterion(const LoadWindow& window) const;

  LoadControlConfig config_;
  std::uint64_t windows_since_more_ = ~std::uint64_t{0} / 2;
  std::uint64_t patience_ = 1;  // windows in a row that must say More
  std::uint64_t agreed_ = 0;    // that have said so
};

}  // namespace pw
