// The areas of a process as its memory system calls leave them, for the snapshots in a recording.
//
// Kept current from a maps listing and the calls that succeeded since: mmap, munmap, mprotect,
// mremap, brk. Not seen by it: a stack that grows by being touched, and shmat (the call does not
// tell the size). Adjacent areas that differ in nothing are one, as the kernel keeps them.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "record/event.hpp"

namespace pw::record {

class AreaList {
 public:
  // Replaces everything by the lines of `text`, as in /proc/PID/maps (proc(5)). Lines that are none
  // are passed over.
  void read_maps(std::string_view text);

  // True if the call changed an area.
  bool apply(const SyscallRecord& call);

  std::vector<MappedArea> areas() const;  // by address
  // The area at `address`, or null. Valid until the next change.
  const MappedArea* find(std::uint64_t address) const;

 private:
  using Areas = std::map<std::uint64_t, MappedArea>;  // by first byte

  void split_at(std::uint64_t address);
  void erase(std::uint64_t begin, std::uint64_t end);
  void insert(MappedArea area);
  void merge_around(std::uint64_t begin, std::uint64_t end);
  bool map(const SyscallRecord& call);
  bool protect(const SyscallRecord& call);
  bool move(const SyscallRecord& call);
  bool set_break(const SyscallRecord& call);

  Areas areas_;
  std::uint64_t heap_end_ = 0;  // 0: not known
};

}  // namespace pw::record
