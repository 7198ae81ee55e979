// Accesses: translate, and where that fails, fault and access again.
#include <algorithm>
#include <cstring>

#include "machine/machine.hpp"
#include "space/translations.hpp"

namespace pw {

AccessResult Machine::kill(Process& process, const FaultOutcome& outcome, VirtAddr address,
                           std::uint32_t error_code) {
  AccessResult result;
  result.code = outcome.code;
  result.address = address;
  result.error_code = error_code;
  ExitCause cause = ExitCause::Segv;
  switch (outcome.kind) {
    case FaultOutcome::Kind::Bus:
      result.kind = AccessResult::Kind::Bus;
      cause = ExitCause::Bus;
      break;
    case FaultOutcome::Kind::Oom:
      result.kind = AccessResult::Kind::Oom;
      cause = ExitCause::OutOfMemory;
      break;
    default:
      result.kind = AccessResult::Kind::Segv;
      break;
  }
  if (config_.signals_kill || cause == ExitCause::OutOfMemory) {
    constexpr int kSigBus = 7, kSigKill = 9, kSigSegv = 11;
    const int signal = cause == ExitCause::Bus    ? kSigBus
                       : cause == ExitCause::Segv ? kSigSegv
                                                  : kSigKill;
    (void)exit(process.pid, 128 + signal, cause);
  }
  return result;
}

void Machine::note_reference(Pfn page) {
  const Pfn pfn = pool_->head_of(page);
  if ((pool_->frame(pfn).flags & kFrameListed) != 0) reclaimer_->touch(pfn);
}

AccessResult Machine::access(Process& process, sim::SimCpu& cpu, VirtAddr address, Access kind,
                             std::uint64_t count, sim::Translation& out) {
  if (reclaimer_->goes_by_time()) reclaimer_->pass_time(count);
  if (!cpu.translate_run(address, kind, Mode::User, count, out)) {
    const AccessResult result = access_after_fault(process, cpu, address, kind, count, out);
    if (!result.ok()) return result;
  }
  if (reclaimer_->wants_references()) note_reference(out.pfn);
  return {};
}

AccessResult Machine::access_after_fault(Process& process, sim::SimCpu& cpu, VirtAddr address,
                                         Access kind, std::uint64_t count, sim::Translation& out) {
  FaultRequest request{process.space.get(), address, kind};
  process.space->limits() = process.limits_now();
  request.pkru = process.pkru;
  FaultTally tally(process);
  do {
    const KernelScope kernel(kernel_map_.get(), cpu);
    if (out.non_canonical) {
      ++counters_.faults.segv;
      tally.stop();
      return kill(process, FaultOutcome::segv(SignalCode::Kernel), VirtAddr(0), 0);
    }
    sync_clock(cpu);
    run_due();
    const FaultOutcome outcome = handle_fault(*core_, request, watcher_);
    if (outcome.kind == FaultOutcome::Kind::Wait) {
      if (outcome.until_ns > clock_.now_ns()) {
        counters_.io_wait_ns += outcome.until_ns - clock_.now_ns();
        clock_.advance_to(outcome.until_ns);
      }
    } else if (outcome.kind == FaultOutcome::Kind::Oom && config_.model == MemoryModel::Linux &&
               kill_for_memory(process)) {
      continue;
    } else if (outcome.kind != FaultOutcome::Kind::Resolved) {
      tally.stop();
      return kill(process, outcome, address, out.error_code);
    }
  } while (!cpu.translate_run(address, kind, Mode::User, count, out));
  reclaimer_->after_fault(pool_->head_of(out.pfn));
  return {};
}

AccessResult Machine::touch(Pid pid, VirtAddr address, Access kind) {
  return touch_run(pid, address, kind, 1);
}

AccessResult Machine::touch_run(Pid pid, VirtAddr address, Access kind, std::uint64_t count) {
  const auto found = running(pid);
  if (!found) return {AccessResult::Kind::Segv, SignalCode::MapErr, address, 0};
  return touch_run(**found, address, kind, count);
}

// One return value, so that it is built in the caller's place: copying it would stall the host,
// which has just written its parts.
AccessResult Machine::touch_run(Process& process, VirtAddr address, Access kind,
                                std::uint64_t count) {
  sim::Translation out;
  AccessResult result = process.state == ProcessState::Running
                            ? access(process, enter(process), address, kind, count, out)
                            : AccessResult{AccessResult::Kind::Segv, {}, address, 0};
  checked();
  return result;
}

void Machine::set_in_use(Process& process, Vpn vpn, bool in_use) {
  if (process.state != ProcessState::Running) return;
  int level = 0;
  x86::Pte* entry = process.space->tables().find_any(vpn, level);
  if (entry == nullptr || !entry->present()) return;
  // Of a huge page each page is marked apart; all of it is in use as long as one of them is.
  const bool others = level == 2 && mark_in_use(process.space->tables(), vpn, in_use);
  if (!in_use && others) {
    entry->raw |= x86::kAccessed;
    if (reclaimer_->wants_references()) note_reference(entry->pfn());
    return;
  }
  if (in_use) {
    entry->raw |= kInUse;
    return;
  }
  entry->raw = (entry->raw & ~kInUse) | x86::kAccessed;
  if (config_.linux_options.ageing == Ageing::Generations) {
    process.space->tables().find(vpn, 2)->raw |= x86::kAccessed;  // a walk led through it
  }
  if (reclaimer_->wants_references()) note_reference(entry->pfn());
}

void Machine::note_written(Process& process, Vpn vpn) {
  if (pool_->huge().count() == 0 || process.state != ProcessState::Running) return;
  int level = 0;
  x86::Pte* entry = process.space->tables().find_any(vpn, level);
  if (entry == nullptr || !entry->present()) return;
  (level == 2 ? process.space->tables().reserve_entry(vpn) : *entry).raw |= kWritten;
}

FaultOutcome Machine::try_touch(Pid pid, FaultRequest& request) {
  const auto found = running(pid);
  if (!found) return FaultOutcome::segv(SignalCode::MapErr);
  Process& process = **found;
  sim::SimCpu& cpu = enter(process);
  sim::Translation out;
  request.space = process.space.get();
  process.space->limits() = process.limits_now();
  request.pkru = process.pkru;
  // The same reference tried again is not another one.
  const bool again = request.major || request.retried || request.memory_waits > 0;
  if (!again && reclaimer_->goes_by_time()) {
    reclaimer_->pass_time(1);
  }
  bool faulted = again;
  while (!cpu.translate(request.address, request.access, Mode::User, out)) {
    faulted = true;
    const KernelScope kernel(kernel_map_.get(), cpu);
    sync_clock(cpu);
    run_due();
    const FaultOutcome outcome = out.non_canonical ? FaultOutcome::segv(SignalCode::Kernel)
                                                   : handle_fault(*core_, request, watcher_);
    if (outcome.kind == FaultOutcome::Kind::Resolved) continue;
    if (outcome.kind != FaultOutcome::Kind::Wait) {
      kill(process, outcome, request.address, out.error_code);
    }
    return outcome;
  }
  sync_clock(cpu);
  if (faulted) reclaimer_->after_fault(pool_->head_of(out.pfn));
  if (reclaimer_->wants_references()) note_reference(out.pfn);
  return FaultOutcome::resolved();
}

namespace {

// The bytes of [address, address + left) that lie in the page of `address`.
std::size_t within_page(VirtAddr address, std::size_t left) {
  return std::min<std::size_t>(left, kPageSize - offset_in_page(address));
}

}  // namespace

AccessResult Machine::read(Pid pid, VirtAddr address, std::span<std::byte> out) {
  const auto found = running(pid);
  if (!found) return {AccessResult::Kind::Segv, SignalCode::MapErr, address, 0};
  sim::SimCpu& cpu = enter(**found);
  AccessResult result;
  while (!out.empty() && result.ok()) {
    const std::size_t n = within_page(address, out.size());
    sim::Translation place;
    result = access(**found, cpu, address, Access::Read, 1, place);
    if (!result.ok()) break;
    std::memcpy(out.data(), pool_->bytes(place.pfn) + offset_in_page(address), n);
    out = out.subspan(n);
    address = address + ByteCount(n);
  }
  checked();
  return result;
}

AccessResult Machine::write(Pid pid, VirtAddr address, std::span<const std::byte> bytes) {
  const auto found = running(pid);
  if (!found) return {AccessResult::Kind::Segv, SignalCode::MapErr, address, 0};
  sim::SimCpu& cpu = enter(**found);
  AccessResult result;
  while (!bytes.empty() && result.ok()) {
    const std::size_t n = within_page(address, bytes.size());
    sim::Translation place;
    result = access(**found, cpu, address, Access::Write, 1, place);
    if (!result.ok()) break;
    std::memcpy(pool_->bytes(place.pfn) + offset_in_page(address), bytes.data(), n);
    bytes = bytes.subspan(n);
    address = address + ByteCount(n);
  }
  checked();
  return result;
}

}  // namespace pw
