#include "script/sim_target.hpp"

#include <algorithm>

#include "script/counters.hpp"
#include "script/diagnostic.hpp"
#include "script/process_view.hpp"
#include "script/show.hpp"
#include "view/files.hpp"

namespace pw::script {

namespace {

// Whom programs run as here: nobody's limits are lifted, as for processes of the host's kernel.
constexpr UserId kNobodyUser = 65534;

constexpr Pid kNobody = 0x7fff'ffff;  // what an index without a process becomes

Outcome outcome_with(std::int64_t value) {
  Outcome outcome;
  outcome.value = value;
  return outcome;
}

Outcome failed_with(Errno code) { return outcome_with(-static_cast<std::int64_t>(code)); }

// si_code of what the machine says.
int code_of(const AccessResult& access) {
  if (access.kind == AccessResult::Kind::Bus) return kAdrErr;
  if (access.code == SignalCode::Kernel) return kSentByKernel;
  if (access.code == SignalCode::PkuErr) return kPkuErr;
  return access.code == SignalCode::MapErr ? kMapErr : kAccErr;
}

Outcome outcome_of(const AccessResult& access) {
  Outcome outcome;
  switch (access.kind) {
    case AccessResult::Kind::Ok:
      return outcome;
    case AccessResult::Kind::Segv:
      outcome.signal = kSigSegv;
      break;
    case AccessResult::Kind::Bus:
      outcome.signal = kSigBus;
      break;
    case AccessResult::Kind::Oom:
      outcome.signal = kSigKill;
      return outcome;
  }
  outcome.code = code_of(access);
  outcome.address = access.address;
  return outcome;
}

std::uint64_t tlb_entries(const MachineConfig& config) {
  const sim::TlbConfig& tlb = config.cpu.tlb;
  std::uint64_t entries = 0;
  for (const sim::TlbGeometry& array : {tlb.l1i_4k, tlb.l1i_2m, tlb.l1i_1g, tlb.l1d_4k, tlb.l1d_2m,
                                        tlb.l1d_1g, tlb.l2, tlb.l2_1g}) {
    entries += std::uint64_t{array.sets} * array.ways;
  }
  return entries * config.cpus;
}

}  // namespace

SimTarget::SimTarget(std::unique_ptr<Machine> machine, std::shared_ptr<StoreBudget> budget)
    : machine_(std::move(machine)), budget_(std::move(budget)) {
  kernel_ = std::make_unique<sys::Kernel>(
      *machine_, [this](const std::string&) -> Result<std::unique_ptr<BackingStore>> {
        return std::make_unique<SparseStore>(ByteCount(0), budget_);
      });
}

Result<std::unique_ptr<SimTarget>> SimTarget::create(MachineConfig config,
                                                     const SimLimits& limits) {
  if (config.ram > limits.ram) {
    return fail(Errno::Invalid, "the machine has " + in_decimal(config.ram.value) +
                                    " bytes of RAM; the limit is " + in_decimal(limits.ram.value) +
                                    " (the limit 'ram')");
  }
  if (tlb_entries(config) > limits.tlb_entries) {
    return fail(Errno::Invalid, "the TLBs have " + in_decimal(tlb_entries(config)) +
                                    " entries in all; the limit is " +
                                    in_decimal(limits.tlb_entries));
  }
  config.signals_kill = false;
  auto budget = std::make_shared<StoreBudget>();
  budget->pages = limits.store.value >> kPageShift;
  std::unique_ptr<BackingStore> swap;
  if (config.swap.value > 0 && config.contents == Contents::Bytes) {
    swap = std::make_unique<SparseStore>(config.swap, budget);
  }
  auto machine = Machine::create(config, std::move(swap));
  if (!machine) return tl::unexpected(machine.error());
  return std::unique_ptr<SimTarget>(new SimTarget(std::move(*machine), std::move(budget)));
}

void SimTarget::note_pid(ProcessIndex process, Pid pid) {
  if (pids_.size() <= process) pids_.resize(std::size_t{process} + 1);
  pids_[process] = pid;
  (void)machine_->run_on(pid, process % machine_->config().cpus);  // in turn
}

Process* SimTarget::running(ProcessIndex index) {
  Process* process = machine_->find(pid_of(index));
  return process != nullptr && process->state == ProcessState::Running ? process : nullptr;
}

Result<void> SimTarget::spawn(ProcessIndex process) {
  const Result<Pid> pid = kernel_->spawn("script");
  if (!pid) return tl::unexpected(pid.error());
  machine_->find(*pid)->user = kNobodyUser;
  note_pid(process, *pid);
  return {};
}

// As Machine::open_file() has it for files without bytes.
void SimTarget::warm_files() {
  machine_->core().objects.for_each([&](VmObject& object) {
    if (object.kind != ObjectKind::File) return;
    object.cached_before = !machine_->config().cold_page_cache;
  });
}

Outcome SimTarget::call(ProcessIndex process, const sys::Request& request, ProcessIndex child) {
  const sys::Signature& signature = sys::signature(request.call);
  sys::Request translated = request;
  std::size_t next = 0;
  for (const sys::Argument& argument : signature.arguments) {
    if (argument.kind == sys::ArgKind::Text || argument.kind == sys::ArgKind::Bytes) continue;
    std::uint64_t& value = translated.args[next++];
    if (argument.kind != sys::ArgKind::Pid) continue;
    const Pid pid = value < pids_.size() ? pids_[static_cast<std::size_t>(value)] : 0;
    value = pid == 0 ? kNobody : pid;
  }
  sys::Reply reply = kernel_->call(pid_of(process), translated);
  if (request.call == sys::Call::Open && !has_bytes()) warm_files();
  if (signature.reply == sys::ReplyKind::Process && !reply.failed()) {
    note_pid(child, static_cast<Pid>(reply.value));
  }
  Outcome outcome = outcome_with(reply.value);
  outcome.bytes = std::move(reply.bytes);
  return outcome;
}

// One reference for each page, where pages have no bytes.
Outcome SimTarget::touch(ProcessIndex process, VirtAddr address, std::uint64_t count, Access kind) {
  AccessResult result;
  std::uint64_t left = count;
  for (VirtAddr at = address; left > 0 && result.ok();) {
    result = machine_->touch(pid_of(process), at, kind);
    const std::uint64_t in_page = std::min(left, kPageSize - (at.value & (kPageSize - 1)));
    at = at + ByteCount(in_page);
    left -= in_page;
  }
  return outcome_of(result);
}

Outcome SimTarget::load(ProcessIndex process, VirtAddr address, std::uint64_t count) {
  if (running(process) == nullptr) return failed_with(Errno::NoProcess);
  std::string bytes(static_cast<std::size_t>(count), '\0');
  const auto into = std::as_writable_bytes(std::span<char>(bytes.data(), bytes.size()));
  Outcome outcome = has_bytes() ? outcome_of(machine_->read(pid_of(process), address, into))
                                : touch(process, address, count, Access::Read);
  if (outcome.signal == 0) {
    outcome.value = static_cast<std::int64_t>(count);
    outcome.bytes = std::move(bytes);
  }
  return outcome;
}

Outcome SimTarget::store(ProcessIndex process, VirtAddr address, std::string_view bytes) {
  if (running(process) == nullptr) return failed_with(Errno::NoProcess);
  if (!has_bytes()) return touch(process, address, bytes.size(), Access::Write);
  const std::span<const char> data(bytes.data(), bytes.size());
  return outcome_of(machine_->write(pid_of(process), address, std::as_bytes(data)));
}

Outcome SimTarget::fetch(ProcessIndex process, VirtAddr address) {
  if (running(process) == nullptr) return failed_with(Errno::NoProcess);
  return outcome_of(machine_->touch(pid_of(process), address, Access::Execute));
}

Outcome SimTarget::set_pkru(ProcessIndex process, std::uint32_t value) {
  if (running(process) == nullptr) return failed_with(Errno::NoProcess);
  const Result<void> done = machine_->set_pkru(pid_of(process), value);
  return done ? Outcome{} : failed_with(done.error().code);
}

Result<Layout> SimTarget::layout(ProcessIndex index) {
  const Process* process = running(index);
  if (process == nullptr) return fail(Errno::NoProcess);
  const SpaceLayout& space = process->space->layout();
  Layout layout;
  layout.mmap_top = address_of(space.mmap_top);
  layout.heap_begin = address_of(space.heap_begin);
  layout.stack_end = process->places.stack_top;
  layout.stack_begin = layout.stack_end - machine_->initial_stack();
  layout.lowest = address_of(space.lowest);
  return layout;
}

Result<ProcessView> SimTarget::look(ProcessIndex index, Detail detail) {
  Process* process = running(index);
  if (process != nullptr) return view_of(*machine_, *process, detail);
  return fail(Errno::NoProcess, "it has ended");
}

Result<std::uint64_t> SimTarget::counter(ProcessIndex index, std::string_view name) {
  Process* process = running(index);
  if (process == nullptr) return fail(Errno::NoProcess, "the process has ended");
  std::uint64_t value = 0;
  if (fault_counter(name, process->space->counters().faults, value)) return value;
  return fail(Errno::Invalid, "a process has no counter " + quoted(name));
}

Result<std::uint64_t> SimTarget::counter(std::string_view name) {
  std::uint64_t value = 0;
  if (machine_counter(name, *machine_, value)) return value;
  return fail(Errno::Invalid, "a machine has no counter " + quoted(name));
}

Result<std::string> SimTarget::show(std::string_view what, ProcessIndex index, VirtAddr address) {
  if (const view::MachineFile* file = view::find_machine_file(what)) return file->text(*machine_);
  const view::ProcessFile* file = view::find_process_file(what);
  if (file == nullptr && what != "walk") return machine_text(what, *machine_);
  Process* process = running(index);
  if (process == nullptr) return fail(Errno::NoProcess, "the process has ended");
  if (file != nullptr) return file->text(*machine_, *process);
  return walk_text(*machine_, pid_of(index), address);
}

}  // namespace pw::script
