// The kernel's own collapsing: a thread that looks at a few areas of 2 MiB every ten seconds, at
// all programs' in turn, and makes huge pages of what is used.
//
// Source: khugepaged_scan_mm_slot() in mm/khugepaged.c of Linux 6.18; the settings are those of
// /sys/kernel/mm/transparent_hugepage/khugepaged. It works beside the programs: they don't wait.
//
// Owned by the Machine.
#pragma once

#include "huge/collapse.hpp"

namespace pw {

class Khugepaged {
 public:
  // What falls due until now: a round of options.scan_sleep_ns each.
  void run(Core& core);

 private:
  void round(Core& core);
  // Looks on in a space, from next_ on. False: its end was reached.
  bool look(Core& core, AddressSpace& space, std::uint64_t& left);

  std::uint64_t due_ns_ = 0;  // 0: not yet begun
  std::uint64_t serial_ = 0;  // of the space that is being looked at, by its private object
  Vpn next_{0};
};

}  // namespace pw
