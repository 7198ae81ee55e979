// Machine: a whole computer as far as memory goes - RAM, swap, CPUs with their TLBs, processes -
// and the way in for everyone: tests, scripts, replay, pages. The only file that knows all rooms.
//
// Owned by whoever created it. Single-threaded and deterministic: the same calls give the same
// results. All operations leave the machine consistent, whatever they return; verify() proves it.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/counters.hpp"
#include "base/random.hpp"
#include "fault/handler.hpp"
#include "huge/khugepaged.hpp"
#include "machine/config.hpp"
#include "machine/kernel_entry.hpp"
#include "machine/kernel_memory.hpp"
#include "ports/sim/sim_mmu.hpp"
#include "proc/layout.hpp"
#include "proc/process.hpp"
#include "proc/shm.hpp"
#include "reclaim/reclaim.hpp"
#include "space/advice.hpp"
#include "space/operations.hpp"
#include "swap/page_refs.hpp"

namespace pw {

// How an access ended. Anything but Ok has killed the process, as the default action of the signal
// does.
struct AccessResult {
  enum class Kind : std::uint8_t { Ok, Segv, Bus, Oom };
  Kind kind = Kind::Ok;
  SignalCode code = SignalCode::MapErr;
  VirtAddr address;              // that faulted
  std::uint32_t error_code = 0;  // the CPU's, of the fault
  bool ok() const { return kind == Kind::Ok; }
};

using FileId = ObjectId;

class Machine {
 public:
  // Errors: Invalid (a nonsense value, an unknown policy; the message says which), NoMemory.
  // `swap`: where swapped pages go if contents are kept; must hold config.swap bytes.
  static Result<std::unique_ptr<Machine>> create(const MachineConfig& config,
                                                 std::unique_ptr<BackingStore> swap = nullptr);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  const MachineConfig& config() const { return config_; }
  // Another swap area, before or after processes run. Errors: as SwapSpace::add.
  Result<void> add_swap(std::unique_ptr<BackingStore> store, ByteCount size, int priority,
                        const DeviceModel& device);

  // --- processes. Errors: NoProcess (no such pid, or it ended), NoMemory.
  Result<Pid> spawn(const std::string& name = {});
  Result<Pid> fork(Pid parent);
  Result<Pid> vfork(Pid parent);
  // Replaces the program by an ELF executable (proc/exec.hpp). Errors: NotExecutable, those of
  // reading it. If it fails after the old program is gone, the process has ended.
  Result<VirtAddr> exec(Pid pid, FileId program, std::span<const std::string> arguments);
  // An empty space in place of the process's own, as exec begins. Errors: NoProcess, NoMemory.
  Result<void> replace_space(Pid pid, const std::string& name);
  Result<void> exit(Pid pid, int status, ExitCause cause = ExitCause::Exit);
  // Takes a zombie away. Errors: NoChild (not a zombie).
  Result<void> reap(Pid pid);
  Result<void> run_on(Pid pid, unsigned cpu);  // Error: Invalid
  // What allocation by priority goes by, 0 at first. Errors: NoProcess, Invalid (0 to 1000).
  Result<void> set_priority(Pid pid, int priority);
  // Evicts every page that the process alone has, as far as swap goes; how many went. It may go on
  // running, and fault for them.
  Result<std::uint64_t> swap_out(Pid pid);
  Process* find(Pid pid) { return processes_.find(pid); }
  ProcessTable& processes() { return processes_; }

  // --- memory system calls: see space/operations.hpp for their errors, and NoProcess.
  Result<VirtAddr> mmap(Pid pid, const MmapRequest& request);
  Result<void> munmap(Pid pid, VirtAddr address, ByteCount length);
  Result<void> mprotect(Pid pid, const ProtectRequest& request);
  Result<void> mprotect(Pid pid, VirtAddr address, ByteCount length, Rights rights);
  Result<VirtAddr> mremap(Pid pid, const MremapRequest& request);
  Result<void> seal(Pid pid, VirtAddr address, ByteCount length);
  Result<VirtAddr> brk(Pid pid, VirtAddr wanted, LabelId label = 0);
  Result<void> discard(Pid pid, VirtAddr address, ByteCount length) {
    return madvise(pid, address, length, Advice::DontNeed);
  }
  // --- advice, locks and questions: see space/advice.hpp for their errors, and NoProcess.
  // Populating fails as the access would: Fault (a signal), NoMemory; Invalid (rights).
  Result<void> madvise(Pid pid, VirtAddr address, ByteCount length, Advice advice);
  // Areas are locked, then pages are made resident. Errors of that: NoMemory (no access), Again (no
  // memory).
  Result<void> mlock(Pid pid, VirtAddr address, ByteCount length, bool on_fault = false);
  Result<void> munlock(Pid pid, VirtAddr address, ByteCount length);
  Result<void> mlockall(Pid pid, LockAll which);
  Result<void> munlockall(Pid pid);
  Result<std::string> mincore(Pid pid, VirtAddr address, ByteCount length);
  Result<void> msync(Pid pid, VirtAddr address, ByteCount length, SyncHow how = {});
  // prctl(PR_SET_VMA_ANON_NAME); an empty name takes it away.
  Result<void> name_memory(Pid pid, VirtAddr address, ByteCount length, const std::string& name);
  // What exec maps of a stack before it grows.
  ByteCount initial_stack() const {
    if (config_.places) return config_.places->stack_end - config_.places->stack_begin;
    return ByteCount(33 * kPageSize);
  }
  // A stack of `initial` bytes below the layout's stack top, growing down on touch.
  Result<VirtAddr> map_stack(Pid pid, ByteCount initial, LabelId label = 0);

  // --- accesses
  // One reference without data.
  AccessResult touch(Pid pid, VirtAddr address, Access access);
  // `count` (> 0) equal references in a row.
  AccessResult touch_run(Pid pid, VirtAddr address, Access access, std::uint64_t count);
  // The same for a caller that keeps the process at hand.
  AccessResult touch_run(Process& process, VirtAddr address, Access access, std::uint64_t count);
  // References next(0), next(1), ... next(count - 1) in a row; ends at the first that fails. `next`
  // must not call the machine. What lies between a TLB hit and the next reference is inlined into
  // the caller's loop.
  template <class Next>
  AccessResult reference_all(Process& process, std::uint64_t count, Next&& next);
  // touch_run() of one reference, for those who make many (machine/touch.hpp). `before_fault()` is
  // called before anything looks at the process's pages.
  template <class BeforeFault>
  AccessResult touch_one(Process& process, VirtAddr address, Access access,
                         BeforeFault&& before_fault);
  // Says that a page is being referenced all the time without the machine being told (or no
  // longer): reclaim leaves it alone meanwhile, and takes the end for its last reference. For
  // replays of filtered recordings.
  void set_in_use(Process& process, Vpn vpn, bool in_use);
  // Whether set_in_use() and then its end, with no look at the page between them, would leave the
  // page as it is (machine/touch.hpp), and the machine looks at pages only when it is called or a
  // reference faults.
  bool use_leaves_no_trace(Process& process, Vpn vpn);
  bool looks_only_when_called() const;
  // Says that a page has been written to: machines without bytes know no other way which pages of
  // a huge page are still zeros. Only needed where there are huge pages.
  void note_written(Process& process, Vpn vpn);
  // Bytes as the program would load or store them; on failure what lies before the fault is done.
  AccessResult read(Pid pid, VirtAddr address, std::span<std::byte> out);
  AccessResult write(Pid pid, VirtAddr address, std::span<const std::byte> bytes);
  // The same on the memory of another process, as far as its pages can be had: a count, or bytes.
  // Errors: NoProcess, Perm (of another user), Fault (not even the first page).
  Result<std::string> read_foreign(Pid pid, Pid other, VirtAddr address, std::uint64_t count);
  Result<std::uint64_t> write_foreign(Pid pid, Pid other, VirtAddr address,
                                      std::span<const std::byte> bytes);
  // Loads the PKRU register, as WRPKRU does. Errors: NoProcess, NoCall (the CPU has none).
  Result<void> set_pkru(Pid pid, std::uint32_t pkru);
  // One reference that may leave the caller waiting: for schedulers. On Wait nothing else has
  // happened to the clock; the same request is handed in again when the time has come.
  FaultOutcome try_touch(Pid pid, FaultRequest& request);

  // --- files and shared memory
  FileId open_file(std::string name, std::unique_ptr<BackingStore> store, bool read_only = false);
  // A file whose bytes nobody will ask for (replay).
  FileId open_file(std::string name, ByteCount size);
  // Another handle of an open file.
  void hold_file(FileId file);
  // The handle goes; pages stay while areas map them. With the last one dirty pages are written:
  // error Io.
  Result<void> close_file(FileId file);
  // `description`: of the open file, by which readahead goes; 0 if nobody cares.
  Result<void> read_file(FileId file, ByteCount offset, std::span<std::byte> out,
                         std::uint64_t description = 0);
  Result<void> write_file(FileId file, ByteCount offset, std::span<const std::byte> bytes);
  Result<void> sync_file(FileId file);
  // sync_file_range(2) of bytes [offset, offset + length); length 0: to the end. Waits only for
  // what is being written of them. Errors: Io.
  struct SyncRange {
    bool wait_before = false, write = false, wait_after = false;
  };
  Result<void> sync_file_range(FileId file, std::uint64_t offset, std::uint64_t length,
                               SyncRange how);
  Result<void> truncate_file(FileId file, ByteCount size);
  // What read(2) and write(2) of [offset, offset + length) do to the page cache, without bytes;
  // writing may make the file longer. Errors: NoMemory, Io.
  Result<void> file_read(FileId file, ByteCount offset, ByteCount length,
                         std::uint64_t description = 0);
  Result<void> file_written(FileId file, ByteCount offset, ByteCount length);
  // How the page cache held a file that was in memory before the machine began: folios of more than
  // a page, none of which is in use yet. The rest are pages by themselves.
  void set_cached_folios(FileId file, std::span<const FolioSpan> folios);
  // posix_fadvise(2) of a file's bytes [offset, offset + length); length 0: to its end.
  enum class FileAdvice : std::uint8_t { Normal, Random, Sequential, WillNeed, DontNeed, NoReuse };
  void advise_file(FileId file, std::uint64_t offset, std::uint64_t length, FileAdvice advice,
                   std::uint64_t description = 0);
  // Longer, or nothing; bytes that read as zeros. See space/operations.hpp.
  Result<void> extend_file(FileId file, ByteCount size);
  Result<void> punch_file(FileId file, ByteCount begin, ByteCount end);
  // A shared memory object (memfd, shm): handle like a file's.
  FileId create_shared(ByteCount size);
  // Shared memory with a name, and the memory system calls on it: see proc/shm.hpp. Handles are
  // given back with close_file(handle.object). Errors: NoProcess, and those of the calls of the
  // same name.
  Result<SharedHandle> shm_open(Pid pid, const std::string& name, const ShmOpen& how);
  Result<void> shm_unlink(Pid pid, const std::string& name);
  SharedHandle memfd_create();
  // Errors: Invalid (opened for reading only).
  Result<void> ftruncate(SharedHandle handle, ByteCount size);
  // Maps what a handle stands for; `request` says how. Errors: as mmap; Access (shared and
  // writable, the handle is not).
  Result<VirtAddr> mmap(Pid pid, SharedHandle handle, const MmapRequest& request);
  Result<ShmId> shmget(Pid pid, ShmKey key, ByteCount size, const ShmOpen& how);
  Result<VirtAddr> shmat(Pid pid, ShmId id, VirtAddr address, bool read_only);
  Result<VirtAddr> shmat(Pid pid, ShmId id, const ShmAttach& how);
  Result<void> shmdt(Pid pid, VirtAddr address);
  Result<void> shm_remove(Pid pid, ShmId id);  // shmctl(IPC_RMID)
  Result<ShmStatus> shm_status(ShmId id);      // shmctl(IPC_STAT)
  // SHM_LOCK, SHM_UNLOCK: reclaim leaves the segment's pages alone. Errors: Invalid, Perm,
  // NoMemory (the limit of locked memory).
  Result<void> shm_lock(Pid pid, ShmId id, bool lock);
  VmObject& object(FileId file) { return objects_->object(file); }

  // --- labels of areas
  LabelId label(const std::string& name);
  const std::vector<std::string>& label_names() const { return label_names_; }
  const std::vector<AreaCounters>& area_counters() const { return areas_; }

  // --- time
  const SimClock& clock() const { return clock_; }
  // The program computes for `ns` without telling of its references.
  void compute(std::uint64_t ns) { clock_.advance(ns); }
  // The time of the CPU that runs next, for schedulers of several: it may lie before the time now.
  void set_time(std::uint64_t ns) { clock_.set(ns); }
  // Idles: moves simulated time, running what falls due: background reclaim, periodic writeback.
  void advance(std::uint64_t ns);

  // --- looking inside
  const MachineCounters& counters();
  sim::TlbCounters tlb_counters() const;  // all CPUs
  FramePool& frames() { return *pool_; }
  SwapSpace& swap() { return swap_; }
  // For stores that keep bytes in the machine's RAM.
  MemoryCharge& kernel_memory() { return *kernel_memory_; }
  sim::SimMmu& mmu() { return *mmu_; }
  Reclaim& reclaimer() { return *reclaimer_; }
  Core& core() { return *core_; }
  KernelMap* kernel_map() { return kernel_map_.get(); }  // null: there is none
  void watch(FaultWatcher* watcher) { watcher_ = watcher; }
  // To what else happens with memory (port/memory_events.hpp). Null: nobody listens any more.
  void listen(MemoryListener* listener);
  // Derives everything anew from areas and slots and compares. Error: Invalid with what is wrong.
  Result<void> verify();

 private:
  explicit Machine(const MachineConfig& config);
  Result<void> build(std::unique_ptr<BackingStore> swap);
  Result<std::unique_ptr<Reclaim>> make_reclaim();
  Result<std::shared_ptr<AddressSpace>> new_space(ProcessLayout& places);
  std::shared_ptr<AddressSpace> share(std::unique_ptr<AddressSpace> space);
  Result<Process*> running(Pid pid);
  Result<void> map_kernel();
  sim::SimCpu& enter(Process& process) {
    mmu_->set_initiator(process.cpu);
    reclaimer_->set_payer(process.space->id());
    sim::SimCpu& cpu = mmu_->cpu(process.cpu);
    cpu.set_pkru(process.pkru);
    if (kernel_map_ == nullptr) [[likely]] {
      cpu.load_space(process.space->id(), process.space->tables().root());
    } else {
      run_space(*kernel_map_, cpu, *process.space);
    }
    return cpu;
  }
  // A system call: runs `call` on the process's space, in the kernel. Error: NoProcess.
  template <class Call>
  auto in_space(Pid pid, Call&& call) -> decltype(call(std::declval<AddressSpace&>()));
  AccessResult access(Process& process, sim::SimCpu& cpu, VirtAddr address, Access kind,
                      std::uint64_t count, sim::Translation& out);
  // The rest of it where the first translation failed with `out`.
  AccessResult access_after_fault(Process& process, sim::SimCpu& cpu, VirtAddr address, Access kind,
                                  std::uint64_t count, sim::Translation& out);
  // The loop of reference_all(), with the policy told of references and time or not.
  template <bool kTell, class Next>
  AccessResult reference_each(Process& process, std::uint64_t count, Next& next);
  // For policies that order by references.
  void note_reference(Pfn pfn);
  Result<Pfn> foreign_page(AddressSpace& space, Vpn vpn, Access access);
  Result<AddressSpace*> foreign_space(const Process& who, Pid pid);
  template <class Copy>
  Result<std::uint64_t> transfer(Pid pid, Pid other, VirtAddr address, std::uint64_t count,
                                 Access access, Copy&& copy);
  AccessResult kill(Process& process, const FaultOutcome& outcome, VirtAddr address,
                    std::uint32_t error_code);
  // Nothing can be freed for a fault: kills whoever takes most (oom.cpp). False: the faulting one
  // is that.
  bool kill_for_memory(const Process& faulting);
  void leave_space(Process& process);
  // How a range is made resident, in populate.cpp. As mlock: written if private and writable, else
  // read, areas locked on fault left out; or read, or written, if the area grants it.
  enum class Populate : std::uint8_t { AsLocked, Read, Write };
  // Errors: Fault (a signal), NoMemory, and with Read and Write Invalid (rights), NoMemory (holes).
  // `go_on`: an error ends the area, not the range, and is not told.
  Result<void> populate(Process& process, VpnRange range, Populate how, bool go_on);
  Result<void> populate_area(Process& process, VpnRange part, Access access, bool forgets);
  FaultOutcome fault_in(Process& process, Vpn vpn, Access access, bool forgets);
  // After an operation that has made or grown the area at `range`.
  void populate_new(Pid pid, VpnRange range, bool wanted);
  void sync_clock(sim::SimCpu& cpu);
  void run_due();
  void checked() {
    if (config_.verify_each_operation) [[unlikely]]
      check_all();
  }
  void check_all();

  MachineConfig config_;
  MemoryOptions options_;
  SimClock clock_;
  Random random_;
  MachineCounters counters_;
  std::vector<AreaCounters> areas_;
  std::vector<std::string> label_names_;
  std::map<std::string, LabelId> labels_;
  std::unique_ptr<FramePool> pool_;
  std::unique_ptr<KernelMemory> kernel_memory_;
  std::unique_ptr<KernelMap> kernel_map_;  // null unless configured
  SwapSpace swap_;
  std::unique_ptr<PageRefs> refs_;
  std::unique_ptr<ObjectTable> objects_;
  std::unique_ptr<SharedMemory> shared_memory_;
  std::unique_ptr<Reclaim> reclaimer_;
  std::unique_ptr<sim::SimMmu> mmu_;
  Khugepaged khugepaged_;
  std::unique_ptr<Core> core_;
  ProcessTable processes_;
  std::vector<FileId> open_files_;
  std::vector<SpaceId> free_space_ids_;
  SpaceId next_space_id_ = 0;
  std::vector<std::uint64_t> cpu_time_seen_ps_;
  std::uint64_t next_writeback_ns_ = 0;
  FaultWatcher* watcher_ = nullptr;
};

template <class Call>
auto Machine::in_space(Pid pid, Call&& call) -> decltype(call(std::declval<AddressSpace&>())) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  Process& process = **found;
  mmu_->set_initiator(process.cpu);
  process.space->limits() = process.limits_now();
  // Whoever calls the kernel runs. That his space is on the CPU matters only to the kernel's own
  // references.
  reclaimer_->set_payer(process.space->id());
  sim::SimCpu& cpu = kernel_map_ == nullptr ? mmu_->cpu(process.cpu) : enter(process);
  const KernelScope kernel(kernel_map_.get(), cpu);
  return call(*process.space);
}

template <class Next>
AccessResult Machine::reference_all(Process& process, std::uint64_t count, Next&& next) {
  AccessResult result;
  if (process.state != ProcessState::Running) {
    result.kind = AccessResult::Kind::Segv;
    return result;
  }
  if (reclaimer_->goes_by_time() || reclaimer_->wants_references()) {
    result = reference_each<true>(process, count, next);
  } else {
    result = reference_each<false>(process, count, next);
  }
  checked();
  return result;
}

template <bool kTell, class Next>
AccessResult Machine::reference_each(Process& process, std::uint64_t count, Next& next) {
  AccessResult result;
  sim::SimCpu& cpu = enter(process);
  sim::Translation out;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Reference reference = next(i);
    if constexpr (kTell) {
      if (reclaimer_->goes_by_time()) reclaimer_->pass_time(1);
    }
    if (!cpu.translate(reference.address, reference.access, Mode::User, out)) [[unlikely]] {
      result = access_after_fault(process, cpu, reference.address, reference.access, 1, out);
      if (!result.ok()) break;
    }
    if constexpr (kTell) {
      if (reclaimer_->wants_references()) note_reference(out.pfn);
    }
  }
  return result;
}

}  // namespace pw
