// What a script runs on: the simulated machine, or processes of the host's kernel.
//
// The same steps, the same answers where both work as Linux does. Processes are named by the order
// in which the script brings them up. A signal does not end a process here: it is what the access
// gave, as for a program that handles it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/units.hpp"
#include "sys/calls.hpp"

namespace pw::script {

using ProcessIndex = std::uint32_t;

// How a step ended. `signal` is 0 or SIGSEGV (11), SIGBUS (7), SIGKILL (9, out of memory) with
// si_code and si_addr.
struct Outcome {
  std::int64_t value = 0;  // of a call; as sys::Reply
  std::string bytes;       // loaded, or what a call gave back
  int signal = 0;
  int code = 0;
  VirtAddr address;
  // Not empty: the target could not carry the step out, for the reason it says; the rest is void.
  std::string error;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

inline constexpr int kSigBus = 7, kSigKill = 9, kSigSegv = 11;
// si_code of SIGSEGV: MAPERR, ACCERR, PKUERR; of SIGBUS: ADRERR.
inline constexpr int kMapErr = 1, kAccErr = 2, kPkuErr = 4, kAdrErr = 2;
// SI_KERNEL: a fault that is no page fault (an address that is not canonical); no address is told.
inline constexpr int kSentByKernel = 128;

// One area as /proc/PID/maps and smaps tell of it. Sizes in KiB as there.
struct AreaView {
  std::uint64_t begin = 0, end = 0;
  std::string rights;  // "rw-p"
  std::uint64_t offset = 0;
  std::string name;  // "[heap]", a path below the target's folder; "" for anonymous memory
  // smaps
  std::uint64_t rss = 0, shared_clean = 0, shared_dirty = 0, private_clean = 0, private_dirty = 0;
  std::uint64_t anonymous = 0, locked = 0, swap = 0, lazy_free = 0;
  std::uint64_t anonymous_huge = 0;
  std::string flags;  // VmFlags, in the kernel's order: "rd wr mr mw me ac"

  friend bool operator==(const AreaView&, const AreaView&) = default;
};

struct ProcessView {
  std::vector<AreaView> areas;                       // by address; the target's own are left out
  std::uint64_t minor_faults = 0, major_faults = 0;  // since the process began

  friend bool operator==(const ProcessView&, const ProcessView&) = default;
};

// Where a process's parts lie before it did anything.
struct Layout {
  VirtAddr mmap_top;    // areas are placed below
  VirtAddr heap_begin;  // the break
  VirtAddr stack_begin, stack_end;
  VirtAddr lowest;  // vm.mmap_min_addr
};

enum class Detail : std::uint8_t { Maps, Smaps };

// What only a machine of ours can tell of itself.
class Inspector {
 public:
  virtual ~Inspector() = default;
  // A counter of a process or of the machine. Errors: NoProcess, Invalid (none of that name).
  virtual Result<std::uint64_t> counter(ProcessIndex process, std::string_view name) = 0;
  virtual Result<std::uint64_t> counter(std::string_view name) = 0;
  // A readable dump: "walk", "tlb", "frames", ... `process` and `address` as far as it takes them.
  virtual Result<std::string> show(std::string_view what, ProcessIndex process,
                                   VirtAddr address) = 0;
};

class Target {
 public:
  virtual ~Target() = default;

  // A new process, without a parent among the script's. Errors: NoMemory, or the host's.
  virtual Result<void> spawn(ProcessIndex process) = 0;
  // A system call. `child` is the index that a process born by it gets (fork, vfork, clone); a Pid
  // argument is an index too. A process whose vfork child runs must not be asked for anything.
  virtual Outcome call(ProcessIndex process, const sys::Request& request, ProcessIndex child) = 0;
  virtual Outcome load(ProcessIndex process, VirtAddr address, std::uint64_t count) = 0;
  virtual Outcome store(ProcessIndex process, VirtAddr address, std::string_view bytes) = 0;
  // Runs an instruction at `address`: a return, which must have been stored there (0xC3).
  virtual Outcome fetch(ProcessIndex process, VirtAddr address) = 0;
  // Loads the PKRU register. -ENOSYS where the CPU has none.
  virtual Outcome set_pkru(ProcessIndex process, std::uint32_t value) = 0;

  virtual Result<Layout> layout(ProcessIndex process) = 0;
  // Errors: NoProcess.
  virtual Result<ProcessView> look(ProcessIndex process, Detail detail) = 0;
  // Null: nobody can look inside, as of the host's kernel.
  virtual Inspector* inspector() { return nullptr; }
};

}  // namespace pw::script
