#include "machine/load_control.hpp"

#include <algorithm>

namespace pw {

std::optional<LoadCriterion> load_criterion(std::string_view name) {
  if (name == "off") return LoadCriterion::Off;
  if (name == "ls") return LoadCriterion::LifetimeIsService;
  if (name == "half") return LoadCriterion::HalfBusy;
  if (name == "pff") return LoadCriterion::FaultFrequency;
  return std::nullopt;
}

std::optional<SuspendChoice> suspend_choice(std::string_view name) {
  if (name == "last") return SuspendChoice::Last;
  if (name == "largest") return SuspendChoice::Largest;
  if (name == "smallest") return SuspendChoice::Smallest;
  if (name == "priority") return SuspendChoice::LowestPriority;
  return std::nullopt;
}

LoadControl::Verdict LoadControl::criterion(const LoadWindow& window) const {
  const auto busy = static_cast<double>(window.busy_ns);
  const auto device = static_cast<double>(window.device_busy_ns);
  switch (config_.criterion) {
    case LoadCriterion::Off:
      return Verdict::Hold;
    case LoadCriterion::LifetimeIsService: {
      if (window.faults == 0) return Verdict::More;
      const auto faults = static_cast<double>(window.faults);
      const double lifetime = busy / faults;
      // A device with several channels serves a fault in that fraction of the time.
      const double service = device / faults / window.device_channels;
      if (lifetime < service) return Verdict::Less;
      return lifetime > 2 * service ? Verdict::More : Verdict::Hold;
    }
    case LoadCriterion::HalfBusy: {
      const double share = device /
                           (static_cast<double>(window.length_ns) * window.device_channels);
      if (share > 0.6) return Verdict::Less;
      return share < 0.4 ? Verdict::More : Verdict::Hold;
    }
    case LoadCriterion::FaultFrequency: {
      const double faults = static_cast<double>(window.faults) * 1e9;
      if (faults > config_.upper_faults * busy) return Verdict::Less;
      return faults < config_.lower_faults * busy ? Verdict::More : Verdict::Hold;
    }
  }
  return Verdict::Hold;
}

LoadControl::Verdict LoadControl::judge(const LoadWindow& window, std::size_t suspended) {
  constexpr std::uint64_t kSoon = 8;  // windows
  constexpr std::uint64_t kMostPatience = 64;
  ++windows_since_more_;
  const Verdict verdict = criterion(window);
  if (verdict == Verdict::Less) {
    agreed_ = 0;
    // The one that was let in was one too many: wait longer before the next try.
    patience_ = windows_since_more_ <= kSoon ? std::min(patience_ * 2, kMostPatience) : 1;
    windows_since_more_ = kSoon + 1;  // and its going is not counted twice
    return Verdict::Less;
  }
  if (verdict != Verdict::More || suspended == 0) {
    agreed_ = 0;
    return Verdict::Hold;
  }
  if (++agreed_ < patience_) return Verdict::Hold;
  agreed_ = 0;
  windows_since_more_ = 0;
  return Verdict::More;
}

}  // namespace pw
