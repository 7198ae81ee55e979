// Effective access time, the textbook's forms (Silberschatz, Galvin, Gagne: Operating System
// Concepts, chapters "Main Memory" and "Virtual Memory"). Times in nanoseconds, probabilities 0
// .. 1.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pw::analysis {

// Translation by a TLB: every access looks it up; a miss reads `walk_references` table entries
// first.
constexpr double eat_tlb_ns(double hit_ratio, double tlb_ns, double memory_ns,
                            double walk_references) {
  const double hit_ns = tlb_ns + memory_ns;
  const double miss_ns = tlb_ns + (walk_references + 1) * memory_ns;
  return hit_ratio * hit_ns + (1 - hit_ratio) * miss_ns;
}

// Demand paging: with probability `fault` an access takes `fault_ns` instead of `memory_ns`.
constexpr double eat_paging_ns(double fault, double memory_ns, double fault_ns) {
  return (1 - fault) * memory_ns + fault * fault_ns;
}

// Both: what a reference costs without a fault is the TLB's form.
constexpr double eat_ns(double hit_ratio, double tlb_ns, double memory_ns, double walk_references,
                        double fault, double fault_ns) {
  return eat_paging_ns(fault, eat_tlb_ns(hit_ratio, tlb_ns, memory_ns, walk_references), fault_ns);
}

// How many times slower than without faults.
constexpr double slowdown(double fault, double memory_ns, double fault_ns) {
  return eat_paging_ns(fault, memory_ns, fault_ns) / memory_ns;
}

// The largest fault probability with a slowdown of at most `percent`; fault_ns > memory_ns.
constexpr double fault_probability_for(double percent, double memory_ns, double fault_ns) {
  return std::clamp(percent / 100 * memory_ns / (fault_ns - memory_ns), 0.0, 1.0);
}

}  // namespace pw::analysis
