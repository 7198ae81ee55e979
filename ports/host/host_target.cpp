#include "ports/host/host_target.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "sys/abi.hpp"

namespace pw::host {

using script::AreaView;
using script::Detail;
using script::Outcome;
using script::ProcessIndex;
using script::ProcessView;

namespace {

tl::unexpected<Error> last_error(const std::string& what) {
  const int code = errno;
  return fail(static_cast<Errno>(code), what + ": " + std::strerror(code));
}

std::string parent_folder(const HostOptions& options) {
  if (!options.parent.empty()) return options.parent;
  const char* chosen = std::getenv("TMPDIR");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
}

std::uint64_t lowest_address() {
  std::uint64_t lowest = 65536;
  if (std::FILE* file = std::fopen("/proc/sys/vm/mmap_min_addr", "re")) {
    unsigned long long value = 0;
    if (std::fscanf(file, "%llu", &value) == 1) lowest = value;
    std::fclose(file);
  }
  return lowest;
}

// What ended a process that nobody has waited for yet, as wait(2) tells it; -1: unknown. It is the
// last field of /proc/PID/stat.
int wait_status(pid_t pid) {
  const OwnedFd file(::open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY));
  char text[1024];
  const ssize_t size = file ? ::read(file.get(), text, sizeof text - 1) : -1;
  if (size <= 0) return -1;
  text[size] = '\0';
  const char* last = std::strrchr(text, ' ');
  return last == nullptr ? -1 : std::atoi(last + 1);
}

}  // namespace

Result<std::unique_ptr<HostTarget>> HostTarget::create(const HostOptions& options) {
  std::unique_ptr<HostTarget> target(new HostTarget(options));
  PW_TRY(target->make_folder());
  PW_TRY(target->start());
  return target;
}

Result<void> HostTarget::available() {
  const auto target = create();
  if (!target) return tl::unexpected(target.error());
  PW_TRY((*target)->spawn(0));
  const Result<ProcessView> view = (*target)->look(0, Detail::Smaps);
  if (!view)
    return fail(view.error().code,
                "/proc tells nothing of a process that gave up "
                "privileges: " +
                    view.error().message);
  return {};
}

HostTarget::~HostTarget() {
  if (channel_) end_processes();
  channel_.reset();
  if (names_.folder.empty()) return;
  remove_files();
  ::rmdir(names_.folder.c_str());
}

Result<void> HostTarget::make_folder() {
  static std::atomic<unsigned> count{0};
  std::string folder = parent_folder(options_) + "/pagewright-host-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return last_error("cannot make the folder " + folder);
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::canonical(folder, error);
  names_.folder = (error ? folder : whole.string()) + "/";
  names_.shared_prefix = "pagewright-" + std::to_string(::getpid()) + "-" +
                         std::to_string(++count) + ".";
  names_.own_begin = kPwBase;
  names_.own_end = kPwBase + kPwBytes;
  if (::geteuid() != 0) return {};
  if (::chown(folder.c_str(), options_.user, options_.group) == 0) return {};
  return last_error("cannot give away " + folder);
}

Result<void> HostTarget::start() {
  KeeperOptions keeper;
  keeper.folder = names_.folder;
  keeper.stack_limit = options_.stack_limit.value;
  keeper.lock_limit = options_.lock_limit.value;
  keeper.file_limit = options_.file_limit.value;
  keeper.user = options_.user;
  keeper.group = options_.group;
  keeper.drop = ::geteuid() == 0;
  auto channel = HostChannel::create(keeper, options_.timeout);
  if (!channel) return tl::unexpected(channel.error());
  channel_ = std::move(*channel);
  return {};
}

void HostTarget::end_processes() {
  for (auto& [index, process] : processes_) {
    if (process.running) {
      ::syscall(SYS_pidfd_send_signal, process.pidfd.get(), SIGKILL, nullptr, 0);
    }
  }
  for (auto& [index, process] : processes_) {
    if (!process.running) continue;
    channel_->await_death(process.pidfd.get());
    channel_->give_back(process.slot);
  }
  processes_.clear();
  PwSlot& keeper = channel_->slot(HostChannel::kKeeper);
  for (const std::uint64_t segment : segments_) {
    keeper.command = kPwCall;
    keeper.number = SYS_shmctl;
    keeper.args[0] = segment;
    keeper.args[1] = sys::kIpcRemove;
    channel_->post(HostChannel::kKeeper);
    if (channel_->await_keeper() != HostChannel::Answer::Done) break;
  }
  segments_.clear();
}

void HostTarget::remove_files() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(names_.folder, error)) {
    std::filesystem::remove_all(entry.path(), error);
  }
  for (const std::string& name : shared_names_) {
    ::unlink(("/dev/shm/" + names_.shared_prefix + name).c_str());
  }
  shared_names_.clear();
}

Result<void> HostTarget::reset() {
  end_processes();
  remove_files();
  return {};
}

pid_t HostTarget::pid_of(ProcessIndex process) const {
  const auto found = processes_.find(process);
  return found != processes_.end() && found->second.running ? found->second.pid : 0;
}

Result<void> HostTarget::spawn(ProcessIndex index) {
  if (pid_of(index) != 0) return fail(Errno::Exists, "the process runs already");
  const unsigned slot = channel_->take_slot();
  if (slot == 0) return fail(Errno::Again, kTooMany);
  const Result<pid_t> pid = channel_->spawn(slot);
  if (!pid) {
    channel_->give_back(slot);
    return tl::unexpected(pid.error());
  }
  Process& process = admit(index, *pid, slot);
  const auto answer = channel_->await(slot, process.pidfd.get());
  if (answer != HostChannel::Answer::Done) {
    return fail(Errno::NotExecutable, gone(process, answer, "starting").error);
  }
  if (options_.huge_pages) raw(process, SYS_prctl, {sys::kPrctlSetThpDisable, 0}, "prctl");
  if (!layout_) return find_layout(process);
  return {};
}

HostTarget::Process& HostTarget::admit(ProcessIndex index, pid_t pid, unsigned slot) {
  Process process;
  process.index = index;
  process.pid = pid;
  process.slot = slot;
  process.running = true;
  process.pidfd = OwnedFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return processes_[index] = std::move(process);
}

// Asked of the first process before it does anything; all others begin in the same way.
Result<void> HostTarget::find_layout(Process& process) {
  const Result<std::string_view> maps = read_view(process, Detail::Maps);
  if (!maps) return tl::unexpected(maps.error());
  const auto areas = parse_areas(*maps, names_);
  if (!areas) return tl::unexpected(areas.error());
  script::Layout layout;
  for (const AreaView& area : *areas) {
    if (area.name != "[stack]") {
      return fail(Errno::NotSupported, "a new process has the area " + area.name + " already");
    }
    layout.stack_begin = VirtAddr(area.begin);
    layout.stack_end = VirtAddr(area.end);
  }
  const sys::Request brk = {sys::Call::Brk, {}, {}};
  layout.heap_begin = VirtAddr(static_cast<std::uint64_t>(plain_call(process, brk).value));
  sys::Request map = {
      sys::Call::Mmap, {0, kPageSize, 0, sys::kMapPrivate | sys::kMapAnonymous}, {}};
  map.args[4] = ~0ULL;
  const auto top = static_cast<std::uint64_t>(plain_call(process, map).value);
  plain_call(process, {sys::Call::Munmap, {top, kPageSize}, {}});
  layout.mmap_top = VirtAddr(top + kPageSize);
  layout.lowest = VirtAddr(lowest_address());
  layout_ = layout;
  return {};
}

Result<script::Layout> HostTarget::layout(ProcessIndex process) {
  if (pid_of(process) == 0 || !layout_) return fail(Errno::NoProcess);
  return *layout_;
}

HostTarget::Process* HostTarget::running(ProcessIndex index, Outcome& otherwise) {
  const auto found = processes_.find(index);
  if (found == processes_.end() || !found->second.running) {
    otherwise.value = -static_cast<std::int64_t>(Errno::NoProcess);
    return nullptr;
  }
  if (!found->second.suspended) return &found->second;
  otherwise.error = name_of(index) + " waits for its vfork child";
  return nullptr;
}

std::string HostTarget::name_of(ProcessIndex index) { return "process " + std::to_string(index); }

Outcome HostTarget::step(Process& process, PwCommand command, std::string_view what) {
  PwSlot& slot = channel_->slot(process.slot);
  slot.command = command;
  channel_->post(process.slot);
  return outcome_of(process, what);
}

Outcome HostTarget::outcome_of(Process& process, std::string_view what) {
  const auto answer = channel_->await(process.slot, process.pidfd.get());
  if (answer != HostChannel::Answer::Done) return gone(process, answer, what);
  const PwSlot& slot = channel_->slot(process.slot);
  Outcome outcome;
  outcome.value = slot.value;
  if (slot.signal == 0) return outcome;
  outcome.signal = slot.signal;
  outcome.code = slot.code;
  outcome.address = VirtAddr(slot.address);
  return outcome;
}

// A process that did not answer. Out of memory, the kernel kills; all else is no script's doing.
Outcome HostTarget::gone(Process& process, HostChannel::Answer answer, std::string_view what) {
  Outcome outcome;
  const std::string name = name_of(process.index);
  if (answer == HostChannel::Answer::Late) {
    ::syscall(SYS_pidfd_send_signal, process.pidfd.get(), SIGKILL, nullptr, 0);
    channel_->await_death(process.pidfd.get());
    outcome.error = name + " did not come back within " + std::to_string(options_.timeout.count()) +
                    " ms: " + std::string(what);
  } else {
    const int status = wait_status(process.pid);
    if (status == SIGKILL) {
      outcome.signal = SIGKILL;
    } else {
      outcome.error = name + " died: " + std::string(what) + " (wait status " +
                      std::to_string(status) + ")";
    }
  }
  bury(process);
  return outcome;
}

void HostTarget::bury(Process& process) {
  process.running = false;
  process.maps = OwnedFd();
  process.smaps = OwnedFd();
  process.pidfd = OwnedFd();
  process.reaped = !process.parent;
  channel_->give_back(process.slot);
  for (auto& [index, other] : processes_) {
    if (other.parent != process.index) continue;
    other.parent.reset();
    if (!other.running) other.reaped = true;
  }
  let_parent_go(process);
}

Outcome HostTarget::load(ProcessIndex index, VirtAddr address, std::uint64_t count) {
  Outcome outcome;
  Process* process = running(index, outcome);
  if (process == nullptr) return outcome;
  if (touches_channel(address.value, count)) return refused();
  std::string bytes;
  do {
    const std::uint64_t part = std::min<std::uint64_t>(count, kPwDataBytes);
    PwSlot& slot = channel_->slot(process->slot);
    slot.args[0] = address.value;
    slot.args[1] = part;
    outcome = step(*process, kPwLoad, "load");
    if (!outcome.error.empty()) return outcome;
    bytes.append(reinterpret_cast<const char*>(slot.data), slot.done);
    address = address + ByteCount(part);
    count -= part;
  } while (count > 0 && outcome.signal == 0);
  if (outcome.signal != 0) return outcome;
  outcome.value = static_cast<std::int64_t>(bytes.size());
  outcome.bytes = std::move(bytes);
  return outcome;
}

Outcome HostTarget::store(ProcessIndex index, VirtAddr address, std::string_view bytes) {
  Outcome outcome;
  Process* process = running(index, outcome);
  if (process == nullptr) return outcome;
  if (touches_channel(address.value, bytes.size())) return refused();
  do {
    const std::string_view part = bytes.substr(0, kPwDataBytes);
    PwSlot& slot = channel_->slot(process->slot);
    std::memcpy(slot.data, part.data(), part.size());
    slot.args[0] = address.value;
    slot.args[1] = part.size();
    outcome = step(*process, kPwStore, "store");
    address = address + ByteCount(part.size());
    bytes.remove_prefix(part.size());
  } while (!bytes.empty() && outcome.signal == 0 && outcome.error.empty());
  return outcome;
}

Outcome HostTarget::fetch(ProcessIndex index, VirtAddr address) {
  Outcome outcome;
  Process* process = running(index, outcome);
  if (process == nullptr) return outcome;
  if (touches_channel(address.value, 1)) return refused();
  channel_->slot(process->slot).args[0] = address.value;
  return step(*process, kPwFetch, "fetch");
}

Outcome HostTarget::set_pkru(ProcessIndex index, std::uint32_t value) {
  Outcome outcome;
  Process* process = running(index, outcome);
  if (process == nullptr) return outcome;
  if ((value & 3) != 0) {
    outcome.error = "on the host, PKRU must allow key 0: it is the process's own";
    return outcome;
  }
  channel_->slot(process->slot).args[0] = value;
  return step(*process, kPwSetPkru, "set_pkru");
}

Result<ProcessView> HostTarget::look(ProcessIndex index, Detail detail) {
  const auto found = processes_.find(index);
  if (found == processes_.end() || !found->second.running) return fail(Errno::NoProcess);
  Process& process = found->second;
  const Result<std::string_view> text = read_view(process, detail);
  if (!text) return tl::unexpected(text.error());
  auto areas = parse_areas(*text, names_);
  if (!areas) return tl::unexpected(areas.error());
  ProcessView view;
  view.areas = std::move(*areas);
  view.minor_faults = channel_->slot(process.slot).minor;
  view.major_faults = channel_->slot(process.slot).major;
  return view;
}

// The file is opened once for each program that the process runs.
Result<std::string_view> HostTarget::read_view(Process& process, Detail detail) {
  const bool maps = detail == Detail::Maps;
  OwnedFd& file = maps ? process.maps : process.smaps;
  if (!file) {
    const std::string path = "/proc/" + std::to_string(process.pid) + (maps ? "/maps" : "/smaps");
    file = OwnedFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return last_error("cannot open " + path);
  }
  std::size_t size = 0;
  for (;;) {
    if (view_.size() - size < kPageSize) view_.resize(view_.size() * 2 + 16 * kPageSize);
    const ssize_t n = ::pread(file.get(), view_.data() + size, view_.size() - size,
                              static_cast<off_t>(size));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return last_error("cannot read what /proc tells of " + name_of(process.index));
    if (n == 0) return std::string_view(view_.data(), size);
    size += static_cast<std::size_t>(n);
  }
}

}  // namespace pw::host
