// What reclaim believes about the lists: statistics of the group that are up to two seconds old.
//
// The kernel counts each CPU for itself and adds up when somebody reads memory.stat, or every two
// seconds (mm/memcontrol.c: flush_memcg_stats_dwork(), mem_cgroup_flush_stats_ratelimited()). The
// sizes that inactive_is_low(), lru_note_cost() and the refault test look at, and the refault count
// that prepare_scan_control() compares, come from these sums (lruvec_page_state()), while
// get_scan_count() sees the true sizes. Measured: with sums refreshed every 20 ms a run repeats
// within 3 %, without within 280 %.
#pragma once

#include <array>
#include <cstdint>

#include "reclaim/linux/lru_lists.hpp"

namespace pw {

class GroupStatistics {
 public:
  // memcg_vmstats_needs_flush(): fewer changes than this are not worth adding up.
  static constexpr std::uint64_t kWorthwhile = 64;

  GroupStatistics(std::uint64_t flush_ns, unsigned cpus, std::uint64_t phase_ns = 0)
      : flush_ns_(flush_ns), phase_ns_(phase_ns), cpus_(cpus) {}

  // Changes are told as they happen, and seen after a flush.
  void count_list(Lru list, std::int64_t pages) {
    now_.lists[static_cast<unsigned>(list)] += pages;
    changes_ += static_cast<std::uint64_t>(pages < 0 ? -pages : pages);
  }
  void count_activation(bool file, std::uint64_t pages = 1) {
    now_.activations[file ? 1 : 0] += pages;
    changes_ += pages;
  }

  // Adds up if it is time for that.
  void look(std::uint64_t now_ns) {
    if (now_ns < next_ns_) return;
    next_ns_ = now_ns - (now_ns + phase_ns_) % flush_ns_ + flush_ns_;
    if (changes_ <= kWorthwhile * cpus_) return;
    seen_ = now_;
    changes_ = 0;
  }
  std::uint64_t size(Lru list) const {
    const std::int64_t pages = seen_.lists[static_cast<unsigned>(list)];
    return pages < 0 ? 0 : static_cast<std::uint64_t>(pages);
  }
  std::uint64_t activations(bool file) const { return seen_.activations[file ? 1 : 0]; }

 private:
  struct Sums {
    std::array<std::int64_t, kLruLists> lists{};
    std::array<std::uint64_t, 2> activations{};  // WORKINGSET_ACTIVATE_ANON, _FILE
  };
  std::uint64_t flush_ns_, phase_ns_;  // they are that old at the start
  unsigned cpus_;
  Sums now_, seen_;
  std::uint64_t changes_ = 0;
  std::uint64_t next_ns_ = 0;
};

}  // namespace pw
