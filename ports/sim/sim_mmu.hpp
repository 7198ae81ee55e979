// The simulated machine's translation hardware: its CPUs, and the shootdowns between them.
//
// Owned by Machine. Contract: mmu_port.hpp. A CPU on which the space is active drops its
// translations at once: directly if it is the initiator, else by an interrupt, which is counted. A
// CPU that only keeps the space under an inactive PCID is not disturbed: the PCID is marked stale,
// and flushed before it is used again (Linux keeps a generation for that, tlb_gen in
// arch/x86/mm/tlb.c). Global entries of the range are dropped at once everywhere, since any space
// would use them.
//
// Between begin_batch() and end_batch() a CPU gets one interrupt at most: reclaim unmaps many
// pages and flushes once (Linux arch_tlbbatch_flush). Only the count is batched; entries still go
// at once.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "port/memory_events.hpp"
#include "port/mmu_port.hpp"
#include "ports/sim/sim_cpu.hpp"

namespace pw::sim {

struct ShootdownCounters {
  std::uint64_t requests = 0;    // calls of invalidate() and drop_space()
  std::uint64_t shootdowns = 0;  // requests that had to interrupt some CPU
  std::uint64_t ipis = 0;        // interrupts sent
  std::uint64_t lazy = 0;        // CPUs spared an interrupt because the space was inactive there
  std::array<std::uint64_t, kFlushReasons> requests_by_reason{};
  std::array<std::uint64_t, kFlushReasons> ipis_by_reason{};
};

class SimMmu final : public MmuPort {
 public:
  // More pages than this are flushed with their whole space (Linux tlb_single_page_flush_ceiling).
  static constexpr PageCount kFlushCeiling{33};

  SimMmu(unsigned cpus, const CpuConfig& config, x86::TableMemory memory, std::uint64_t seed);

  unsigned cpus() const { return static_cast<unsigned>(cpus_.size()); }
  SimCpu& cpu(unsigned index) { return *cpus_[index]; }
  const SimCpu& cpu(unsigned index) const { return *cpus_[index]; }

  // The CPU on which the core runs from now on: the one that needs no interrupt.
  void set_initiator(unsigned cpu) { initiator_ = cpu; }
  unsigned initiator() const { return initiator_; }

  void invalidate(SpaceId space, VpnRange range, FlushReason reason, bool tables_freed) override;
  void drop_space(SpaceId space, FlushReason reason) override;

  // To switches of spaces and to shootdowns. Null: nobody listens any more.
  void listen(MemoryListener* listener);

  void begin_batch();
  void end_batch();

  const ShootdownCounters& shootdowns() const { return shootdowns_; }

  // fn(unsigned cpu, SpaceId, Vpn, int level, Pfn, std::uint64_t rights, bool dirty), see SimCpu.
  template <class Visit>
  void for_each_cached(Visit&& fn) const {
    for (unsigned i = 0; i < cpus(); ++i) {
      cpu(i).for_each_cached([&](auto... what) { fn(i, what...); });
    }
  }
  // fn(unsigned cpu, SpaceId, Vpn, int level, Pfn table, std::uint64_t rights), see SimCpu.
  template <class Visit>
  void for_each_cached_table(Visit&& fn) const {
    for (unsigned i = 0; i < cpus(); ++i) {
      cpu(i).for_each_cached_table([&](auto... what) { fn(i, what...); });
    }
  }

 private:
  void shoot_down(SpaceId space, VpnRange range, FlushReason reason);
  bool interrupt(unsigned cpu, FlushReason reason);

  std::vector<std::unique_ptr<SimCpu>> cpus_;
  VpnRange user_half_;  // what a space can lose: the kernel half is everybody's
  unsigned initiator_ = 0;
  bool in_batch_ = false;
  std::vector<bool> interrupted_;  // in this batch
  ShootdownCounters shootdowns_;
  MemoryListener* listener_ = nullptr;
};

}  // namespace pw::sim
