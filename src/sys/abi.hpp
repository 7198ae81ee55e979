// Numbers of the system-call interface of Linux on x86-64, as far as memory goes.
//
// Source: include/uapi/asm-generic/mman-common.h, mman.h, fcntl.h, include/uapi/linux/mman.h,
// memfd.h, shm.h, resource.h, prctl.h, arch/x86/include/uapi/asm/mman.h. Values only: what they
// mean is decided by the calls in this room.
#pragma once

#include <cstdint>

namespace pw::sys {

// mmap, mprotect
inline constexpr std::uint64_t kProtRead = 1, kProtWrite = 2, kProtExec = 4, kProtSem = 8;
inline constexpr std::uint64_t kProtGrowsDown = 0x0100'0000, kProtGrowsUp = 0x0200'0000;
inline constexpr std::uint64_t kMapShared = 1, kMapPrivate = 2, kMapSharedValidate = 3;
inline constexpr std::uint64_t kMapDroppable = 8, kMapType = 0x0f;
inline constexpr std::uint64_t kMapFixed = 0x10, kMapAnonymous = 0x20, kMap32Bit = 0x40;
inline constexpr std::uint64_t kMapGrowsDown = 0x100, kMapDenyWrite = 0x800;
inline constexpr std::uint64_t kMapExecutable = 0x1000, kMapLocked = 0x2000;
inline constexpr std::uint64_t kMapNoReserve = 0x4000, kMapPopulate = 0x8000;
inline constexpr std::uint64_t kMapNonBlock = 0x1'0000, kMapStack = 0x2'0000;
inline constexpr std::uint64_t kMapHugeTlb = 0x4'0000, kMapSync = 0x8'0000;
inline constexpr std::uint64_t kMapFixedNoReplace = 0x10'0000;
// mremap
inline constexpr std::uint64_t kRemapMayMove = 1, kRemapFixed = 2, kRemapDontUnmap = 4;
// msync
inline constexpr std::uint64_t kSyncAsync = 1, kSyncInvalidate = 2, kSyncSync = 4;
// madvise
inline constexpr std::uint64_t kAdviseNormal = 0, kAdviseRandom = 1, kAdviseSequential = 2;
inline constexpr std::uint64_t kAdviseWillNeed = 3, kAdviseDontNeed = 4, kAdviseFree = 8;
inline constexpr std::uint64_t kAdviseRemove = 9, kAdviseDontFork = 10, kAdviseDoFork = 11;
inline constexpr std::uint64_t kAdviseMergeable = 12, kAdviseUnmergeable = 13;
inline constexpr std::uint64_t kAdviseHugePage = 14, kAdviseNoHugePage = 15;
inline constexpr std::uint64_t kAdviseDontDump = 16, kAdviseDoDump = 17;
inline constexpr std::uint64_t kAdviseWipeOnFork = 18, kAdviseKeepOnFork = 19;
inline constexpr std::uint64_t kAdviseCold = 20, kAdvisePageOut = 21;
inline constexpr std::uint64_t kAdvisePopulateRead = 22, kAdvisePopulateWrite = 23;
inline constexpr std::uint64_t kAdviseDontNeedLocked = 24, kAdviseCollapse = 25;
// posix_fadvise
inline constexpr std::uint64_t kFileNormal = 0, kFileRandom = 1, kFileSequential = 2;
inline constexpr std::uint64_t kFileWillNeed = 3, kFileDontNeed = 4, kFileNoReuse = 5;
// mlock2, mlockall
inline constexpr std::uint64_t kLockOnFault = 1;
inline constexpr std::uint64_t kLockCurrent = 1, kLockFuture = 2, kLockAllOnFault = 4;
// open, fcntl, memfd_create
inline constexpr std::uint64_t kOpenReadOnly = 0, kOpenWriteOnly = 1, kOpenReadWrite = 2;
inline constexpr std::uint64_t kOpenAccess = 3, kOpenCreate = 0100, kOpenExclusive = 0200;
inline constexpr std::uint64_t kOpenTruncate = 01000, kOpenAppend = 02000;
inline constexpr std::uint64_t kOpenDirectory = 0200000, kOpenCloseOnExec = 02000000;
inline constexpr std::uint64_t kFcntlGetFd = 1, kFcntlSetFd = 2, kFdCloseOnExec = 1;
inline constexpr std::uint64_t kFcntlAddSeals = 1033, kFcntlGetSeals = 1034;
inline constexpr std::uint64_t kSealSeal = 1, kSealShrink = 2, kSealGrow = 4, kSealWrite = 8;
inline constexpr std::uint64_t kSealFutureWrite = 16, kSealExec = 32;
inline constexpr std::uint64_t kMemfdCloseOnExec = 1, kMemfdAllowSealing = 2, kMemfdHugeTlb = 4;
inline constexpr std::uint64_t kMemfdNoExecSeal = 8, kMemfdExec = 16;
inline constexpr std::uint64_t kFallocKeepSize = 1, kFallocPunchHole = 2, kFallocZeroRange = 16;
// System V shared memory
inline constexpr std::uint64_t kIpcCreate = 01000, kIpcExclusive = 02000;
inline constexpr std::uint64_t kShmNoReserve = 010000;
inline constexpr std::uint64_t kShmReadOnly = 010000, kShmRound = 020000, kShmRemap = 040000;
inline constexpr std::uint64_t kShmExec = 0100000;
inline constexpr std::uint64_t kIpcRemove = 0, kIpcSet = 1, kIpcStat = 2;
inline constexpr std::uint64_t kShmLock = 11, kShmUnlock = 12;
// pkey_alloc, PKRU
inline constexpr std::uint64_t kKeyDisableAccess = 1, kKeyDisableWrite = 2;
// prlimit
inline constexpr std::uint64_t kLimitData = 2, kLimitStack = 3, kLimitMemLock = 8, kLimitAs = 9;
inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};
// prctl
inline constexpr std::uint64_t kPrctlSetThpDisable = 41, kPrctlGetThpDisable = 42;
inline constexpr std::uint64_t kPrctlSetVma = 0x53564d41, kPrctlSetVmaAnonName = 0;
// clone
inline constexpr std::uint64_t kCloneVm = 0x100, kCloneFiles = 0x400, kCloneVfork = 0x4000;

}  // namespace pw::sys
