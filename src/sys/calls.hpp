// The memory system calls by name: what a program may ask of the kernel, and how its arguments
// read.
//
// One table (kCalls in calls.cpp) names each call, its Linux number and the kinds of its arguments.
// Scripts are parsed and printed by it, the simulated kernel (kernel.hpp) dispatches on it, and a
// script that runs on the host's kernel passes the same raw numbers on. Arguments are raw: what a
// program would load into registers, valid or not. Bytes and texts travel beside them, since a
// script has no buffers of its own: a path, a name, what to write, what came back.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pw::sys {

enum class Call : std::uint8_t {
  Mmap,
  Munmap,
  Mprotect,
  Brk,
  Mremap,
  Msync,
  Mincore,
  Madvise,
  Mlock,
  Mlock2,
  Munlock,
  MlockAll,
  MunlockAll,
  Mseal,
  PkeyAlloc,
  PkeyFree,
  PkeyMprotect,
  Open,
  Close,
  Dup,
  Unlink,
  Pread,
  Pwrite,
  Ftruncate,
  Fallocate,
  Fsync,
  Fadvise,
  Fcntl,
  MemfdCreate,
  ShmOpen,
  ShmUnlink,
  Shmget,
  Shmat,
  Shmdt,
  Shmctl,
  Prctl,
  Setrlimit,
  Getrlimit,
  ProcessVmReadv,
  ProcessVmWritev,
  Fork,
  Vfork,
  Clone,
  Exec,
  Exit,
  Wait,
};
inline constexpr std::size_t kCallCount = static_cast<std::size_t>(Call::Wait) + 1;

// How an argument is written and read by people. `Text` and `Bytes` are not among the raw
// arguments: they fill Request::text.
enum class ArgKind : std::uint8_t {
  Address,
  Length,
  Offset,
  Number,
  Count,
  Fd,
  Pid,
  Text,
  Bytes,
  Protection,
  MapFlags,
  RemapFlags,
  SyncFlags,
  Advice,
  LockFlags,
  LockAllFlags,
  KeyRights,
  Key,
  OpenFlags,
  Mode,
  FallocateMode,
  FileAdvice,
  FcntlCommand,
  Seals,
  MemfdFlags,
  ShmGetFlags,
  ShmAttachFlags,
  ShmCommand,
  PrctlOption,
  Resource,
  CloneFlags,
};

// What a successful call gives back.
enum class ReplyKind : std::uint8_t {
  Nothing,  // 0
  Address,
  Number,  // a count, a key, an id, a limit
  Fd,
  Process,  // the child's pid
  Bytes,    // a count and that many bytes (pread, process_vm_readv)
  Flags,    // a byte for each page (mincore): Reply::bytes of '0' and '1'
};

struct Argument {
  std::string_view name;
  ArgKind kind;
  // The value of an argument that is left out; none: it must be given.
  std::optional<std::uint64_t> otherwise = std::nullopt;
};

struct Signature {
  Call call;
  std::string_view name;  // as in the manual: "mmap"
  int number;             // Linux x86-64; -1: made of others by the C library
  std::span<const Argument> arguments;
  ReplyKind reply;
};

const Signature& signature(Call call);
// Null if there is no call of that name.
const Signature* find_call(std::string_view name);
std::span<const Signature> all_calls();

struct NamedValue {
  std::string_view name;    // as scripts write it: "fixed", "dontneed"
  std::string_view formal;  // "MAP_FIXED"
  std::uint64_t value;
};
// The names of a kind's values; empty where it has none. `is_flags`: names are or-ed together.
std::span<const NamedValue> values_of(ArgKind kind);
bool is_flags(ArgKind kind);

struct Request {
  Call call = Call::Mmap;
  std::array<std::uint64_t, 6> args{};  // in the order of the signature, Text and Bytes left out
  std::string text;                     // path, name or bytes
};

// As the kernel answers: a value, or -errno.
struct Reply {
  std::int64_t value = 0;
  std::string bytes;

  bool failed() const { return value < 0 && value >= -4095; }
  friend bool operator==(const Reply&, const Reply&) = default;
};

// "ENOMEM"; "errno 123" for one without a name here.
std::string errno_name(int code);
// 0: no such name.
int errno_of(std::string_view name);

}  // namespace pw::sys
