// System calls and areas as recordings have them, for tests that write recordings by hand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "record/recording.hpp"

namespace pw::record::testing {

// The event of a call at the end of a chunk.
inline void add_call(Chunk& chunk, std::uint64_t clock, const SyscallRecord& call) {
  Event event;
  event.kind = EventKind::Syscall;
  event.clock = clock;
  event.index = static_cast<std::uint32_t>(chunk.syscalls.size());
  chunk.syscalls.push_back(call);
  chunk.events.push_back(event);
}

inline SyscallRecord call_of(std::uint32_t number, std::initializer_list<std::uint64_t> arguments,
                             std::int64_t result, const std::string& path = {}) {
  SyscallRecord call;
  call.number = number;
  std::ranges::copy(arguments, call.arguments);
  call.result = result;
  call.path = path;
  return call;
}

inline MappedArea writable_area(std::uint64_t begin_page, std::uint64_t pages,
                                const std::string& name = {}) {
  MappedArea area;
  area.begin = VirtAddr(begin_page << kPageShift);
  area.end = area.begin + ByteCount(pages << kPageShift);
  area.readable = area.writable = true;
  area.name = name;
  return area;
}

}  // namespace pw::record::testing
