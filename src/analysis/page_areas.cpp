#include "analysis/page_areas.hpp"

#include <algorithm>
#include <iterator>

namespace pw::analysis {
namespace {

using record::Event;
using record::EventKind;
using record::SyscallRecord;

// x86-64 system calls (arch/x86/entry/syscalls/syscall_64.tbl) and a flag
// (asm-generic/mman-common.h).
constexpr std::uint32_t kMmap = 9, kMunmap = 11, kBrk = 12, kMremap = 25;
constexpr std::uint64_t kMapAnonymous = 0x20;

std::uint64_t up_to_page(std::uint64_t bytes) {
  return (bytes + kPageSize - 1) & ~std::uint64_t{kPageSize - 1};
}

}  // namespace

std::uint32_t PageAreas::number_of(const std::string& name) {
  const auto [at, fresh] = numbers_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
  if (fresh) names_.push_back(name);
  return at->second;
}

void PageAreas::unmap(Space& space, std::uint64_t begin, std::uint64_t end) {
  auto at = space.areas.upper_bound(begin);
  if (at != space.areas.begin()) --at;
  while (at != space.areas.end() && at->first < end) {
    const auto [first, area] = *at;
    if (area.end <= begin) {
      ++at;
      continue;
    }
    at = space.areas.erase(at);
    if (first < begin) space.areas[first] = {begin, area.name};
    if (area.end > end) space.areas[end] = area;
  }
}

void PageAreas::map(Space& space, std::uint64_t begin, std::uint64_t end, std::uint32_t name) {
  if (begin >= end) return;
  unmap(space, begin, end);
  space.areas[begin] = {end, name};
}

void PageAreas::set(Space& space, const std::vector<record::MappedArea>& areas) {
  space = Space();
  space.seen = true;
  for (const record::MappedArea& area : areas) {
    map(space, area.begin.value, area.end.value, number_of(area.name.empty() ? "anon" : area.name));
    if (area.name == "[heap]") space.brk = area.end.value;
  }
}

void PageAreas::begin_chunk(std::size_t index, const record::Chunk& chunk) {
  Space& space = spaces_[chunk.info.pid];
  if (chunk.info.gap || !space.seen) set(space, recording_->maps_before(index));
}

void PageAreas::map_call(Space& space, const record::Chunk& chunk, std::size_t at) {
  const SyscallRecord& call = chunk.syscalls[chunk.events[at].index];
  std::string name = call.path.empty() ? "[file]" : call.path;
  if ((call.arguments[3] & kMapAnonymous) != 0) {
    const Event* const stack = stack_behind(chunk, at, record::StackCause::Syscall);
    name = stack != nullptr ? call_sites_.of(stack->index) : "anon";
  }
  const auto begin = static_cast<std::uint64_t>(call.result);
  map(space, begin, begin + up_to_page(call.arguments[1]), number_of(name));
}

void PageAreas::move(Space& space, const SyscallRecord& call) {
  const std::uint64_t from = call.arguments[0];
  const auto to = static_cast<std::uint64_t>(call.result);
  auto at = space.areas.upper_bound(from);
  if (at == space.areas.begin()) return;
  const std::uint32_t name = std::prev(at)->second.name;
  unmap(space, from, from + up_to_page(call.arguments[1]));
  map(space, to, to + up_to_page(call.arguments[2]), name);
}

void PageAreas::call(Space& space, const record::Chunk& chunk, std::size_t at) {
  const Event& event = chunk.events[at];
  if (event.index >= chunk.syscalls.size()) return;
  const SyscallRecord& call = chunk.syscalls[event.index];
  if (call.result < 0) return;
  const auto result = static_cast<std::uint64_t>(call.result);
  switch (call.number) {
    case kMmap:
      map_call(space, chunk, at);
      break;
    case kMunmap:
      unmap(space, call.arguments[0], call.arguments[0] + up_to_page(call.arguments[1]));
      break;
    case kMremap:
      move(space, call);
      break;
    case kBrk:
      if (space.brk != 0 && result > space.brk) {
        map(space, up_to_page(space.brk), up_to_page(result), number_of("[heap]"));
      } else if (space.brk != 0) {
        unmap(space, up_to_page(result), up_to_page(space.brk));
      }
      space.brk = result;
      break;
    default:
      break;
  }
}

void PageAreas::event(const record::Chunk& chunk, std::size_t at) {
  Space& space = spaces_[chunk.info.pid];
  const Event& event = chunk.events[at];
  switch (event.kind) {
    case EventKind::Syscall:
      call(space, chunk, at);
      break;
    case EventKind::Exec:
      if (event.index < chunk.images.size()) set(space, chunk.images[event.index].maps);
      break;
    case EventKind::Fork: {
      Space copy = space;  // before the child's place is made: that may move this one
      spaces_[event.index] = std::move(copy);
      break;
    }
    default:
      break;
  }
}

void PageAreas::new_page(PageId id, std::uint32_t pid, std::uint64_t page) {
  const Space& space = spaces_[pid];
  const std::uint64_t address = page << kPageShift;
  const auto after = space.areas.upper_bound(address);
  std::uint32_t name = 0;
  if (after != space.areas.begin() && std::prev(after)->second.end > address) {
    name = std::prev(after)->second.name;
  }
  if (of_page_.size() <= id) of_page_.resize(id + std::size_t{1}, 0);
  of_page_[id] = name;
}

}  // namespace pw::analysis
