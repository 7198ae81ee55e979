// Names of flags, of choices and of errors.
#include <cstdlib>

#include "sys/abi.hpp"
#include "sys/calls.hpp"

namespace pw::sys {

namespace {

constexpr NamedValue kProtection[] = {
    {"none", "PROT_NONE", 0},
    {"r", "PROT_READ", kProtRead},
    {"w", "PROT_WRITE", kProtWrite},
    {"x", "PROT_EXEC", kProtExec},
    {"rw", "", kProtRead | kProtWrite},
    {"rx", "", kProtRead | kProtExec},
    {"wx", "", kProtWrite | kProtExec},
    {"rwx", "", kProtRead | kProtWrite | kProtExec},
    {"sem", "PROT_SEM", kProtSem},
    {"growsdown", "PROT_GROWSDOWN", kProtGrowsDown},
    {"growsup", "PROT_GROWSUP", kProtGrowsUp},
};
constexpr NamedValue kMapNames[] = {
    {"shared_validate", "MAP_SHARED_VALIDATE", kMapSharedValidate},
    {"shared", "MAP_SHARED", kMapShared},
    {"private", "MAP_PRIVATE", kMapPrivate},
    {"droppable", "MAP_DROPPABLE", kMapDroppable},
    {"fixed", "MAP_FIXED", kMapFixed},
    {"anonymous", "MAP_ANONYMOUS", kMapAnonymous},
    {"32bit", "MAP_32BIT", kMap32Bit},
    {"growsdown", "MAP_GROWSDOWN", kMapGrowsDown},
    {"denywrite", "MAP_DENYWRITE", kMapDenyWrite},
    {"executable", "MAP_EXECUTABLE", kMapExecutable},
    {"locked", "MAP_LOCKED", kMapLocked},
    {"noreserve", "MAP_NORESERVE", kMapNoReserve},
    {"populate", "MAP_POPULATE", kMapPopulate},
    {"nonblock", "MAP_NONBLOCK", kMapNonBlock},
    {"stack", "MAP_STACK", kMapStack},
    {"hugetlb", "MAP_HUGETLB", kMapHugeTlb},
    {"sync", "MAP_SYNC", kMapSync},
    {"fixed_noreplace", "MAP_FIXED_NOREPLACE", kMapFixedNoReplace},
};
constexpr NamedValue kRemapNames[] = {
    {"maymove", "MREMAP_MAYMOVE", kRemapMayMove},
    {"fixed", "MREMAP_FIXED", kRemapFixed},
    {"dontunmap", "MREMAP_DONTUNMAP", kRemapDontUnmap},
};
constexpr NamedValue kSyncNames[] = {
    {"async", "MS_ASYNC", kSyncAsync},
    {"invalidate", "MS_INVALIDATE", kSyncInvalidate},
    {"sync", "MS_SYNC", kSyncSync},
};
constexpr NamedValue kAdviceNames[] = {
    {"normal", "MADV_NORMAL", kAdviseNormal},
    {"random", "MADV_RANDOM", kAdviseRandom},
    {"sequential", "MADV_SEQUENTIAL", kAdviseSequential},
    {"willneed", "MADV_WILLNEED", kAdviseWillNeed},
    {"dontneed", "MADV_DONTNEED", kAdviseDontNeed},
    {"free", "MADV_FREE", kAdviseFree},
    {"remove", "MADV_REMOVE", kAdviseRemove},
    {"dontfork", "MADV_DONTFORK", kAdviseDontFork},
    {"dofork", "MADV_DOFORK", kAdviseDoFork},
    {"mergeable", "MADV_MERGEABLE", kAdviseMergeable},
    {"unmergeable", "MADV_UNMERGEABLE", kAdviseUnmergeable},
    {"hugepage", "MADV_HUGEPAGE", kAdviseHugePage},
    {"nohugepage", "MADV_NOHUGEPAGE", kAdviseNoHugePage},
    {"dontdump", "MADV_DONTDUMP", kAdviseDontDump},
    {"dodump", "MADV_DODUMP", kAdviseDoDump},
    {"wipeonfork", "MADV_WIPEONFORK", kAdviseWipeOnFork},
    {"keeponfork", "MADV_KEEPONFORK", kAdviseKeepOnFork},
    {"cold", "MADV_COLD", kAdviseCold},
    {"pageout", "MADV_PAGEOUT", kAdvisePageOut},
    {"populate_read", "MADV_POPULATE_READ", kAdvisePopulateRead},
    {"populate_write", "MADV_POPULATE_WRITE", kAdvisePopulateWrite},
    {"dontneed_locked", "MADV_DONTNEED_LOCKED", kAdviseDontNeedLocked},
    {"collapse", "MADV_COLLAPSE", kAdviseCollapse},
};
constexpr NamedValue kLockNames[] = {{"onfault", "MLOCK_ONFAULT", kLockOnFault}};
constexpr NamedValue kLockAllNames[] = {
    {"current", "MCL_CURRENT", kLockCurrent},
    {"future", "MCL_FUTURE", kLockFuture},
    {"onfault", "MCL_ONFAULT", kLockAllOnFault},
};
constexpr NamedValue kKeyNames[] = {
    {"disable_access", "PKEY_DISABLE_ACCESS", kKeyDisableAccess},
    {"disable_write", "PKEY_DISABLE_WRITE", kKeyDisableWrite},
};
constexpr NamedValue kOpenNames[] = {
    {"rdonly", "O_RDONLY", kOpenReadOnly}, {"wronly", "O_WRONLY", kOpenWriteOnly},
    {"rdwr", "O_RDWR", kOpenReadWrite},    {"creat", "O_CREAT", kOpenCreate},
    {"excl", "O_EXCL", kOpenExclusive},    {"trunc", "O_TRUNC", kOpenTruncate},
    {"append", "O_APPEND", kOpenAppend},   {"cloexec", "O_CLOEXEC", kOpenCloseOnExec},
};
constexpr NamedValue kFallocateNames[] = {
    {"keep_size", "FALLOC_FL_KEEP_SIZE", kFallocKeepSize},
    {"punch_hole", "FALLOC_FL_PUNCH_HOLE", kFallocPunchHole},
    {"zero_range", "FALLOC_FL_ZERO_RANGE", kFallocZeroRange},
};
constexpr NamedValue kFileAdviceNames[] = {
    {"normal", "POSIX_FADV_NORMAL", kFileNormal},
    {"random", "POSIX_FADV_RANDOM", kFileRandom},
    {"sequential", "POSIX_FADV_SEQUENTIAL", kFileSequential},
    {"willneed", "POSIX_FADV_WILLNEED", kFileWillNeed},
    {"dontneed", "POSIX_FADV_DONTNEED", kFileDontNeed},
    {"noreuse", "POSIX_FADV_NOREUSE", kFileNoReuse},
};
constexpr NamedValue kFcntlNames[] = {
    {"add_seals", "F_ADD_SEALS", kFcntlAddSeals},
    {"get_seals", "F_GET_SEALS", kFcntlGetSeals},
};
constexpr NamedValue kSealNames[] = {
    {"seal", "F_SEAL_SEAL", kSealSeal},
    {"shrink", "F_SEAL_SHRINK", kSealShrink},
    {"grow", "F_SEAL_GROW", kSealGrow},
    {"write", "F_SEAL_WRITE", kSealWrite},
    {"future_write", "F_SEAL_FUTURE_WRITE", kSealFutureWrite},
    {"exec", "F_SEAL_EXEC", kSealExec},
};
constexpr NamedValue kMemfdNames[] = {
    {"cloexec", "MFD_CLOEXEC", kMemfdCloseOnExec},
    {"allow_sealing", "MFD_ALLOW_SEALING", kMemfdAllowSealing},
    {"hugetlb", "MFD_HUGETLB", kMemfdHugeTlb},
    {"noexec_seal", "MFD_NOEXEC_SEAL", kMemfdNoExecSeal},
    {"exec", "MFD_EXEC", kMemfdExec},
};
constexpr NamedValue kShmGetNames[] = {
    {"creat", "IPC_CREAT", kIpcCreate},
    {"excl", "IPC_EXCL", kIpcExclusive},
    {"noreserve", "SHM_NORESERVE", kShmNoReserve},
};
constexpr NamedValue kShmAttachNames[] = {
    {"rdonly", "SHM_RDONLY", kShmReadOnly},
    {"rnd", "SHM_RND", kShmRound},
    {"remap", "SHM_REMAP", kShmRemap},
    {"exec", "SHM_EXEC", kShmExec},
};
constexpr NamedValue kShmCommandNames[] = {
    {"rmid", "IPC_RMID", kIpcRemove},
    {"nattch", "IPC_STAT", kIpcStat},
    {"lock", "SHM_LOCK", kShmLock},
    {"unlock", "SHM_UNLOCK", kShmUnlock},
};
constexpr NamedValue kPrctlNames[] = {
    {"set_thp_disable", "PR_SET_THP_DISABLE", kPrctlSetThpDisable},
    {"get_thp_disable", "PR_GET_THP_DISABLE", kPrctlGetThpDisable},
    {"set_vma", "PR_SET_VMA", kPrctlSetVma},
};
constexpr NamedValue kResourceNames[] = {
    {"data", "RLIMIT_DATA", kLimitData},
    {"stack", "RLIMIT_STACK", kLimitStack},
    {"memlock", "RLIMIT_MEMLOCK", kLimitMemLock},
    {"as", "RLIMIT_AS", kLimitAs},
};
constexpr NamedValue kCloneNames[] = {
    {"vm", "CLONE_VM", kCloneVm},
    {"files", "CLONE_FILES", kCloneFiles},
    {"vfork", "CLONE_VFORK", kCloneVfork},
};

struct NamedErrno {
  std::string_view name;
  int code;
};
constexpr NamedErrno kErrnos[] = {
    {"EPERM", 1},   {"ENOENT", 2},     {"ESRCH", 3},       {"EINTR", 4},         {"EIO", 5},
    {"ENXIO", 6},   {"E2BIG", 7},      {"ENOEXEC", 8},     {"EBADF", 9},         {"ECHILD", 10},
    {"EAGAIN", 11}, {"ENOMEM", 12},    {"EACCES", 13},     {"EFAULT", 14},       {"EBUSY", 16},
    {"EEXIST", 17}, {"ENODEV", 19},    {"ENOTDIR", 20},    {"EISDIR", 21},       {"EINVAL", 22},
    {"ENFILE", 23}, {"EMFILE", 24},    {"ETXTBSY", 26},    {"EFBIG", 27},        {"ENOSPC", 28},
    {"ESPIPE", 29}, {"EROFS", 30},     {"ERANGE", 34},     {"ENAMETOOLONG", 36}, {"ENOSYS", 38},
    {"EIDRM", 43},  {"EOVERFLOW", 75}, {"EOPNOTSUPP", 95},
};

}  // namespace

std::span<const NamedValue> values_of(ArgKind kind) {
  switch (kind) {
    case ArgKind::Protection:
      return kProtection;
    case ArgKind::MapFlags:
      return kMapNames;
    case ArgKind::RemapFlags:
      return kRemapNames;
    case ArgKind::SyncFlags:
      return kSyncNames;
    case ArgKind::Advice:
      return kAdviceNames;
    case ArgKind::LockFlags:
      return kLockNames;
    case ArgKind::LockAllFlags:
      return kLockAllNames;
    case ArgKind::KeyRights:
      return kKeyNames;
    case ArgKind::OpenFlags:
      return kOpenNames;
    case ArgKind::FallocateMode:
      return kFallocateNames;
    case ArgKind::FileAdvice:
      return kFileAdviceNames;
    case ArgKind::FcntlCommand:
      return kFcntlNames;
    case ArgKind::Seals:
      return kSealNames;
    case ArgKind::MemfdFlags:
      return kMemfdNames;
    case ArgKind::ShmGetFlags:
      return kShmGetNames;
    case ArgKind::ShmAttachFlags:
      return kShmAttachNames;
    case ArgKind::ShmCommand:
      return kShmCommandNames;
    case ArgKind::PrctlOption:
      return kPrctlNames;
    case ArgKind::Resource:
      return kResourceNames;
    case ArgKind::CloneFlags:
      return kCloneNames;
    default:
      return {};
  }
}

bool is_flags(ArgKind kind) {
  switch (kind) {
    case ArgKind::Advice:
    case ArgKind::FileAdvice:
    case ArgKind::FcntlCommand:
    case ArgKind::ShmCommand:
    case ArgKind::PrctlOption:
    case ArgKind::Resource:
      return false;
    default:
      return !values_of(kind).empty();
  }
}

std::string errno_name(int code) {
  for (const NamedErrno& error : kErrnos) {
    if (error.code == code) return std::string(error.name);
  }
  return "errno " + std::to_string(code);
}

int errno_of(std::string_view name) {
  for (const NamedErrno& error : kErrnos) {
    if (error.name == name) return error.code;
  }
  return 0;
}

}  // namespace pw::sys
