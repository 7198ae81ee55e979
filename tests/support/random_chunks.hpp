// Random chunks of events that are consistent in themselves, for tests of the recording format: a
// filter of K pages is played, every kind of event occurs.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "record/recording.hpp"

namespace pw::record::testing {

class ChunkMaker {
 public:
  ChunkMaker(Random& random, std::uint32_t filter_pages)
      : random_(random), filter_pages_(filter_pages) {}

  std::uint32_t images = 0;    // numbers below it occur in Exec events
  std::uint32_t stacks = 0;    // likewise
  std::uint32_t files = 0;     // likewise
  std::uint32_t fork_pid = 0;  // not 0: the chunk ends with a Fork of it

  // Follows the chunk made before: clock and filter go on.
  Chunk next(std::uint32_t pid, std::uint32_t stream, std::uint64_t begin_ns, std::size_t events) {
    Chunk chunk;
    chunk.info.pid = pid;
    chunk.info.stream = stream;
    chunk.info.tid = pid + 7;
    chunk.info.clock = last_event_;
    chunk.info.begin_ns = begin_ns;
    for (const Entry& entry : filter_) {
      chunk.filter.push_back(entry.page);
      chunk.filter_states.push_back({entry.last, entry.written});
    }
    while (chunk.events.size() < events) add_event(chunk);
    if (fork_pid != 0) {
      Event event = make(EventKind::Fork);
      event.index = fork_pid;
      event.last_reference = begin_ns + random_.below(1'000'000);
      chunk.events.push_back(event);
    }
    if (!chunk.events.empty()) last_event_ = chunk.events.back().clock;
    chunk.info.end_clock = last_event_;
    chunk.info.events = chunk.events.size();
    return chunk;
  }

 private:
  struct Entry {
    std::uint64_t page;
    std::uint64_t last;
    bool written;
  };

  Event make(EventKind kind) const {
    Event event;
    event.clock = clock_;
    event.kind = kind;
    return event;
  }

  std::uint64_t random_page() {
    std::uint64_t bases[] = {0x400, 0x55555, 0x7F1234567, 0x7FFFFFFFE, 0xFFFFFFF600000};
    return bases[random_.below(5)] + random_.below(random_.chance(4) ? 100'000 : 90);
  }

  void add_event(Chunk& chunk) {
    clock_ += 1 + random_.below(random_.chance(8) ? 100'000 : 30);
    std::uint64_t choice = random_.below(40);
    if (choice < 6) {
      add_control(chunk);
    } else if (filter_pages_ == 0) {
      add_reference(chunk);
    } else if (choice == 6) {
      add_gone(chunk);
    } else if (choice < 12 && !filter_.empty()) {
      Entry& entry = filter_[random_.below(filter_.size())];
      Event event = make(EventKind::FirstWrite);
      event.access = Access::Write;
      event.page = entry.page;
      entry.written = true;
      entry.last = clock_;
      chunk.events.push_back(event);
    } else {
      add_fetch(chunk);
    }
  }

  void add_fetch(Chunk& chunk) {
    std::uint64_t page = random_page();
    if (std::any_of(filter_.begin(), filter_.end(),
                    [&](const Entry& entry) { return entry.page == page; })) {
      return;
    }
    Event event = make(EventKind::Fetch);
    event.page = page;
    event.access = static_cast<Access>(random_.below(3));
    event.by_kernel = event.access != Access::Execute && random_.chance(5);
    Entry entry{page, clock_, event.access == Access::Write};
    if (filter_.size() < filter_pages_ && (filter_.empty() || !random_.chance(10))) {
      filter_.push_back(entry);
    } else {
      Entry& victim = filter_[random_.below(filter_.size())];
      event.evicted = victim.page;
      event.last_reference = filter_pages_ == 1 ? clock_ - 1 : victim.last;
      victim = entry;
    }
    chunk.events.push_back(event);
  }

  void add_reference(Chunk& chunk) {
    Event event = make(EventKind::Reference);
    event.address = (random_page() << 12) + random_.below(4096);
    event.size = static_cast<std::uint16_t>(1U << random_.below(12));
    event.access = static_cast<Access>(random_.below(3));
    event.by_kernel = random_.chance(6);
    chunk.events.push_back(event);
  }

  void add_gone(Chunk& chunk) {
    bool all = random_.chance(2);
    while (!filter_.empty()) {
      Event event = make(EventKind::FilterGone);
      std::size_t i = all ? 0 : random_.below(filter_.size());
      event.page = filter_[i].page;
      event.last_reference = filter_[i].last;
      chunk.events.push_back(event);
      filter_.erase(filter_.begin() + static_cast<std::ptrdiff_t>(i));
      if (!all) break;
    }
  }

  static Event wake_at(std::uint64_t clock, std::uint64_t ns) {
    Event event;
    event.kind = EventKind::Wake;
    event.by_kernel = true;
    event.clock = clock;
    event.last_reference = ns;
    event.offset = ns % 100;
    event.length = ns % 7 * 100;
    event.index = ns % 3 == 0 ? static_cast<std::uint32_t>(ns % 1'000) : 0;
    return event;
  }

  void add_control(Chunk& chunk) {
    constexpr EventKind kKinds[] = {
        EventKind::Syscall,    EventKind::Thread,   EventKind::ThreadStart,
        EventKind::ThreadExit, EventKind::Stack,    EventKind::Exec,
        EventKind::Exit,       EventKind::Transfer, EventKind::Wait};
    Event event = make(kKinds[random_.below(std::size(kKinds))]);
    event.index = static_cast<std::uint32_t>(random_.next());
    if (event.kind == EventKind::Syscall) {
      event.index = static_cast<std::uint32_t>(chunk.syscalls.size());
      SyscallRecord call;
      call.number = static_cast<std::uint32_t>(random_.below(400));
      call.tid = static_cast<std::uint32_t>(random_.below(70'000));
      for (std::uint64_t& argument : call.arguments) {
        argument = random_.next() >> random_.below(64);
      }
      call.result = static_cast<std::int64_t>(random_.next() >> random_.below(64));
      if (random_.chance(3)) call.result = -static_cast<std::int64_t>(random_.below(133));
      call.ns = chunk.info.begin_ns + random_.below(1'000'000'000);
      if (random_.chance(2)) call.path = "/usr/lib/lib" + std::to_string(random_.below(99)) + ".so";
      if (files > 0 && random_.chance(3)) {
        call.file = static_cast<std::uint32_t>(random_.below(files));
      }
      chunk.syscalls.push_back(call);
    } else if (event.kind == EventKind::Transfer) {
      if (files == 0) return;
      event.index = static_cast<std::uint32_t>(random_.below(files));
      event.access = random_.chance(2) ? Access::Read : Access::Write;
      event.by_kernel = true;
      event.offset = random_.next() >> (2 + random_.below(62));
      event.length = 1 + (random_.next() >> (33 + random_.below(31)));
      event.descriptor = random_.below(1 << 20);
    } else if (event.kind == EventKind::Wait) {
      event.by_kernel = true;
      event.last_reference = chunk.info.begin_ns + random_.below(1'000'000'000);
      event.length = random_.next() >> random_.below(64);
      event.offset = random_.chance(2) ? 0 : random_.below(1 << 22);
      event.size = static_cast<std::uint16_t>(event.length % 2);
      if (event.length % 4 == 3) event = wake_at(event.clock, event.last_reference);
    } else if (event.kind == EventKind::Stack) {
      if (stacks == 0) return;
      event.index = static_cast<std::uint32_t>(random_.below(stacks));
      event.cause = random_.chance(2) ? StackCause::Syscall : StackCause::FirstTouch;
    } else if (event.kind == EventKind::Exec) {
      if (images == 0) return;
      event.index = static_cast<std::uint32_t>(random_.below(images));
    }
    chunk.events.push_back(event);
  }

  Random& random_;
  std::uint32_t filter_pages_;
  std::uint64_t clock_ = 0;
  std::uint64_t last_event_ = 0;  // its clock
  std::vector<Entry> filter_;
};

inline std::uint32_t filter_pages_of(Detail detail) {
  return detail == Detail::Pages ? 64 : detail == Detail::Switches ? 1 : 0;
}

}  // namespace pw::record::testing
