// A machine's configuration: values only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/options.hpp"
#include "base/units.hpp"
#include "port/device.hpp"
#include "ports/sim/geometry.hpp"

namespace pw {

// Where the parts of each process lie, in place of the kernel's own choice: for a machine that is
// compared with another one.
struct GivenPlaces {
  VirtAddr mmap_top, heap_begin, stack_begin, stack_end, lowest;
  VirtAddr growth_floor{};  // below lies something that is none of the process's own
};

struct MachineConfig {
  ByteCount ram{16ULL << 30};
  ByteCount swap{0};  // 0: no swap area
  MemoryModel model = MemoryModel::Policy;
  std::string policy = "clock";  // a name from src/policy, with options: "2q:kin=0.3"
  LinuxOptions linux_options;
  int levels = 4;  // page-table levels: 4 or 5
  unsigned cpus = 1;
  sim::CpuConfig cpu;
  DeviceModel swap_device = kSsd;
  DeviceModel file_device = kSsd;
  FaultCosts costs;
  PrefetchConfig prefetch;
  Contents contents = Contents::Bytes;
  bool cold_page_cache = false;  // replay: file pages must be read first; else they are in memory
                                 // already
  std::uint64_t resident_limit_pages = 0;  // at most this many user pages in frames; 0: as many as
                                           // fit
  std::int64_t min_free_pages = -1;        // the min watermark; -1: from RAM as Linux does, 0: no
                                           // watermarks
  int swappiness = -1;  // -1: one order for all pages; 0..200: anonymous and file lists apart
  Replacement replacement = Replacement::Global;
  Allocation allocation = Allocation::Equal;  // how local replacement divides the frames
  std::uint32_t page_out_cluster = 1;  // dirty neighbours written in one request with a victim
  std::uint32_t prefer_clean = 0;      // dirty pages that reclaim passes over for a clean one
  std::uint64_t quantum_ns = 4'000'000;
  std::uint64_t dirty_expire_ns = 30'000'000'000;  // as vm.dirty_expire_centisecs
  std::uint64_t writeback_interval_ns = 5'000'000'000;
  ByteCount stack_limit{8ULL << 20};
  PageCount stack_guard_gap{256};
  std::size_t max_areas = 65530;               // of one process: vm.max_map_count
  Overcommit overcommit = Overcommit::Always;  // scripts: Heuristic, as Linux
  std::uint32_t overcommit_percent = 50;       // vm.overcommit_ratio
  // fork copies no translations, which Linux does: an idle child costs next to nothing, a busy one
  // takes a minor fault for each page it looks at.
  bool lazy_fork = false;
  bool aslr = false;
  bool protection_keys = true;  // CR4.PKE
  bool anon_names = true;       // CONFIG_ANON_VMA_NAME: PR_SET_VMA works
  bool bits32 = false;          // programs live in 3 GiB, the kernel above
  // The kernel has its own part of the addresses, and what it references there goes through the
  // TLBs (machine/kernel_map.hpp). Off: the programs' references are all there is.
  bool kernel_map = false;
  bool kpti = false;  // and user mode runs on page tables without it; implies kernel_map
  std::optional<GivenPlaces> places;
  bool signals_kill = true;  // SIGSEGV and SIGBUS end the process; off: the access just fails
  std::uint64_t seed = 1;
  bool verify_each_operation = false;  // Machine::verify() after every public operation
};

}  // namespace pw
