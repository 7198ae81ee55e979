// A script's target on the running kernel: every process of the script is a real one.
//
// Each process is a puppet (puppet/channel.h): a program without a library, which maps the channel
// and nothing else, and carries out one step after the other in lock step with this runner. What a
// process looks like is what the kernel says of it in /proc.
//
// Of its own a puppet has only the channel's area, above the range where the kernel places areas.
// It is left out of views, and no limit counts it: RLIMIT_AS is set higher by its size (and told
// lower); so is RLIMIT_MEMLOCK while mlockall compares it with all of the process, as far as the
// hard limit allows. Descriptors 0 to 2 are open, so that a script's begin with 3, and the highest
// (kPwFd), since exec needs the channel again. To the script they are not open.
//
// The keeper, parent of all processes without a parent in the script, has given up root's
// privileges if there were any, with them all processes. System V objects live in a namespace of
// the run where that is allowed (root); elsewhere those that the run made are removed at its end.
// Processes look every two seconds whether the runner lives, and end if it does not: a parent's
// death signal would be lost by fork and would come when the thread that began ends.
//
// Transparent huge pages are off in all processes, whatever prctl says, since they come by chance;
// unless HostOptions asks for them.
// prctl's answers are those of a process that began with them on.
//
// What a script cannot have on the host gives an Outcome with an `error`: paths with slashes, steps
// that touch the channel, limits and prctl options that are not about memory, populating more than
// 1 GiB at once. A file, memfds and POSIX shared memory included, cannot grow beyond 1 GiB
// (RLIMIT_FSIZE; EFBIG), so that no single call fills the host's memory; if scripts do it in many
// steps, their processes are the first that the kernel ends (oom_score_adj).
//
// Several targets may be alive at once, also in several threads; one target belongs to one thread
// at a time.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ports/host/host_target_channel.hpp"
#include "ports/host/host_target_views.hpp"
#include "script/target.hpp"

namespace pw::host {

struct HostOptions {
  ByteCount stack_limit{8ULL << 20};          // of the processes; moves mmap's top beyond 127 MiB
  ByteCount lock_limit{8ULL << 20};           // RLIMIT_MEMLOCK; less where the user's own is less
  ByteCount file_limit{1ULL << 30};           // RLIMIT_FSIZE, and the most that populate brings in
  std::chrono::milliseconds timeout{10'000};  // for one step
  std::string parent;                         // of the working folder; empty: $TMPDIR, else /tmp
  std::uint32_t user = 65534, group = 65534;  // to become, if root
  bool huge_pages = false;                    // prctl(2) and the host's settings decide
};

class HostTarget final : public script::Target {
 public:
  // Error: what the host lacks, in a sentence.
  static Result<std::unique_ptr<HostTarget>> create(const HostOptions& options = {});
  // For `doctor`: nothing, or what the host lacks.
  static Result<void> available();
  ~HostTarget() override;

  Result<void> spawn(script::ProcessIndex process) override;
  script::Outcome call(script::ProcessIndex process, const sys::Request& request,
                       script::ProcessIndex child) override;
  script::Outcome load(script::ProcessIndex process, VirtAddr address,
                       std::uint64_t count) override;
  script::Outcome store(script::ProcessIndex process, VirtAddr address,
                        std::string_view bytes) override;
  script::Outcome fetch(script::ProcessIndex process, VirtAddr address) override;
  script::Outcome set_pkru(script::ProcessIndex process, std::uint32_t value) override;
  Result<script::Layout> layout(script::ProcessIndex process) override;
  Result<script::ProcessView> look(script::ProcessIndex process, script::Detail detail) override;

  // Ends all processes and removes their files: as after create(), but faster.
  Result<void> reset();
  // Where the script's files are.
  const std::string& folder() const { return names_.folder; }
  // 0: does not run.
  pid_t pid_of(script::ProcessIndex process) const;

 private:
  struct Process {
    script::ProcessIndex index = 0;
    pid_t pid = 0;
    unsigned slot = 0;
    OwnedFd pidfd, maps, smaps;
    std::optional<script::ProcessIndex> parent;  // that runs
    bool running = false;
    bool reaped = false;        // or will be, by the keeper
    bool suspended = false;     // by vfork, until the child lets it go
    bool holds_parent = false;  // which vfork suspends
    std::int64_t huge_off = 0;  // PR_GET_THP_DISABLE as the script sees it
  };
  using Args = std::array<std::uint64_t, 6>;

  explicit HostTarget(const HostOptions& options) : options_(options) {}
  Result<void> make_folder();
  Result<void> start();
  Result<void> find_layout(Process& process);
  void end_processes();
  void remove_files();

  // host_target.cpp: steps
  static std::string name_of(script::ProcessIndex index);
  Process* running(script::ProcessIndex index, script::Outcome& otherwise);
  Process& admit(script::ProcessIndex index, pid_t pid, unsigned slot);
  script::Outcome step(Process& process, PwCommand command, std::string_view what);
  script::Outcome outcome_of(Process& process, std::string_view what);
  script::Outcome gone(Process& process, HostChannel::Answer answer, std::string_view what);
  void bury(Process& process);
  Result<std::string_view> read_view(Process& process, script::Detail detail);

  // host_target_reach.cpp: what a script must not touch
  static script::Outcome refused();
  std::string objection(Process& process, const sys::Request& request);
  static bool touches_channel(std::uint64_t address, std::uint64_t length);
  bool reaches_channel(Process& process, const sys::Request& request);
  bool grows_into_channel(const sys::Request& request) const;
  bool attaches_to_channel(Process& process, const sys::Request& request);
  bool hole_before_channel(Process& process, std::uint64_t address);
  bool brings_in_too_much(const sys::Request& request) const;

  // host_target_calls.cpp: system calls
  static std::uint64_t own_data(const Process& process);
  static std::uint64_t shown_fd(std::uint64_t fd);
  script::Outcome raw(Process& process, long number, const Args& args, std::string_view what);
  script::Outcome plain_call(Process& process, const sys::Request& request);
  script::Outcome plain_text(Process& process, const sys::Request& request, long number, Args args,
                             std::size_t at);
  script::Outcome text_call(Process& process, const sys::Request& request);
  script::Outcome shared_name(Process& process, const sys::Request& request);
  script::Outcome read_call(Process& process, const sys::Request& request);
  script::Outcome write_call(Process& process, const sys::Request& request);
  script::Outcome transfer(Process& process, const sys::Request& request, std::uint64_t count,
                           std::uint64_t done);
  script::Outcome mincore(Process& process, const sys::Request& request);
  script::Outcome lock_all(Process& process, const sys::Request& request);
  script::Outcome set_limit(Process& process, const sys::Request& request);
  script::Outcome get_limit(Process& process, const sys::Request& request);
  script::Outcome shared_memory(Process& process, const sys::Request& request);
  script::Outcome prctl(Process& process, const sys::Request& request);

  // host_target_family.cpp: births and deaths
  script::Outcome bear(Process& parent, std::uint64_t flags, script::ProcessIndex child);
  script::Outcome exec(Process& process, const sys::Request& request);
  std::array<std::uint64_t, 2> lift_limit(Process& process);
  void put_limit(Process& process, const std::array<std::uint64_t, 2>& limits);
  script::Outcome exit(Process& process, const sys::Request& request);
  script::Outcome wait(Process& process, const sys::Request& request);
  void let_parent_go(Process& child);
  std::uint64_t pid_for(std::uint64_t process) const;

  static constexpr const char*
      kTooMany = "on the host, a script has at most 31 processes at a time";
  static_assert(kPwSlots == 32);

  HostOptions options_;
  ViewNames names_;
  std::unique_ptr<HostChannel> channel_;
  std::map<script::ProcessIndex, Process> processes_;
  std::set<std::uint64_t> segments_;    // System V, in the host's namespace
  std::set<std::string> shared_names_;  // of shm_open
  std::optional<script::Layout> layout_;
  std::string view_;
};

}  // namespace pw::host
