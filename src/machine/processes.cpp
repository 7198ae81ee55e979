// Processes of the machine: their birth, their programs, their end.
#include "machine/machine.hpp"

#include <algorithm>

#include "proc/exec.hpp"

namespace pw {

Result<Process*> Machine::running(Pid pid) {
  Process* process = processes_.find(pid);
  if (process == nullptr || process->state != ProcessState::Running) return fail(Errno::NoProcess);
  return process;
}

// Gives the space an owner that returns its id when the last process lets go.
std::shared_ptr<AddressSpace> Machine::share(std::unique_ptr<AddressSpace> space) {
  reclaimer_->space_began(*space);
  return {space.release(), [this](AddressSpace* last) {
            const SpaceId id = last->id();
            unmap_all(*last);
            reclaimer_->space_ended(id);
            mmu_->drop_space(id, FlushReason::Unmap);
            delete last;
            free_space_ids_.push_back(id);
          }};
}

namespace {

SpaceId take_space_id(std::vector<SpaceId>& free, SpaceId& next) {
  if (free.empty()) return next++;
  const SpaceId id = free.back();
  free.pop_back();
  return id;
}

}  // namespace

Result<std::shared_ptr<AddressSpace>> Machine::new_space(ProcessLayout& places) {
  LayoutConfig layout;
  layout.levels = config_.levels;
  layout.bits32 = config_.bits32;
  layout.aslr = config_.aslr;
  layout.stack_limit = config_.stack_limit;
  layout.stack_guard_gap = config_.stack_guard_gap;
  places = make_layout(layout, random_);
  if (config_.places) {
    places.stack_top = config_.places->stack_end;
    places.space.mmap_top = page_of(config_.places->mmap_top);
    places.space.heap_begin = page_of(config_.places->heap_begin);
    places.space.lowest = page_of(config_.places->lowest);
    places.space.growth_floor = page_of(config_.places->growth_floor);
  }
  const SpaceId id = take_space_id(free_space_ids_, next_space_id_);
  auto space = AddressSpace::create(*core_, id, places.space, config_.levels, nullptr);
  if (space != nullptr) return share(std::move(space));
  free_space_ids_.push_back(id);
  return fail(Errno::NoMemory);
}

Result<Pid> Machine::spawn(const std::string& name) {
  ProcessLayout places;
  auto space = new_space(places);
  if (!space) return tl::unexpected(space.error());
  Process& process = processes_.create(0);
  process.name = name;
  process.places = places;
  process.limits.stack = config_.stack_limit.value;
  process.pkru = config_.protection_keys ? kInitialPkru : 0;
  process.space = std::move(*space);
  counters_.processes_peak = std::max<std::uint64_t>(counters_.processes_peak, processes_.size());
  checked();
  return process.pid;
}

Result<void> Machine::replace_space(Pid pid, const std::string& name) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  Process& process = **found;
  ProcessLayout places;
  auto space = new_space(places);
  if (!space) return tl::unexpected(space.error());
  const FaultCounters before = process.space->counters().faults;
  (*space)->settings().thp_disabled = process.space->settings().thp_disabled;
  process.pkru = config_.protection_keys ? kInitialPkru : 0;
  leave_space(process);
  process.space = std::move(*space);
  reclaimer_->set_priority(process.space->id(), process.priority);
  process.space->counters().faults = before;  // of the process, whatever it runs
  process.places = places;
  process.name = name;
  process.borrowed_space = false;
  ++counters_.execs;
  checked();
  return {};
}

Result<Pid> Machine::fork(Pid parent) {
  const auto from = running(parent);
  if (!from) return tl::unexpected(from.error());
  const SpaceId id = take_space_id(free_space_ids_, next_space_id_);
  auto forked = in_space(parent, [id](AddressSpace& space) {
    return Result<std::unique_ptr<AddressSpace>>(fork_space(space, id));
  });
  if (*forked == nullptr) {
    mmu_->drop_space(id, FlushReason::Unmap);
    free_space_ids_.push_back(id);
    checked();
    return fail(Errno::NoMemory);
  }
  Process& child = processes_.create(parent);
  child.cpu = (*from)->cpu;
  child.user = (*from)->user;
  child.limits = (*from)->limits;
  child.pkru = (*from)->pkru;
  child.name = (*from)->name;
  child.places = (*from)->places;
  child.space = share(std::move(*forked));
  child.priority = (*from)->priority;
  reclaimer_->set_priority(child.space->id(), child.priority);
  ++counters_.forks;
  counters_.processes_peak = std::max<std::uint64_t>(counters_.processes_peak, processes_.size());
  checked();
  return child.pid;
}

Result<Pid> Machine::vfork(Pid parent) {
  const auto from = running(parent);
  if (!from) return tl::unexpected(from.error());
  Process& child = processes_.create(parent);
  child.cpu = (*from)->cpu;
  child.user = (*from)->user;
  child.limits = (*from)->limits;
  child.pkru = (*from)->pkru;
  child.name = (*from)->name;
  child.places = (*from)->places;
  child.space = (*from)->space;
  child.borrowed_space = true;
  ++counters_.forks;
  counters_.processes_peak = std::max<std::uint64_t>(counters_.processes_peak, processes_.size());
  return child.pid;
}

// Takes the process out of its space; the space goes with the last one.
void Machine::leave_space(Process& process) {
  if (process.space == nullptr) return;
  process.faults = process.space->counters().faults;
  process.resident_peak = process.space->counters().resident_peak;
  process.told_peak = std::max(process.told_peak, process.space->counters().told_resident.peak());
  mmu_->set_initiator(process.cpu);
  const bool last = process.space.use_count() == 1;
  if (last) {
    for (unsigned i = 0; i < mmu_->cpus(); ++i) {
      if (mmu_->cpu(i).is_active(process.space->id())) mmu_->cpu(i).unload_space();
    }
  }
  process.space.reset();
}

Result<void> Machine::set_pkru(Pid pid, std::uint32_t pkru) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  if (!config_.protection_keys) return fail(Errno::NoCall);
  (*found)->pkru = pkru;
  return {};
}

Result<void> Machine::exit(Pid pid, int status, ExitCause cause) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  Process& process = **found;
  leave_space(process);
  process.state = ProcessState::Zombie;
  process.status = status;
  process.cause = cause;
  if (cause == ExitCause::OutOfMemory) ++counters_.reclaim.oom_kills;
  checked();
  return {};
}

Result<void> Machine::reap(Pid pid) {
  const Process* process = processes_.find(pid);
  if (process == nullptr || process->state != ProcessState::Zombie) return fail(Errno::NoChild);
  processes_.erase(pid);
  return {};
}

Result<void> Machine::set_priority(Pid pid, int priority) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  if (priority < 0 || priority > 1'000) return fail(Errno::Invalid);
  (*found)->priority = priority;
  reclaimer_->set_priority((*found)->space->id(), priority);
  return {};
}

Result<void> Machine::run_on(Pid pid, unsigned cpu) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  if (cpu >= config_.cpus) return fail(Errno::Invalid);
  (*found)->cpu = cpu;
  return {};
}

Result<VirtAddr> Machine::exec(Pid pid, FileId program, std::span<const std::string> arguments) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  const Result<ElfImage> image = read_elf(*core_, objects_->object(program));
  if (!image) return tl::unexpected(image.error());
  Process& process = **found;
  PW_TRY(replace_space(pid, arguments.empty() ? process.name : arguments.front()));
  const Result<LoadedProgram> loaded = map_program(
      *process.space, *image, objects_->object(program), process.places.program_base);
  if (!loaded) {
    (void)exit(pid, 127, ExitCause::Exit);
    return tl::unexpected(loaded.error());
  }
  process.space->layout().heap_begin = loaded->heap_begin;
  process.space->set_brk(address_of(loaded->heap_begin));
  bool complete = map_stack(pid, initial_stack()).has_value();
  for (const ZeroRange& tail : loaded->zero_tails) {
    const std::vector<std::byte> zeros(tail.length.value);
    complete = complete && write(pid, tail.begin, zeros).ok();
  }
  if (!complete) {
    (void)exit(pid, 127, ExitCause::Exit);  // unless the write has ended it already
    return fail(Errno::NoMemory);
  }
  checked();
  return loaded->entry;
}

}  // namespace pw
