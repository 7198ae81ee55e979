#include "ports/sim/sim_mmu.hpp"

#include "base/check.hpp"

namespace pw::sim {

SimMmu::SimMmu(unsigned cpus, const CpuConfig& config, x86::TableMemory memory, std::uint64_t seed)
    : user_half_{Vpn(0), page_of(x86::user_end(config.levels))}, interrupted_(cpus) {
  PW_CHECK(cpus > 0);
  constexpr std::uint64_t kSeedsPerCpu = 16;  // more than a CPU has arrays
  for (unsigned i = 0; i < cpus; ++i) {
    cpus_.push_back(std::make_unique<SimCpu>(config, memory, seed + i * kSeedsPerCpu));
  }
}

// A page flush drops the space's upper entries too, as INVLPG does, so that `tables_freed` asks
// for nothing more.
void SimMmu::invalidate(SpaceId space, VpnRange range, FlushReason reason, bool /*tables_freed*/) {
  shoot_down(space, range, reason);
}

void SimMmu::drop_space(SpaceId space, FlushReason reason) {
  shoot_down(space, user_half_, reason);
}

void SimMmu::shoot_down(SpaceId space, VpnRange range, FlushReason reason) {
  ++shootdowns_.requests;
  ++shootdowns_.requests_by_reason[static_cast<unsigned>(reason)];
  std::uint32_t sent = 0;
  for (unsigned i = 0; i < cpus(); ++i) {
    SimCpu& cpu = *cpus_[i];
    bool disturbed = cpu.flush_global(range);
    if (cpu.is_active(space)) {
      disturbed = true;
      if (range.pages() > kFlushCeiling) {
        cpu.flush_active_all();
      } else {
        cpu.flush_active(range);
      }
    }
    if (cpu.mark_stale(space) && !disturbed) ++shootdowns_.lazy;
    if (disturbed && i != initiator_ && interrupt(i, reason)) ++sent;
  }
  if (sent == 0) return;
  ++shootdowns_.shootdowns;
  if (listener_ == nullptr) return;
  MemoryEvent event;
  event.kind = MemoryEvent::Kind::Shootdown;
  event.cpu = initiator_;
  event.space = space;
  event.range = range;
  event.reason = reason;
  event.cpus = sent;
  listener_->happened(event);
}

void SimMmu::listen(MemoryListener* listener) {
  listener_ = listener;
  for (unsigned i = 0; i < cpus(); ++i) cpus_[i]->listen(listener, i);
}

bool SimMmu::interrupt(unsigned cpu, FlushReason reason) {
  if (in_batch_ && interrupted_[cpu]) return false;
  interrupted_[cpu] = in_batch_;
  ++shootdowns_.ipis;
  ++shootdowns_.ipis_by_reason[static_cast<unsigned>(reason)];
  cpus_[cpu]->receive_ipi();
  return true;
}

void SimMmu::begin_batch() {
  PW_CHECK(!in_batch_);
  in_batch_ = true;
}

void SimMmu::end_batch() {
  PW_CHECK(in_batch_);
  in_batch_ = false;
  interrupted_.assign(interrupted_.size(), false);
}

}  // namespace pw::sim
