#include "replay/transcript.hpp"

#include <algorithm>
#include <utility>

#include "script/target.hpp"
#include "sys/abi.hpp"

namespace pw::replay {

namespace {

using script::Step;
using script::Value;
using sys::Call;

Value address(VirtAddr at) { return script::number_value(script::address(at.value)); }
Value length(ByteCount bytes) { return script::number_value(script::address(bytes.value)); }
Value decimal(std::uint64_t value) { return script::number_value(script::number(value)); }
Value variable(const std::string& name) { return script::number_value(script::name(name)); }

// The names that `value` is made of; what has none is left out.
Value names(sys::ArgKind kind, std::uint64_t value) {
  Value made;
  made.kind = Value::Kind::Flags;
  for (const sys::NamedValue& known : sys::values_of(kind)) {
    const bool whole = sys::is_flags(kind) && kind != sys::ArgKind::Protection
                           ? known.value != 0 && (value & known.value) == known.value
                           : known.value == value;
    if (!whole) continue;
    made.flags.push_back({std::string(known.name), {}});
    value &= ~known.value;
    if (value == 0) break;
  }
  return made;
}

Value rights_value(Rights rights) {
  return names(sys::ArgKind::Protection, (rights.read ? sys::kProtRead : 0) |
                                             (rights.write ? sys::kProtWrite : 0) |
                                             (rights.execute ? sys::kProtExec : 0));
}

std::uint64_t flags_of(const MmapRequest& request) {
  return (request.shared ? sys::kMapShared : sys::kMapPrivate) |
         (request.backing == nullptr ? sys::kMapAnonymous : 0) |
         (request.fixed ? sys::kMapFixed : 0) |
         (request.fixed_noreplace ? sys::kMapFixedNoReplace : 0) |
         (request.grows_down ? sys::kMapGrowsDown : 0);
}

constexpr const char* kFile = "f";  // the variable of a file that is being mapped

// Files of scripts lie in one folder: "usr|lib|libc.so.6". Long paths keep their end and a number
// that tells them apart.
std::string file_name(const std::string& path) {
  constexpr std::size_t kMost = 200;
  std::string name = path.substr(path.size() > 1 && path.front() == '/' ? 1 : 0);
  std::replace(name.begin(), name.end(), '/', '|');
  if (name.empty() || name == "." || name == "..") name += '|';
  if (name.size() <= kMost) return name;
  std::uint64_t sum = 0xcbf2'9ce4'8422'2325;  // FNV-1a
  for (const char c : name) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3;
  return std::to_string(sum) + '|' + name.substr(name.size() - kMost);
}

std::string segment_name(std::uint64_t id) { return "shm" + std::to_string(id); }

}  // namespace

Step Transcript::step(Pid pid, Call call, std::vector<Value> arguments) const {
  Step made;
  made.kind = Step::Kind::Do;
  made.process = names_.at(pid);
  made.call = call;
  made.arguments = std::move(arguments);
  made.arguments.resize(sys::signature(call).arguments.size());
  return made;
}

// Processes of scripts begin with a stack; those of recordings bring their own.
void Transcript::without_stack(Pid pid) {
  script::Expression size;
  size.kind = script::Expression::Kind::Subtract;
  size.operands = {script::name("stack_end"), script::name("stack")};
  say(step(pid, Call::Munmap, {variable("stack"), script::number_value(std::move(size))}));
}

void Transcript::spawned(Pid pid, std::uint32_t recorded) {
  names_[pid] = "P" + std::to_string(recorded);
  Step made;
  made.kind = Step::Kind::Process;
  made.process = names_[pid];
  say(std::move(made));
  without_stack(pid);
}

void Transcript::forked(Pid parent, Pid child, std::uint32_t recorded) {
  names_[child] = "P" + std::to_string(recorded);
  Step made = step(parent, Call::Fork, {});
  made.result = names_[child];
  say(std::move(made));
}

void Transcript::executed(Pid pid, const std::string& program) {
  say(step(pid, Call::Exec, {script::text_value(file_name(program))}));
  without_stack(pid);
}

void Transcript::exited(Pid pid, int status) {
  say(step(pid, Call::Exit, {decimal(static_cast<std::uint64_t>(status) & 0xff)}));
}

void Transcript::mapped(Pid pid, const MmapRequest& request) {
  Step map = step(pid, Call::Mmap,
                  {address(request.address), length(request.length), rights_value(request.rights),
                   names(sys::ArgKind::MapFlags, flags_of(request))});
  if (request.backing == nullptr) return say(std::move(map));
  open(pid, *request.backing);
  map.arguments[4] = variable(kFile);
  map.arguments[5] = length(ByteCount(request.backing_page.value << kPageShift));
  say(std::move(map));
  close(pid);
}

// For the steps that follow, with the size that it has in the machine.
void Transcript::open(Pid pid, const VmObject& file) {
  // As programs have it, so that exec may be of one.
  constexpr std::uint64_t kHow = sys::kOpenReadWrite | sys::kOpenCreate, kMode = 0700;
  Step open = step(pid, Call::Open,
                   {script::text_value(file_name(file.name)), names(sys::ArgKind::OpenFlags, kHow),
                    script::number_value(script::address(kMode))});
  open.result = kFile;
  say(std::move(open));
  if (std::exchange(sizes_[file.name], file.size.value) != file.size.value) {
    say(step(pid, Call::Ftruncate, {variable(kFile), length(file.size)}));
  }
}

void Transcript::close(Pid pid) { say(step(pid, Call::Close, {variable(kFile)})); }

void Transcript::transferred(Pid pid, const VmObject& file, ByteCount offset, ByteCount bytes,
                             bool written) {
  constexpr std::uint64_t kMost = std::uint64_t{16} << 20;  // of a step
  if (written) {                                            // the step itself makes the file longer
    std::uint64_t& size = sizes_.try_emplace(file.name, 0).first->second;
    if (size < offset.value + bytes.value) size = file.size.value;
  }
  open(pid, file);
  while (bytes.value > 0) {
    const ByteCount part(std::min(bytes.value, kMost));
    if (written) {
      Value zeros = script::text_value(std::string(1, '\0'));
      if (part.value > 1) zeros.text.times = script::number(part.value);
      say(step(pid, Call::Pwrite, {variable(kFile), std::move(zeros), length(offset)}));
    } else {
      say(step(pid, Call::Pread, {variable(kFile), decimal(part.value), length(offset)}));
    }
    offset = offset + part;
    bytes = bytes - part;
  }
  close(pid);
}

void Transcript::resized(Pid pid, const VmObject& file) {
  open(pid, file);
  close(pid);
}

void Transcript::file_synced(Pid pid, const VmObject& file) {
  open(pid, file);
  say(step(pid, Call::Fsync, {variable(kFile)}));
  close(pid);
}

void Transcript::unmapped(Pid pid, VirtAddr at, ByteCount bytes) {
  say(step(pid, Call::Munmap, {address(at), length(bytes)}));
}

void Transcript::protected_(Pid pid, VirtAddr at, ByteCount bytes, Rights rights) {
  say(step(pid, Call::Mprotect, {address(at), length(bytes), rights_value(rights)}));
}

void Transcript::moved(Pid pid, const MremapRequest& request) {
  Step made = step(
      pid, Call::Mremap,
      {address(request.address), length(request.old_length), length(request.new_length)});
  if (request.may_move || request.fixed) {
    made.arguments[3] = names(
        sys::ArgKind::RemapFlags,
        (request.may_move ? sys::kRemapMayMove : 0) | (request.fixed ? sys::kRemapFixed : 0));
    made.arguments[4] = address(request.new_address);
  }
  say(std::move(made));
}

// The break of a script's process is where its own heap begins, so the recorded heap is mapped.
void Transcript::break_moved(Pid pid, VirtAddr from, VirtAddr to) {
  const ByteCount rest(kPageSize - 1);
  const VirtAddr before = address_of(page_of(from + rest)), after = address_of(page_of(to + rest));
  if (after < before) unmapped(pid, after, before - after);
  if (before < after) {
    MmapRequest request;
    request.address = before;
    request.length = after - before;
    request.fixed = true;
    mapped(pid, request);
  }
}

void Transcript::discarded(Pid pid, VirtAddr at, ByteCount bytes) {
  say(step(pid, Call::Madvise,
           {address(at), length(bytes), names(sys::ArgKind::Advice, sys::kAdviseDontNeed)}));
}

void Transcript::synced(Pid pid, VirtAddr at, ByteCount bytes) {
  say(step(pid, Call::Msync, {address(at), length(bytes)}));
}

void Transcript::attached(Pid pid, std::uint64_t segment, const MmapRequest& request) {
  const std::string id = segment_name(segment);
  if (segment_bytes_.emplace(segment, request.length.value).second) {
    Step made = step(
        pid, Call::Shmget,
        {decimal(0), length(request.length), script::flags_value(sys::kIpcCreate | 0600)});
    made.result = id;
    say(std::move(made));
  }
  Step attach = step(pid, Call::Shmat, {variable(id), address(request.address)});
  if (!request.rights.write) {
    attach.arguments[2] = names(sys::ArgKind::ShmAttachFlags, sys::kShmReadOnly);
  }
  say(std::move(attach));
}

void Transcript::touched(Pid pid, VirtAddr at, VirtAddr placed, Access access, std::uint64_t count,
                         const AccessResult& result) {
  touch_ = {pid, placed, access};
  Step made;
  made.kind = Step::Kind::Do;
  made.process = names_.at(pid);
  made.arguments.push_back(address(at));
  switch (access) {
    case Access::Read:
      made.verb = script::Verb::Load;
      made.arguments.push_back(decimal(1));
      break;
    case Access::Write:
      made.verb = script::Verb::Store;
      made.arguments.push_back(script::text_value(std::string(1, '\0')));
      break;
    case Access::Execute:
      made.verb = script::Verb::Fetch;
      break;
  }
  made.arguments.push_back(count == 1 ? Value{} : decimal(count));
  const bool segv = result.kind == AccessResult::Kind::Segv;
  if (segv || result.kind == AccessResult::Kind::Bus) {
    made.expected.kind = script::Expectation::Kind::Signal;
    made.expected.signal = segv ? script::kSigSegv : script::kSigBus;
  }
  say(std::move(made));
}

}  // namespace pw::replay
