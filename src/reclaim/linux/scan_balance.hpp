// How much of each list a round of reclaim looks at: anonymous against file pages, by swappiness
// and by what either cost lately (lru_note_cost(), mm/swap.c; get_scan_count(), mm/vmscan.c).
//
// A page written out or refaulted costs 32 points (SWAP_CLUSTER_MAX), a page that was looked at in
// vain one. When the points of both kinds together exceed a quarter of the pages in the lists, both
// are halved, so that the past fades at the pace of the lists. A kind is scanned in inverse
// proportion to its points, tempered so that neither gets less than a third of what it would get
// at equal cost.
#pragma once

#include <array>
#include <cstdint>

#include "reclaim/linux/lru_lists.hpp"

namespace pw {

class ScanBalance {
 public:
  static constexpr std::uint64_t kClusterMax = 32;

  // `listed`: pages in all lists, as far as the statistics know.
  void note(bool file, std::uint64_t written, std::uint64_t rotated, std::uint64_t listed) {
    const std::uint64_t cost = written * kClusterMax + rotated;
    if (cost == 0) return;
    (file ? file_ : anon_) += cost;
    if (anon_ + file_ <= listed / 4) return;
    anon_ /= 2;
    file_ /= 2;
  }
  std::uint64_t anon() const { return anon_; }
  std::uint64_t file() const { return file_; }

 private:
  std::uint64_t anon_ = 0, file_ = 0;
};

struct ScanChoice {
  enum class Kind : std::uint8_t { Equal, FileOnly, Fraction };
  Kind kind = Kind::Fraction;
  std::uint64_t anon = 0, file = 0, all = 0;  // Fraction
};

// `can_swap`: there is room to put anonymous pages. `trim_cache`: so many inactive file pages are
// there that nothing else need be touched.
ScanChoice choose_scan(const ScanBalance& balance, int swappiness, int priority, bool can_swap,
                       bool trim_cache);

// Pages of a list of `size` that a round of this priority looks at.
std::uint64_t scan_target(const ScanChoice& choice, Lru list, std::uint64_t size, int priority);

}  // namespace pw
