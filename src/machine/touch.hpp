// What of a reference is inlined into loops that make many of them, and what such a loop may ask of
// a page. Declared in machine.hpp.
#pragma once

#include "machine/machine.hpp"
#include "space/translations.hpp"

namespace pw {

// The caller knows the CPU that the process runs on, as long as the machine has done nothing but
// translate since: before_fault.cpu, null if it does not know.
template <class BeforeFault>
[[gnu::always_inline]] inline AccessResult Machine::touch_one(Process& process, VirtAddr address,
                                                              Access kind,
                                                              BeforeFault&& before_fault) {
  AccessResult result;
  if (before_fault.cpu == nullptr) [[unlikely]] {
    if (process.state != ProcessState::Running) {
      result = touch_run(process, address, kind, 1);
      return result;
    }
    before_fault.cpu = &enter(process);
  }
  sim::SimCpu& cpu = *before_fault.cpu;
  sim::Translation out;
  if (reclaimer_->goes_by_time()) reclaimer_->pass_time(1);
  if (!cpu.translate(address, kind, Mode::User, out)) [[unlikely]] {
    before_fault();
    before_fault.cpu = nullptr;
    result = access_after_fault(process, cpu, address, kind, 1, out);
  }
  if (reclaimer_->wants_references() && result.ok()) note_reference(out.pfn);
  checked();
  return result;
}

// A policy that goes by time looks when it is told of a reference; one that orders by references
// takes the end for one.
inline bool Machine::looks_only_when_called() const {
  return !reclaimer_->wants_references() && !reclaimer_->goes_by_time() &&
         config_.linux_options.ageing != Ageing::Generations;
}

inline bool Machine::use_leaves_no_trace(Process& process, Vpn vpn) {
  constexpr std::uint64_t kSeen = x86::kPresent | x86::kAccessed;
  const x86::Pte* entry = process.space->tables().find(vpn);
  return entry != nullptr && (entry->raw & (kSeen | kInUse)) == kSeen;
}

}  // namespace pw
