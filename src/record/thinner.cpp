#include "record/thinner.hpp"

#include <sys/syscall.h>

#include <algorithm>

namespace pw::record {

namespace {

constexpr std::uint64_t kAllPages = ~std::uint64_t{0};

}  // namespace

std::uint64_t Thinner::thin(const Chunk& in, Chunk& out) {
  left_out_ = 0;
  out.info = in.info;
  out.syscalls = in.syscalls;
  out.images = in.images;
  out.events.clear();
  told_.events.clear();
  begin(in, out);
  for (const Event& one : in.events) event(in, one, out);
  for (std::uint32_t slot = 0; slot < used_; ++slot) entries_[slot].stay.stay(out.events);
  return left_out_;
}

// What the larger filter holds; after a gap, only what the smaller one does.
void Thinner::begin(const Chunk& in, Chunk& out) {
  std::size_t near = 0, known = 0;
  continued_ = used_ != 0;
  for (std::uint32_t slot = 0; slot < used_; ++slot) near += entries_[slot].near ? 1 : 0;
  for (const std::uint64_t page : in.filter) {
    const std::uint32_t slot = slots_.find(page);
    known += slot != kNone && entries_[slot].near ? 1 : 0;
  }
  if (in.info.gap || known != near || near != in.filter.size()) {
    *this = Thinner(static_cast<std::uint32_t>(entries_.size()));
    for (const std::uint64_t page : in.filter) entries_[enter(page)].near = true;
  }
  for (std::size_t i = 0; i < in.filter.size(); ++i) {
    Entry& entry = entries_[slots_.find(in.filter[i])];
    const bool told = i < in.filter_states.size();
    entry.last_reference = told ? in.filter_states[i].last_reference : in.info.clock;
    entry.written = entry.written || (told && in.filter_states[i].written);
  }
  out.filter.clear();
  out.filter_states.clear();
  told_.filter.clear();
  for (std::uint32_t slot = 0; slot < used_; ++slot) {
    const Entry& entry = entries_[slot];
    if (!entry.used) continue;
    told_.filter.push_back(slot);
    out.filter.push_back(entry.page);
    out.filter_states.push_back({entry.last_reference, entry.written});
  }
}

void Thinner::event(const Chunk& in, const Event& event, Chunk& out) {
  switch (event.kind) {
    case EventKind::Fetch:
      fetch(event, out);
      return;
    case EventKind::FirstWrite: {
      const std::uint32_t slot = slots_.find(event.page);
      if (slot == kNone || entries_[slot].written) return;
      first_write(slot, event, out);
      return;
    }
    case EventKind::FilterGone: {
      const std::uint32_t slot = slots_.find(event.page);
      if (slot == kNone) return;
      entries_[slot].last_reference = event.last_reference;
      gone(slot, event.clock, out);
      return;
    }
    case EventKind::Stack:
      if (event.cause != StackCause::Syscall) return;
      break;
    case EventKind::Syscall:
      forget_range_of(in.syscalls[event.index], event.clock, out);
      break;
    case EventKind::Fork:
    case EventKind::Exec:
      forget_far(0, kAllPages, event.clock, out);
      break;
    default:
      break;
  }
  put(event, 0, out);
}

Event& Thinner::put(const Event& event, std::uint32_t slot, Chunk& out) {
  told_.events.push_back(slot);
  return out.events.emplace_back(event);
}

void Thinner::fetch(const Event& event, Chunk& out) {
  if (event.evicted != kNoPage) leave_near(event.evicted, event.last_reference);
  const bool writes = event.access == Access::Write;
  std::uint32_t slot = slots_.find(event.page);
  if (slot != kNone) {
    Entry& entry = entries_[slot];
    if (!entry.near) unlink_far(slot);
    entry.near = true;
    ++left_out_;
    if (!writes || entry.written) return;
    Event write;
    write.kind = EventKind::FirstWrite;
    write.access = Access::Write;
    write.clock = event.clock;
    write.page = event.page;
    return first_write(slot, write, out);
  }
  const std::size_t at = out.events.size();
  Event& fetched = put(event, 0, out);
  fetched.evicted = kNoPage;
  fetched.last_reference = 0;
  fetched.stays = 0;
  fetched.came_here = 0;
  if (slots_.size() == entries_.size() && first_far_ != kNone) {
    const std::uint32_t victim = first_far_;
    fetched.evicted = entries_[victim].page;
    fetched.last_reference = entries_[victim].last_reference;
    entries_[victim].stay.leave(out.events, fetched);
    unlink_far(victim);
    slots_.take(fetched.evicted);
    free_.push_back(victim);
  }
  slot = enter(event.page);
  entries_[slot].near = true;
  entries_[slot].written = writes;
  entries_[slot].stay.fetched(at);
  told_.events[at] = slot;
}

void Thinner::first_write(std::uint32_t slot, const Event& event, Chunk& out) {
  entries_[slot].written = true;
  const std::size_t at = out.events.size();
  entries_[slot].stay.written(at, put(event, slot, out));
}

// As the recorder's own filter: drop_pages() in recorder/valgrind/syscalls.c.
void Thinner::forget_range_of(const SyscallRecord& call, std::uint64_t clock, Chunk& out) {
  const auto& args = call.arguments;
  const auto result = static_cast<std::uint64_t>(call.result);
  const auto range = [&](std::uint64_t begin, std::uint64_t length) {
    forget_far(begin >> kPageShift, (begin + length + kPageSize - 1) >> kPageShift, clock, out);
  };
  if (call.result < 0) return;
  switch (call.number) {
    case SYS_mmap:
      range(result, args[1]);
      break;
    case SYS_mremap:
      range(args[0], args[1]);
      range(result, args[2]);
      break;
    case SYS_brk:
      if (result < heap_end_) range(result, heap_end_ - result);
      heap_end_ = result;
      break;
    case SYS_munmap:
    case SYS_mprotect:
    case SYS_pkey_mprotect:
    case SYS_madvise:
    case SYS_msync:
      range(args[0], args[1]);
      break;
    case SYS_shmat:
    case SYS_shmdt:
    case SYS_remap_file_pages:
      forget_far(0, kAllPages, clock, out);
      break;
    default:
      break;
  }
}

// Near pages are told of by the recorder.
void Thinner::forget_far(std::uint64_t begin_page, std::uint64_t end_page, std::uint64_t clock,
                         Chunk& out) {
  for (std::uint32_t slot = first_far_; slot != kNone;) {
    const std::uint32_t next = entries_[slot].after;
    const std::uint64_t page = entries_[slot].page;
    if (page >= begin_page && page < end_page) gone(slot, clock, out);
    slot = next;
  }
}

void Thinner::gone(std::uint32_t slot, std::uint64_t clock, Chunk& out) {
  Entry& entry = entries_[slot];
  if (!entry.near) unlink_far(slot);
  Event event;
  event.kind = EventKind::FilterGone;
  event.clock = clock;
  event.page = entry.page;
  event.last_reference = std::min(entry.last_reference, clock);
  Event& leaving = put(event, slot, out);
  entry.stay.leave(out.events, leaving);
  slots_.take(entry.page);
  entry = Entry{};
  free_.push_back(slot);
}

std::uint32_t Thinner::enter(std::uint64_t page) {
  std::uint32_t slot = used_;
  if (free_.empty()) {
    ++used_;
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  entries_[slot] = Entry{};
  entries_[slot].page = page;
  entries_[slot].used = true;
  slots_.insert(page, slot);
  return slot;
}

void Thinner::leave_near(std::uint64_t page, std::uint64_t last_reference) {
  const std::uint32_t slot = slots_.find(page);
  if (slot == kNone || !entries_[slot].near) return;
  entries_[slot].near = false;
  entries_[slot].last_reference = last_reference;
  link_far(slot);
}

// Its far pages were referenced after all that are far here, and before those that are near in both
// (inclusion).
void Thinner::take_over(const Thinner& below) {
  for (std::uint32_t slot = below.first_far_; slot != kNone; slot = below.entries_[slot].after) {
    leave_near(below.entries_[slot].page, below.entries_[slot].last_reference);
  }
}

void Thinner::link_far(std::uint32_t slot) {
  Entry& entry = entries_[slot];
  entry.before = last_far_;
  entry.after = kNone;
  (last_far_ == kNone ? first_far_ : entries_[last_far_].after) = slot;
  last_far_ = slot;
}

void Thinner::unlink_far(std::uint32_t slot) {
  Entry& entry = entries_[slot];
  (entry.before == kNone ? first_far_ : entries_[entry.before].after) = entry.after;
  (entry.after == kNone ? last_far_ : entries_[entry.after].before) = entry.before;
  entry.before = entry.after = kNone;
}

}  // namespace pw::record
