// Which pages of the oldest generation are spared although nobody references them through page
// tables, and which kind of page is looked at first: the feedback loop of the multi-generational
// LRU (struct ctrl_pos, read_ctrl_pos(), reset_ctrl_pos(), positive_ctrl_err(), get_tier_idx(),
// get_type_to_scan(), mm/vmscan.c).
//
// A generation has four tiers: a page that read(2) and write(2) used N times is in tier
// ceil(log2(N)), one that was in the working set before in the last. For each kind and tier is
// counted what was evicted, what was spared (protected), and what of the evicted came back before
// its generation was forgotten (refaulted). The measure of a tier is
//
//     refaulted / (evicted + protected)
//
// of the generation that is the oldest now, added to the mean of those before it, each of which
// weighs half as much as the next. A tier that comes back more often than the first one, by a
// factor that the gains set, is worth keeping; and so is one kind of page against the other, where
// swappiness sets the gains.
//
// Owned by Generations.
#pragma once

#include <array>
#include <cstdint>

namespace pw {

class TierControl {
 public:
  static constexpr unsigned kTiers = 4;           // MAX_NR_TIERS
  static constexpr std::uint64_t kMinBatch = 64;  // MIN_LRU_BATCH
  static constexpr int kMaxSwappiness = 200;

  void note_evicted(bool file, unsigned tier, std::uint64_t pages) {
    now_[index(file)].evicted[tier] += pages;
  }
  void note_protected(bool file, unsigned tier, std::uint64_t pages) {
    now_[index(file)].spared[tier] += pages;
  }
  void note_refaulted(bool file, unsigned tier, std::uint64_t pages) {
    now_[index(file)].refaulted[tier] += pages;
  }

  // The oldest generation of this kind is forgotten.
  void carry_over(bool file);
  // The last tier whose pages go; those of the tiers above are spared.
  unsigned last_evictable(bool file) const;
  // Whether files' pages are looked at first.
  bool file_first(int swappiness) const;

  struct Position {  // ctrl_pos
    std::uint64_t refaulted = 0, total = 0;
    std::uint64_t gain = 1;
  };
  Position position(bool file, unsigned tier, std::uint64_t gain) const;
  Position position_of_all(bool file, std::uint64_t gain) const;
  // `value` comes back no more often than `setpoint`, or too seldom to tell.
  static bool no_worse(const Position& setpoint, const Position& value);

 private:
  using Counts = std::array<std::uint64_t, kTiers>;
  struct History {
    Counts refaulted{}, evicted{}, spared{};  // of the oldest generation
    Counts mean_refaulted{}, mean_total{};    // of those before it
  };
  static unsigned index(bool file) { return file ? 1 : 0; }

  std::array<History, 2> now_;  // anonymous, files
};

}  // namespace pw
