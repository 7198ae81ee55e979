#include "reclaim/mglru/tier_control.hpp"

namespace pw {

void TierControl::carry_over(bool file) {
  History& history = now_[index(file)];
  for (unsigned tier = 0; tier < kTiers; ++tier) {
    const std::uint64_t total = history.evicted[tier] + history.spared[tier];
    history.mean_refaulted[tier] = (history.mean_refaulted[tier] + history.refaulted[tier]) / 2;
    history.mean_total[tier] = (history.mean_total[tier] + total) / 2;
  }
  history.refaulted = history.evicted = history.spared = Counts{};
}

TierControl::Position TierControl::position(bool file, unsigned tier, std::uint64_t gain) const {
  const History& history = now_[index(file)];
  return {history.mean_refaulted[tier] + history.refaulted[tier],
          history.mean_total[tier] + history.evicted[tier] + history.spared[tier], gain};
}

TierControl::Position TierControl::position_of_all(bool file, std::uint64_t gain) const {
  Position sum{0, 0, gain};
  for (unsigned tier = 0; tier < kTiers; ++tier) {
    const Position one = position(file, tier, gain);
    sum.refaulted += one.refaulted;
    sum.total += one.total;
  }
  return sum;
}

bool TierControl::no_worse(const Position& setpoint, const Position& value) {
  return value.refaulted < kMinBatch ||
         value.refaulted * (setpoint.total + kMinBatch) * setpoint.gain <=
             (setpoint.refaulted + 1) * value.total * value.gain;
}

unsigned TierControl::last_evictable(bool file) const {
  const Position first = position(file, 0, 2);
  unsigned tier = 1;
  while (tier < kTiers && no_worse(first, position(file, tier, 3))) ++tier;
  return tier - 1;
}

bool TierControl::file_first(int swappiness) const {
  if (swappiness <= 1) return true;
  if (swappiness >= kMaxSwappiness) return false;
  const auto weight = static_cast<std::uint64_t>(swappiness);
  return no_worse(position_of_all(false, weight),
                  position_of_all(true, static_cast<std::uint64_t>(kMaxSwappiness) - weight));
}

}  // namespace pw
