// Numbers and flags of recorded memory system calls: Linux x86-64
// (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/mman-common.h,
// include/uapi/linux/sched.h).
#pragma once

#include <cstdint>

#include "space/vma.hpp"

namespace pw::replay {

enum Number : std::uint32_t {
  kMmap = 9,
  kMprotect = 10,
  kMunmap = 11,
  kBrk = 12,
  kMremap = 25,
  kMsync = 26,
  kMadvise = 28,
  kShmget = 29,
  kShmat = 30,
  kClone = 56,
  kVfork = 58,
  kShmdt = 67,
  kGetTimeOfDay = 96,
  kMlock = 149,
  kMunlock = 150,
  kMlockall = 151,
  kMunlockall = 152,
  kPrctl = 157,
  kTime = 201,
  kClockGetTime = 228,
  kMlock2 = 325,
  kPkeyMprotect = 329,
  kRseq = 334,
  kExitGroup = 231,
  kCloseRange = 436,
};

inline constexpr std::uint64_t kMapShared = 0x01, kMapSharedValidate = 0x03, kMapTypes = 0x0f;
inline constexpr std::uint64_t kMapFixed = 0x10, kMapAnonymous = 0x20, kMapGrowsDown = 0x100;
inline constexpr std::uint64_t kMapLocked = 0x2000, kMapNoReserve = 0x4000;
inline constexpr std::uint64_t kMapPopulate = 0x8000, kMapNonBlock = 0x10000;
inline constexpr std::uint64_t kMapStack = 0x20000, kMapFixedNoReplace = 0x100000;
inline constexpr std::uint64_t kMremapFixed = 2, kMremapDontUnmap = 4;
inline constexpr std::uint64_t kAdviseDontNeed = 4, kAdviseLast = 24;
inline constexpr std::uint64_t kSyncAsync = 1, kSyncInvalidate = 2, kSyncNow = 4;
inline constexpr std::uint64_t kLockCurrent = 1, kLockFuture = 2, kLockOnFault = 4;
inline constexpr std::uint64_t kLock2OnFault = 1;
inline constexpr std::uint64_t kCloseOnExec = 4, kUnsigned = 0xffff'ffff;  // close_range(2)
inline constexpr std::uint64_t kShmReadOnly = 010000;
inline constexpr std::uint64_t kCloneVm = 0x100, kCloneVfork = 0x4000;
inline constexpr std::uint64_t kPrctlSetThpDisable = 41;

constexpr Rights rights_of(std::uint64_t protection) {
  return {(protection & 1) != 0, (protection & 2) != 0, (protection & 4) != 0};
}

}  // namespace pw::replay
