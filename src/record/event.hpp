// What a recording consists of, once decoded. docs/RECORDING.md gives the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/access.hpp"
#include "base/units.hpp"

namespace pw::record {

inline constexpr std::uint64_t kNoPage = ~std::uint64_t{0};
inline constexpr std::uint32_t kNoFile = ~std::uint32_t{0};

enum class EventKind : std::uint8_t {
  Fetch,        // `page` entered the filter; `evicted` (or kNoPage) left it
  FirstWrite,   // first write to `page` while it is in the filter
  Reference,    // detail full: `address` .. `address + size`
  Syscall,      // side table `syscalls[index]`
  Thread,       // thread `index` runs now
  ThreadStart,  // `index` = tid
  ThreadExit,   // `index` = tid
  Fork,         // `index` = child's pid; `last_reference` = when (CLOCK_MONOTONIC ns)
  Stack,        // call stack `index` of the recording; `cause` tells of what
  FilterGone,   // `page` left the filter and none came; `last_reference` (one event a page of a
                // reset)
  Exec,         // a new image: side table `images[index]` has command and maps
  Exit,         // `index` = status
  Transfer,     // the kernel read (`access`) or wrote `length` bytes from `offset` on of the file
                // `index`, by way of `descriptor`
  Wait,         // system call `index` kept the whole process waiting for `length` ns, until
                // `last_reference` (CLOCK_MONOTONIC ns); `offset` = pid of the child that it
                // waited for, 0 if it was something else
  Wake,         // a system call that may have ended another process's wait, begun at
                // `last_reference` (CLOCK_MONOTONIC ns), of `length` ns; `offset` = by way of
                // which channel (PW_WAKE, recorder/common/encoding.h); `index` = bytes moved
                // through a pipe
};

// Of the event before: the first reference to its page, a system call, the first write to its page
// after a fork.
enum class StackCause : std::uint8_t { FirstTouch = 0, Syscall = 1, WriteAfterFork = 2 };

struct Event {
  std::uint64_t clock = 0;  // references of the stream so far, this one included
  union {
    std::uint64_t page = kNoPage;  // virtual page number
    std::uint64_t address;         // Reference
    std::uint64_t offset;          // Transfer: in bytes. Wait, Wake: see there
  };
  union {
    std::uint64_t evicted = kNoPage;  // Fetch: the page that left
    std::uint64_t length;             // Transfer: in bytes. Wait, Wake: in ns
  };
  union {
    std::uint64_t last_reference = 0;  // clock of the last reference of the page that left
    std::uint64_t descriptor;          // Transfer
  };
  union {
    std::uint32_t index = 0;
    // Fetch, FirstWrite: 1 + how many references later the last one to the page is before it leaves
    // the filter; 0: it does not leave in this chunk. Known once the chunk is decoded.
    std::uint32_t stays;
  };
  union {
    std::uint16_t size = 0;   // Reference: bytes. Wait: 1 if it ended because its time was over
    std::uint16_t came_here;  // Fetch, FilterGone: 1 if the page that leaves came in this chunk
                              // (and that Fetch says how long it stays). FirstWrite: 1 if its page
                              // did
  };
  EventKind kind = EventKind::Fetch;
  Access access : 2 = Access::Read;
  bool by_kernel : 1 = false;  // the kernel referenced a buffer of the program
  StackCause cause : 2 = StackCause::FirstTouch;
};
static_assert(sizeof(Event) == 40);

struct SyscallRecord {
  std::uint32_t number = 0;  // x86-64
  std::uint32_t tid = 0;
  std::uint64_t arguments[6] = {};
  std::int64_t result = 0;       // negative errno on failure
  std::uint64_t ns = 0;          // CLOCK_MONOTONIC
  std::string path;              // file behind an mmap; a renamed file's new name
  std::uint32_t file = kNoFile;  // Recording::file() that it is about
};

// A regular file or shared memory object, as the program found it.
struct FileInfo {
  std::string path;          // absolute
  std::uint64_t device = 0;  // as in st_dev. With the next two: which file it is
  std::uint64_t inode = 0;
  std::uint64_t birth_ns = 0;              // since 1970; 0: not known
  std::uint64_t bytes = 0;                 // size
  std::uint64_t cached_pages = kNotKnown;  // of it in the page cache
  bool memory = false;                     // memfd, tmpfs: its pages are swapped, not written back

  static constexpr std::uint64_t kNotKnown = ~std::uint64_t{0};
};

// What exec puts on a new stack beside its tables of pointers: counts, and bytes with the NULs.
struct StartStrings {
  std::uint64_t arguments = 0, argument_bytes = 0;
  std::uint64_t variables = 0, variable_bytes = 0;  // of the environment
  std::uint64_t program_bytes = 0;                  // the name given to exec; 0: nothing is known
};

// One line of a maps snapshot.
struct MappedArea {
  VirtAddr begin;
  VirtAddr end;
  bool readable = false, writable = false, executable = false, shared = false;
  std::uint64_t file_offset = 0;  // bytes
  std::string name;               // path, "[heap]", "[stack]" or empty
};

struct Image {  // what a process runs: at its start and after each exec
  std::vector<std::string> command;
  std::vector<MappedArea> maps;
  StartStrings start = {};
};

}  // namespace pw::record
