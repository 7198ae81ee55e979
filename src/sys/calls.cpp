#include "sys/calls.hpp"

#include "sys/abi.hpp"

namespace pw::sys {

namespace {

using enum ArgKind;

constexpr Argument kMmapArgs[] = {{"address", Address}, {"length", Length}, {"prot", Protection},
                                  {"flags", MapFlags},  {"fd", Fd, ~0ULL},  {"offset", Offset, 0}};
constexpr Argument kRangeArgs[] = {{"address", Address}, {"length", Length}};
constexpr Argument kMprotectArgs[] = {
    {"address", Address}, {"length", Length}, {"prot", Protection}};
constexpr Argument kBrkArgs[] = {{"address", Address}};
constexpr Argument kMremapArgs[] = {{"address", Address},
                                    {"old_length", Length},
                                    {"new_length", Length},
                                    {"flags", RemapFlags, 0},
                                    {"new_address", Address, 0}};
constexpr Argument kMsyncArgs[] = {
    {"address", Address}, {"length", Length}, {"flags", SyncFlags, kSyncSync}};
constexpr Argument kMadviseArgs[] = {{"address", Address}, {"length", Length}, {"advice", Advice}};
constexpr Argument kMlock2Args[] = {{"address", Address}, {"length", Length}, {"flags", LockFlags}};
constexpr Argument kMlockAllArgs[] = {{"flags", LockAllFlags}};
constexpr Argument kMsealArgs[] = {{"address", Address}, {"length", Length}, {"flags", Number, 0}};
constexpr Argument kPkeyAllocArgs[] = {{"flags", Number, 0}, {"rights", KeyRights, 0}};
constexpr Argument kPkeyFreeArgs[] = {{"key", Key}};
constexpr Argument kPkeyMprotectArgs[] = {
    {"address", Address}, {"length", Length}, {"prot", Protection}, {"key", Key}};
constexpr Argument kOpenArgs[] = {{"path", Text}, {"flags", OpenFlags}, {"mode", Mode, 0600}};
constexpr Argument kFdArgs[] = {{"fd", Fd}};
constexpr Argument kPathArgs[] = {{"path", Text}};
constexpr Argument kPreadArgs[] = {{"fd", Fd}, {"count", Count}, {"offset", Offset}};
constexpr Argument kPwriteArgs[] = {{"fd", Fd}, {"bytes", Bytes}, {"offset", Offset}};
constexpr Argument kFtruncateArgs[] = {{"fd", Fd}, {"length", Length}};
constexpr Argument kFallocateArgs[] = {
    {"fd", Fd}, {"mode", FallocateMode}, {"offset", Offset}, {"length", Length}};
constexpr Argument kFadviseArgs[] = {
    {"fd", Fd}, {"offset", Offset}, {"length", Length}, {"advice", FileAdvice}};
constexpr Argument kFcntlArgs[] = {{"fd", Fd}, {"command", FcntlCommand}, {"seals", Seals, 0}};
constexpr Argument kMemfdArgs[] = {{"name", Text}, {"flags", MemfdFlags, 0}};
constexpr Argument kShmgetArgs[] = {{"key", Number}, {"size", Length}, {"flags", ShmGetFlags}};
constexpr Argument kShmatArgs[] = {
    {"id", Number}, {"address", Address, 0}, {"flags", ShmAttachFlags, 0}};
constexpr Argument kShmdtArgs[] = {{"address", Address}};
constexpr Argument kShmctlArgs[] = {{"id", Number}, {"command", ShmCommand}};
constexpr Argument kPrctlArgs[] = {{"option", PrctlOption},
                                   {"arg2", Number, 0},
                                   {"address", Address, 0},
                                   {"length", Length, 0},
                                   {"name", Text}};
constexpr Argument kSetrlimitArgs[] = {{"resource", Resource}, {"soft", Length}};
constexpr Argument kGetrlimitArgs[] = {{"resource", Resource}};
constexpr Argument kVmReadArgs[] = {{"process", Pid}, {"address", Address}, {"count", Count}};
constexpr Argument kVmWriteArgs[] = {{"process", Pid}, {"address", Address}, {"bytes", Bytes}};
constexpr Argument kCloneArgs[] = {{"flags", CloneFlags}};
constexpr Argument kExecArgs[] = {{"path", Text}};
constexpr Argument kExitArgs[] = {{"status", Number, 0}};
constexpr Argument kWaitArgs[] = {{"process", Pid}};

constexpr Signature kCalls[] = {
    {Call::Mmap, "mmap", 9, kMmapArgs, ReplyKind::Address},
    {Call::Munmap, "munmap", 11, kRangeArgs, ReplyKind::Nothing},
    {Call::Mprotect, "mprotect", 10, kMprotectArgs, ReplyKind::Nothing},
    {Call::Brk, "brk", 12, kBrkArgs, ReplyKind::Address},
    {Call::Mremap, "mremap", 25, kMremapArgs, ReplyKind::Address},
    {Call::Msync, "msync", 26, kMsyncArgs, ReplyKind::Nothing},
    {Call::Mincore, "mincore", 27, kRangeArgs, ReplyKind::Flags},
    {Call::Madvise, "madvise", 28, kMadviseArgs, ReplyKind::Nothing},
    {Call::Mlock, "mlock", 149, kRangeArgs, ReplyKind::Nothing},
    {Call::Mlock2, "mlock2", 325, kMlock2Args, ReplyKind::Nothing},
    {Call::Munlock, "munlock", 150, kRangeArgs, ReplyKind::Nothing},
    {Call::MlockAll, "mlockall", 151, kMlockAllArgs, ReplyKind::Nothing},
    {Call::MunlockAll, "munlockall", 152, {}, ReplyKind::Nothing},
    {Call::Mseal, "mseal", 462, kMsealArgs, ReplyKind::Nothing},
    {Call::PkeyAlloc, "pkey_alloc", 330, kPkeyAllocArgs, ReplyKind::Number},
    {Call::PkeyFree, "pkey_free", 331, kPkeyFreeArgs, ReplyKind::Nothing},
    {Call::PkeyMprotect, "pkey_mprotect", 329, kPkeyMprotectArgs, ReplyKind::Nothing},
    {Call::Open, "open", 2, kOpenArgs, ReplyKind::Fd},
    {Call::Close, "close", 3, kFdArgs, ReplyKind::Nothing},
    {Call::Dup, "dup", 32, kFdArgs, ReplyKind::Fd},
    {Call::Unlink, "unlink", 87, kPathArgs, ReplyKind::Nothing},
    {Call::Pread, "pread", 17, kPreadArgs, ReplyKind::Bytes},
    {Call::Pwrite, "pwrite", 18, kPwriteArgs, ReplyKind::Number},
    {Call::Ftruncate, "ftruncate", 77, kFtruncateArgs, ReplyKind::Nothing},
    {Call::Fallocate, "fallocate", 285, kFallocateArgs, ReplyKind::Nothing},
    {Call::Fsync, "fsync", 74, kFdArgs, ReplyKind::Nothing},
    {Call::Fadvise, "posix_fadvise", 221, kFadviseArgs, ReplyKind::Nothing},
    {Call::Fcntl, "fcntl", 72, kFcntlArgs, ReplyKind::Number},
    {Call::MemfdCreate, "memfd_create", 319, kMemfdArgs, ReplyKind::Fd},
    {Call::ShmOpen, "shm_open", -1, kOpenArgs, ReplyKind::Fd},
    {Call::ShmUnlink, "shm_unlink", -1, kPathArgs, ReplyKind::Nothing},
    {Call::Shmget, "shmget", 29, kShmgetArgs, ReplyKind::Number},
    {Call::Shmat, "shmat", 30, kShmatArgs, ReplyKind::Address},
    {Call::Shmdt, "shmdt", 67, kShmdtArgs, ReplyKind::Nothing},
    {Call::Shmctl, "shmctl", 31, kShmctlArgs, ReplyKind::Number},
    {Call::Prctl, "prctl", 157, kPrctlArgs, ReplyKind::Number},
    {Call::Setrlimit, "setrlimit", 302, kSetrlimitArgs, ReplyKind::Nothing},
    {Call::Getrlimit, "getrlimit", 302, kGetrlimitArgs, ReplyKind::Number},
    {Call::ProcessVmReadv, "process_vm_readv", 310, kVmReadArgs, ReplyKind::Bytes},
    {Call::ProcessVmWritev, "process_vm_writev", 311, kVmWriteArgs, ReplyKind::Number},
    {Call::Fork, "fork", 57, {}, ReplyKind::Process},
    {Call::Vfork, "vfork", 58, {}, ReplyKind::Process},
    {Call::Clone, "clone", 56, kCloneArgs, ReplyKind::Process},
    {Call::Exec, "exec", 59, kExecArgs, ReplyKind::Nothing},
    {Call::Exit, "exit", 231, kExitArgs, ReplyKind::Nothing},
    {Call::Wait, "wait", 61, kWaitArgs, ReplyKind::Number},
};
static_assert(std::size(kCalls) == kCallCount);

constexpr bool in_order() {
  for (std::size_t i = 0; i < kCallCount; ++i) {
    if (static_cast<std::size_t>(kCalls[i].call) != i) return false;
  }
  return true;
}

}  // namespace

static_assert(in_order());

const Signature& signature(Call call) { return kCalls[static_cast<std::size_t>(call)]; }

const Signature* find_call(std::string_view name) {
  for (const Signature& call : kCalls) {
    if (call.name == name) return &call;
  }
  return nullptr;
}

std::span<const Signature> all_calls() { return kCalls; }

}  // namespace pw::sys
