// What one simulated CPU counts.
#pragma once

#include <cstdint>

namespace pw::sim {

struct TlbCounters {
  // Data and instruction references translated: l1_hits + l2_hits + walks. An attempt that ends in
  // a fault is not one; it is counted below and again, as what it then is, when it succeeds.
  std::uint64_t references = 0;
  std::uint64_t l1_hits = 0;
  std::uint64_t l2_hits = 0;
  std::uint64_t walks = 0;            // references that missed both
  std::uint64_t walk_references = 0;  // table entries read by these walks and by assists
  std::uint64_t faulting_walks = 0;   // attempts that ended in a fault
  std::uint64_t faulting_walk_references = 0;
  std::uint64_t walk_cache_hits[6] = {};  // by level of the entry found (2..5)
  std::uint64_t l1_hits_by_size[3] = {}, l2_hits_by_size[3] = {}, walks_by_size[3] = {};  // 4K,
                                                                                          // 2M, 1G
  std::uint64_t assists = 0;  // walks made only to set a dirty bit; the reference is a hit
  std::uint64_t flushes_full = 0;
  std::uint64_t flushes_page = 0;
  std::uint64_t entries_flushed = 0;
  std::uint64_t space_switches = 0;
  std::uint64_t ipis_received = 0;
  // Entries into the kernel and returns that loaded another root table (page-table isolation).
  std::uint64_t root_switches = 0;
};

}  // namespace pw::sim
