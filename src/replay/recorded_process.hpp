// One recorded process as it is replayed: its counterpart in the machine, and what the recording's
// events mean for it. Owned by the Replayer.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "machine/machine.hpp"
#include "record/recording.hpp"
#include "replay/labels.hpp"
#include "replay/touched_pages.hpp"
#include "replay/transcript.hpp"

namespace pw::replay {

// Files and shared segments by the names the recording gives them: the same for all processes.
class SharedNames {
 public:
  explicit SharedNames(Machine& machine) : machine_(&machine) {}
  // The file of that path, made at first sight, and at least `bytes` long.
  VmObject& file(const std::string& path, std::uint64_t bytes);
  void add_segment(std::uint64_t id, std::uint64_t bytes) { segment_bytes_[id] = bytes; }
  // The System V segment `id`; null if its size is not known.
  VmObject* segment(std::uint64_t id);

 private:
  Machine* machine_;
  std::unordered_map<std::string, FileId> files_;
  std::unordered_map<std::uint64_t, std::uint64_t> segment_bytes_;
  std::unordered_map<std::uint64_t, FileId> segments_;
};

class RecordedProcess {
 public:
  // `transcript`: told of all that is done; may be null.
  RecordedProcess(Machine& machine, SharedNames& names, CallSiteNames& call_sites,
                  Transcript* transcript, Pid pid);

  Pid pid() const { return process_->pid; }
  Process& process() { return *process_; }
  bool running() const { return process_->state == ProcessState::Running; }

  // A new program: the space of before goes, the areas of `image` come.
  Result<void> start_image(const record::Image& image);
  void map_areas(const std::vector<record::MappedArea>& areas);
  // A memory system call that succeeded. `stack`: who called, or kNoStack.
  static constexpr std::uint32_t kNoStack = ~std::uint32_t{0};
  void apply(const record::SyscallRecord& call, std::uint32_t stack);

  // `count` references to an address. A page outside every known area gets one, and is counted.
  void reference(VirtAddr address, Access access, std::uint64_t count);

  // `count` more references to the address that reference() was last called with.
  void repeat(VirtAddr address, Access access, std::uint64_t count) {
    (void)touch(address, access, count);
  }

  // Pages in the filter: see Machine::set_in_use.
  void enter_filter(Vpn vpn) { machine_->set_in_use(*process_, vpn, true); }
  void leave_filter(Vpn vpn) { machine_->set_in_use(*process_, vpn, false); }

  std::uint64_t inferred_areas() const { return inferred_; }
  const std::map<LabelId, std::uint64_t>& touched() const { return touched_by_label_; }

 private:
  void map_call(const record::SyscallRecord& call, std::uint32_t stack);
  void remap_call(const record::SyscallRecord& call);
  void brk_call(const record::SyscallRecord& call);
  void attach_call(const record::SyscallRecord& call);
  bool infer(const AccessResult& failed, Access access);
  bool map(const MmapRequest& request);
  bool unmap(VirtAddr address, ByteCount length);
  bool protect(VirtAddr address, ByteCount length, Rights rights);
  AccessResult touch(VirtAddr address, Access access, std::uint64_t count) {
    const AccessResult result = machine_->touch_run(*process_, address, access, count);
    if (transcript_ != nullptr) transcript_->touched(pid(), address, access, count, result);
    return result;
  }

  Machine* machine_;
  SharedNames* names_;
  CallSiteNames* call_sites_;
  Transcript* transcript_;
  Process* process_;
  TouchedPages touched_;
  std::map<LabelId, std::uint64_t> touched_by_label_;
  std::map<std::uint64_t, std::uint64_t> attached_;  // shmat: address -> bytes
  bool brk_known_ = false;
  std::uint64_t inferred_ = 0;
};

}  // namespace pw::replay
