// One recorded process as it is replayed: its counterpart in the machine, and what the recording's
// events mean for it. Owned by the Replayer.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "machine/touch.hpp"
#include "record/recording.hpp"
#include "replay/address_map.hpp"
#include "replay/followed_pages.hpp"
#include "replay/labels.hpp"
#include "replay/mark.hpp"
#include "replay/replay.hpp"
#include "replay/shared_names.hpp"
#include "replay/touched_pages.hpp"
#include "replay/transcript.hpp"

namespace pw::replay {

class RecordedProcess {
 public:
  // `transcript`: told of all that is done; may be null.
  RecordedProcess(Machine& machine, SharedNames& names, CallSiteNames& call_sites,
                  Transcript* transcript, Pid pid);

  // Pages lie where the kernel would have put them, the recorder's own are left out, and every
  // memory system call does all that it does (MemoryModel::Linux).
  bool native() const { return !places_.identity(); }
  // What a child takes over that the thread `tid` has forked.
  void inherit(const RecordedProcess& parent, std::uint32_t tid, std::uint32_t own_tid);
  // What the kernel writes for a thread that has been switched to. A parent is taken to wait for
  // its children until the first of them ends.
  void write_rseq(std::uint32_t tid);
  void wait_for_child(std::uint32_t tid) { waiting_.insert(tid); }
  void go_on();

  Pid pid() const { return process_->pid; }
  Process& process() { return *process_; }
  bool running() const { return process_->state == ProcessState::Running; }
  // With others, if they want: what it does there is told to nobody.
  bool shares_memory() const;

  // A new program: the space of before goes, the areas of `image` come.
  Result<void> start_image(const record::Image& image);
  void map_areas(const std::vector<record::MappedArea>& areas);
  // A memory system call that succeeded. `stack`: who called, or kNoStack.
  static constexpr std::uint32_t kNoStack = ~std::uint32_t{0};
  void apply(const record::SyscallRecord& call, std::uint32_t stack);

  // The kernel has read or written bytes of a file.
  void transfer(const record::Event& event);
  // A fork has made this process out of `parent`: its descriptors are its parent's.
  void inherit(const RecordedProcess& parent);
  // Its descriptors go, as it ends.
  void close_all();

  // A reference to an address. A page outside every known area gets one, and is counted.
  // `before_look()` is called before anything else than the translation of the address is asked for
  // or changed; `before_look.cpu`: see Machine::touch_one.
  template <class BeforeLook>
  void reference(VirtAddr address, Access access, BeforeLook&& before_look);

  // `count` more references to the address that reference() was last called with.
  void repeat(VirtAddr address, Access access, std::uint64_t count) {
    (void)touch(address, access, count);
  }

  // Pages in the filter: see Machine::set_in_use.
  void enter_filter(Vpn vpn) { set_in_use(vpn, true); }
  void leave_filter(Vpn vpn) { set_in_use(vpn, false); }
  // A stay in the filter that nobody sees changes nothing.
  bool stay_leaves_no_trace(Vpn vpn) {
    Vpn place;
    return places_.find(vpn, place) && running() && machine_->use_leaves_no_trace(*process_, place);
  }

  // Whether a machine that follows a sample of pages is told of this one.
  [[gnu::always_inline]] bool follows(Vpn recorded) {
    return followed_.has(recorded, [this](Vpn page) { return run_around(page); });
  }

  std::uint64_t inferred_areas() const { return inferred_; }
  const std::map<LabelId, std::uint64_t>& touched() const { return touched_by_label_; }
  std::uint64_t touched_pages() const { return touched_pages_; }  // of all labels
  bool left_recorder_out() const { return left_recorder_out_; }
  // What is told of it in the end.
  void report(ProcessReport& report) const;

 private:
  // Areas as calls and lists of areas describe them, without their places.
  MmapRequest request_for(const record::SyscallRecord& call, std::uint32_t stack);
  MmapRequest request_for(const record::MappedArea& area);
  void map_call(const record::SyscallRecord& call, std::uint32_t stack);
  void remap_call(const record::SyscallRecord& call);
  void brk_call(const record::SyscallRecord& call);
  void attach_call(const record::SyscallRecord& call);
  void file_call(const record::SyscallRecord& call);
  void resize_file(FileId file, ByteCount size);
  void allocate(FileId file, std::uint64_t mode, ByteCount offset, ByteCount length);
  void open_descriptor(std::uint64_t descriptor, std::uint32_t file);
  void close_descriptor(std::uint64_t descriptor);
  void close_range(std::uint64_t first, std::uint64_t last);
  void reference_unplaced(VirtAddr address, Access access);
  void referenced(VirtAddr address, Access access, AccessResult result);
  void note_first_touch(VirtAddr address);
  bool infer(VirtAddr recorded, const AccessResult& failed, Access access);
  bool map(const MmapRequest& request);
  bool unmap(VirtAddr address, ByteCount length);
  bool protect(VirtAddr address, ByteCount length, Rights rights);
  AccessResult touch(VirtAddr address, Access access, std::uint64_t count) {
    const VirtAddr at = places_.address(address);
    const AccessResult result = machine_->touch_run(*process_, at, access, count);
    if (transcript_ != nullptr) transcript_->touched(pid(), address, at, access, count, result);
    return result;
  }

  void set_in_use(Vpn vpn, bool in_use) {
    Vpn place;
    if (places_.find(vpn, place)) machine_->set_in_use(*process_, place, in_use);
  }
  void note_mark(VirtAddr address);
  FollowedPages::Run run_around(Vpn recorded) const;

  // native_start.cpp: what execve(2) sets up.
  struct Group;
  void start_native(const record::Image& image);
  void map_group(const Group& group, Vpn at, Vpn recorded_begin);
  Vpn place_for(const Group& group);
  void map_vdso();
  void read_vdso();
  void read_time();
  void clear_tail(const Group& group);
  void begin_native_stack(const record::MappedArea* stack);
  void begin_stack(VirtAddr recorded);

  // native_calls.cpp: calls at the kernel's places.
  void apply_native(const record::SyscallRecord& call, std::uint32_t stack);
  template <class Call>
  void each_part(const record::SyscallRecord& call, Call&& carry_out);
  void advise_native(const record::SyscallRecord& call);
  void map_native(const record::SyscallRecord& call, std::uint32_t stack);
  void remap_native(const record::SyscallRecord& call);
  void brk_native(const record::SyscallRecord& call);
  void attach_native(const record::SyscallRecord& call);
  void grow_native_heap(VirtAddr recorded_end);
  void register_rseq(const record::SyscallRecord& call);
  void detach_native(const record::SyscallRecord& call);
  void infer_native(Vpn recorded, Access access);

  Machine* machine_;
  SharedNames* names_;
  CallSiteNames* call_sites_;
  Transcript* transcript_;
  Process* process_;
  TouchedPages touched_;
  std::map<LabelId, std::uint64_t> touched_by_label_;
  std::map<std::uint64_t, std::uint64_t> attached_;     // shmat: address -> bytes
  std::map<std::uint64_t, std::uint32_t> descriptors_;  // that it has opened -> number of the file
  AddressMap places_;
  FollowedPages followed_;
  std::vector<Mark> marks_;
  std::map<std::uint32_t, VirtAddr> rseq_;  // by thread: struct rseq, at its recorded address
  std::set<std::uint32_t> waiting_;         // threads
  VirtAddr recorded_heap_;                  // where the recorded heap begins
  Vpn recorded_stack_end_;
  VirtAddr vdso_;
  bool stack_begun_ = false;  // the first reference to it has been
  bool vdso_read_ = false;
  bool time_read_ = false;
  bool left_recorder_out_ = false;
  bool brk_known_ = false;
  std::uint64_t inferred_ = 0;
  std::uint64_t touched_pages_ = 0;
};

template <class BeforeLook>
void RecordedProcess::reference(VirtAddr address, Access access, BeforeLook&& before_look) {
  Vpn place;
  const bool begun = stack_begun_ || !native();
  if (!places_.find(page_of(address), place) || !begun || transcript_ != nullptr) [[unlikely]] {
    before_look();
    before_look.cpu = nullptr;
    return reference_unplaced(address, access);
  }
  const VirtAddr at = address_of(place) + ByteCount(offset_in_page(address));
  const AccessResult result = machine_->touch_one(*process_, at, access, before_look);
  if (!result.ok() || access == Access::Write || !running()) {
    if (!result.ok()) before_look.cpu = nullptr;
    return referenced(address, access, result);
  }
  if (touched_.first_touch(page_of(address))) [[unlikely]]
    note_first_touch(address);
}

}  // namespace pw::replay
