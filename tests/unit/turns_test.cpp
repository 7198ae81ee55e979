// Processes of a recording side by side: whose turn it is, when a wait ends, and that a replay has
// what lived at the same time in memory at the same time.
#include "replay/turns.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "record/writer.hpp"
#include "replay/call_numbers.hpp"
#include "replay/replay.hpp"
#include "support/recorded_calls.hpp"
#include "support/temporary_folder.hpp"

namespace pw::replay {
namespace {

using record::Chunk;
using record::Event;
using record::EventKind;
using record::testing::add_call;
using record::testing::call_of;
using record::testing::writable_area;

constexpr std::uint32_t kRoot = 50, kFirst = 51, kSecond = 52;
constexpr std::uint64_t kPages = 0x4840;  // page number of an area that the root maps

// The one chunk of a process, made event by event.
class Part {
 public:
  Part(std::uint32_t pid, std::uint32_t parent, std::uint64_t begin_ns) : parent_(parent) {
    chunk_.info.pid = pid;
    chunk_.info.begin_ns = begin_ns;
  }
  Part& write(std::uint64_t page, std::uint64_t pages = 1) {
    for (std::uint64_t i = 0; i < pages; ++i) {
      Event event = next(EventKind::Fetch);
      event.clock = ++clock_;
      event.page = page + i;
      event.access = Access::Write;
      event.evicted = std::exchange(last_page_, event.page);
      event.last_reference = clock_ - 1;
      chunk_.events.push_back(event);
    }
    return *this;
  }
  // A system call that does nothing to memory: it tells the time.
  Part& time(std::uint64_t ns) {
    record::SyscallRecord call = call_of(39, {}, 1);
    call.ns = ns;
    add_call(chunk_, clock_, call);
    return *this;
  }
  Part& map(std::uint64_t page, std::uint64_t pages) {
    constexpr std::uint64_t kPrivate = 2, kReadWrite = 3;
    add_call(chunk_, clock_,
             call_of(kMmap, {0, pages << kPageShift, kReadWrite, kMapAnonymous | kPrivate, 0, 0},
                     static_cast<std::int64_t>(page << kPageShift)));
    return *this;
  }
  Part& wait(std::uint64_t end_ns, std::uint64_t length_ns, std::uint32_t child = 0) {
    Event event = next(EventKind::Wait);
    event.index = child != 0 ? 61 : 0;
    event.last_reference = end_ns;
    event.length = length_ns;
    event.offset = child;
    chunk_.events.push_back(event);
    return *this;
  }
  // Like wait(), but over because its time was.
  Part& sleep(std::uint64_t end_ns, std::uint64_t length_ns) {
    wait(end_ns, length_ns);
    chunk_.events.back().size = 1;
    return *this;
  }
  Part& wake(std::uint64_t ns, std::uint64_t length_ns = 0) {
    Event event = next(EventKind::Wake);
    event.last_reference = ns;
    event.length = length_ns;
    chunk_.events.push_back(event);
    return *this;
  }
  Part& fork(std::uint32_t child, std::uint64_t ns) {
    Event event = next(EventKind::Fork);
    event.index = child;
    event.last_reference = ns;
    chunk_.events.push_back(event);
    return *this;
  }
  Part& exec() {
    chunk_.events.push_back(next(EventKind::Exec));
    return *this;
  }
  Part& exit() {
    chunk_.events.push_back(next(EventKind::Exit));
    return *this;
  }
  std::uint32_t parent() const { return parent_; }
  Chunk& chunk() {
    chunk_.info.end_clock = clock_;
    return chunk_;
  }

 private:
  Event next(EventKind kind) const {
    Event event;
    event.kind = kind;
    event.clock = clock_;
    return event;
  }
  Chunk chunk_;
  std::uint32_t parent_;
  std::uint64_t clock_ = 0;
  std::uint64_t last_page_ = record::kNoPage;
};

record::Recording recording_of(std::vector<Part> parts,
                               const std::vector<record::WaitEnd>* ends = nullptr) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = folder / "test.pwrec";
  record::RecordingInfo info;
  info.detail = record::Detail::Switches;
  info.filter_pages = 1;
  auto writer = record::Writer::create(path, info, {});
  EXPECT_TRUE(writer);
  for (Part& part : parts) {
    const Chunk& chunk = part.chunk();
    EXPECT_TRUE(writer->add_process(chunk.info.pid, part.parent(), chunk.info.begin_ns));
    const std::vector<record::MappedArea> areas = {writable_area(0x1fff000, 2, "[stack]")};
    const auto image = writer->add_image(chunk.info.pid, {{"program"}, areas}, chunk.info.begin_ns);
    EXPECT_TRUE(image && writer->add_chunk(chunk, *image, {*image}));
  }
  if (ends != nullptr) {
    EXPECT_TRUE(writer->add_wait_ends(*ends));
  }
  EXPECT_TRUE(writer->finish(0));
  auto opened = record::Recording::open(path);
  EXPECT_TRUE(opened && opened->losses().empty());
  return std::move(*opened);
}

// Plays with so many events between two ticks; the order in which events came, a letter each: a for
// the root, b and c for its children, capital where nothing is referenced.
std::string order_of(std::vector<Part> parts, int events_a_tick, std::uint32_t lends_to = 0,
                     const std::vector<record::WaitEnd>* ends = nullptr) {
  constexpr std::uint64_t kTick = 4'000'000;
  const record::Recording recording = recording_of(std::move(parts), ends);
  Turns turns(recording);
  std::string order;
  std::uint64_t played = 0;
  for (int rounds = 0; rounds < 1000; ++rounds) {
    Lane* lane = turns.next();
    if (lane == nullptr) return order;
    if (!lane->open) {
      const auto chunk = std::make_shared<Chunk>();
      EXPECT_TRUE(recording.decode(lane->chunks[lane->next++], *chunk));
      lane->chunk = chunk;
      lane->time.begin(*chunk, nullptr);
      lane->clock = chunk->info.clock;
      lane->open = true;
    }
    bool goes_on = true;
    while (goes_on && lane->at < lane->chunk->events.size()) {
      const Event& event = lane->chunk->events[lane->at++];
      lane->clock = event.clock;
      const bool reference = event.kind == EventKind::Fetch;
      order += static_cast<char>((reference ? 'a' : 'A') + (lane->pid - kRoot));
      const std::uint64_t now = ++played * kTick / static_cast<std::uint64_t>(events_a_tick);
      turns.at(now);
      goes_on = now % kTick != 0 && now < turns.next_due_ns();
      if (event.kind == EventKind::Exec) turns.gave_back(*lane);
      if (event.kind == EventKind::Fork) turns.born(event.index);
      if (event.kind == EventKind::Fork && event.index == lends_to) {
        turns.lend(*lane, lends_to);
        goes_on = false;
      } else if (event.kind == EventKind::Wait) {
        if (turns.wait(*lane, event)) goes_on = false;
      } else if (event.kind == EventKind::Wake) {
        if (turns.woke(*lane, event)) goes_on = false;
      }
    }
    if (lane->at == lane->chunk->events.size() && lane->state == Lane::State::Ready) {
      turns.ended(*lane);
    }
  }
  ADD_FAILURE() << "never ends: " << order;
  return order;
}

TEST(Turns, WhoCanRunRunsInTurn) {
  EXPECT_EQ(
      order_of({Part(kRoot, 0, 1000).fork(kFirst, 1100).fork(kSecond, 1200).write(1, 4),
                Part(kFirst, kRoot, 1100).write(1, 4), Part(kSecond, kRoot, 1200).write(1, 4)},
               2),
      "AAbbccaabbccaa");
}

TEST(Turns, AChildBeginsWithItsFork) {
  EXPECT_EQ(order_of({Part(kRoot, 0, 1000).write(1, 5).fork(kFirst, 1001).write(1, 2),
                      Part(kFirst, kRoot, 1001).write(1, 2)},
                     1),
            "aaaaaAbaba");
}

// The child ended long before the parent asked; here it takes its turns.
TEST(Turns, WhoWaitsForAChildGoesOnWhenItHasEnded) {
  EXPECT_EQ(order_of({Part(kRoot, 0, 1000).fork(kFirst, 1100).wait(9000, 0, kFirst).write(1),
                      Part(kFirst, kRoot, 1100).write(1, 6)},
                     1),
            "AbAbbbbba");
  // Another child does not matter.
  EXPECT_EQ(order_of({Part(kRoot, 0, 1000)
                          .fork(kFirst, 1100)
                          .fork(kSecond, 1100)
                          .wait(9000, 0, kSecond)
                          .write(1),
                      Part(kFirst, kRoot, 1100).write(1, 6), Part(kSecond, kRoot, 1100).write(1)},
                     2),
            "AAbbcAbbabb");
}

TEST(Turns, AnyOtherWaitEndsWhereTheOthersWereWhenItEnded) {
  // The child wrote two pages until 3000, when the root went on, and three more after that.
  EXPECT_EQ(order_of({Part(kRoot, 0, 1000).fork(kFirst, 1100).wait(3000, 1900).write(1, 2),
                      Part(kFirst, kRoot, 1100).write(1, 2).time(3000).write(3, 3).exit()},
                     1),
            "AbAbaBabbbB");
  // Between two times that are known it is where it was in proportion: four of ten at 3100.
  EXPECT_EQ(order_of({Part(kRoot, 0, 1000).fork(kFirst, 1100).wait(3100, 2000).write(1),
                      Part(kFirst, kRoot, 1100).write(1, 10).time(6100)},
                     1),
            "AbAbbbabbbbbbB");
}

// The child was slow when it was recorded; what the root waited for it did at once.
TEST(Turns, AWaitEndsWithWhatEndedIt) {
  const auto root = [] {
    return Part(kRoot, 0, 1000).fork(kFirst, 1100).wait(9000, 7000).write(1);
  };
  const auto child = [] {
    return Part(kFirst, kRoot, 1100).write(1).wake(1300).write(2, 2).wake(8000).write(4, 2).exit();
  };
  const std::vector<record::WaitEnd> late = {{kRoot, 9000, kFirst, 8000}};
  EXPECT_EQ(order_of({root(), child()}, 1, 0, &late), "AbABbbBabbB");
  const std::vector<record::WaitEnd> early = {{kRoot, 9000, kFirst, 1300}};
  EXPECT_EQ(order_of({root(), child()}, 1, 0, &early), "AbABabbBbbB");
  // The end does for the last wake that is lost, and what nobody has ended is no wait.
  const std::vector<record::WaitEnd> lost = {{kRoot, 9000, kFirst, 8500}};
  EXPECT_EQ(order_of({root(), child()}, 1, 0, &lost), "AbABbbBbbBa");
  const std::vector<record::WaitEnd> none;
  EXPECT_EQ(order_of({root(), child()}, 9, 0, &none), "AAabBbbBbbB");
}

// When it was recorded, the other had been there already.
TEST(Turns, WhoTakesWhatIsNotThereYetWaits) {
  const auto root = [] {
    return Part(kRoot, 0, 1000).fork(kFirst, 1100).wake(8900, 100).write(1, 3);
  };
  const auto child = [] {
    return Part(kFirst, kRoot, 1100).write(1, 2).wake(8000).write(4, 2).exit();
  };
  const std::vector<record::WaitEnd> ends = {{kRoot, 9000, kFirst, 8000}};
  EXPECT_EQ(order_of({root(), child()}, 9, 0, &ends), "AAbbBbbBaaa");
  EXPECT_EQ(order_of({root(), child()}, 1, 0, &ends), "AbAbBababaB");
  // Of another call; of one that has come.
  const std::vector<record::WaitEnd> other = {{kRoot, 9001, kFirst, 8000}};
  EXPECT_EQ(order_of({root(), child()}, 9, 0, &other), "AAaaabbBbbB");
  const std::vector<record::WaitEnd> before = {{kRoot, 9000, kRoot, 500}};
  EXPECT_EQ(order_of({root(), child()}, 9, 0, &before), "AAaaabbBbbB");
}

// A tick is 4 ms: four events, of which each takes one. Whose pause is over has had the CPU for its
// part, so the one that runs goes on to the tick.
TEST(Turns, APauseTakesItsTimeUnlessTheNextWaitIsOver) {
  constexpr std::uint64_t kMs = 1'000'000;
  const auto root = [](std::uint64_t pause) {
    return Part(kRoot, 0, 1000)
        .fork(kFirst, 1100)
        .sleep(5000, pause)
        .write(1)
        .wait(9000, 7000)
        .write(2);
  };
  const auto child = [] { return Part(kFirst, kRoot, 1100).write(1, 6).wake(8000).write(7, 6); };
  const std::vector<record::WaitEnd> ends = {{kRoot, 9000, kFirst, 8000}};
  EXPECT_EQ(order_of({root(2 * kMs), child()}, 4, 0, &ends), "AAbbbbbbaABabbbbbb");
  EXPECT_EQ(order_of({root(900 * kMs), child()}, 4, 0, &ends), "AAbbbbbbBaAabbbbbb");
}

// Nothing tells that the child waits for what the root writes where both can see it.
TEST(Turns, WhoEndsLastEndsWhereTheOthersWereThen) {
  const record::Recording recording = recording_of(
      {Part(kRoot, 0, 1000).fork(kFirst, 1100).write(1, 4).time(5000),
       Part(kFirst, kRoot, 1100).write(1).exit()});
  Turns turns(recording);
  const auto open = [&](Lane& lane) {
    const auto chunk = std::make_shared<Chunk>();
    EXPECT_TRUE(recording.decode(lane.chunks[lane.next++], *chunk));
    lane.chunk = chunk;
    lane.time.begin(*chunk, nullptr);
    lane.open = true;
  };
  Lane* root = turns.next();
  ASSERT_EQ(root->pid, kRoot);
  open(*root);
  turns.born(kFirst);
  turns.at(4'000'000);
  Lane* child = turns.next();
  ASSERT_EQ(child->pid, kFirst);
  open(*child);
  EXPECT_TRUE(turns.leave(*child, 3000));
  EXPECT_EQ(turns.next(), root);
  root->at = 2;  // it has written a page, which was at 2075
  root->clock = 1;
  turns.at(8'000'000);
  EXPECT_EQ(turns.next(), root);
  root->at = 4;
  root->clock = 3;
  turns.at(12'000'000);
  EXPECT_EQ(turns.next(), child);
  EXPECT_FALSE(turns.leave(*child, 3500));
  turns.ended(*child);
  EXPECT_EQ(turns.next(), root);
}

// The root and its first child, both ready.
struct Two {
  Two()
      : recording(recording_of({Part(kRoot, 0, 1000).fork(kFirst, 1100).write(1, 4),
                                Part(kFirst, kRoot, 1100).write(1).exit()})),
        turns(recording) {
    root = turns.next();
    turns.born(kFirst);
    turns.at(kTick);
    child = turns.next();
  }
  static constexpr std::uint64_t kTick = 4'000'000;
  record::Recording recording;
  Turns turns;
  Lane *root, *child;
};

// The clock has each wait in full, and what the other does meanwhile behind it.
TEST(Turns, WaitsForDevicesOverlap) {
  constexpr std::uint64_t kWait = 100'000'000, kOne = 1'000'000;
  Two two;
  Turns& turns = two.turns;
  ASSERT_NE(two.child, two.root);
  std::uint64_t clock = Two::kTick + kWait;
  turns.at(clock, kWait);
  EXPECT_EQ(turns.wall_ns(), Two::kTick);
  turns.pause(*two.child, kWait);
  EXPECT_EQ(turns.next(), two.root);
  EXPECT_EQ(turns.next_due_ns(), clock + kWait);
  clock += kOne + kWait;
  turns.at(clock, kWait);
  turns.pause(*two.root, kWait);
  EXPECT_EQ(turns.next(), two.child);  // both sleep; it is the first to wake
  EXPECT_EQ(turns.wall_ns(), Two::kTick + kWait);
  EXPECT_EQ(turns.next_due_ns(), clock + kOne);
  clock += kOne;
  turns.at(clock);
  turns.pause(*two.child, kWait);
  EXPECT_EQ(turns.next(), two.root);
  EXPECT_EQ(turns.wall_ns(), Two::kTick + kWait + kOne);
}

TEST(Turns, WhatOthersWriteEndsAWaitForWrites) {
  constexpr std::uint64_t kWait = 100'000'000, kOne = 1'000'000, kBegun = 30, kEnough = 37;
  Two two;
  Turns& turns = two.turns;
  std::uint64_t clock = Two::kTick + kWait;
  turns.at(clock, kWait, kBegun);
  turns.pause(*two.child, kWait, kEnough);
  EXPECT_EQ(turns.next(), two.root);
  turns.at(clock += kOne, 0, kEnough - 1);
  turns.pause(*two.root, 2 * kOne);
  EXPECT_EQ(turns.next(), two.root);  // the child sleeps on
  turns.at(clock += kOne, 0, kEnough);
  turns.pause(*two.root, 2 * kOne);
  EXPECT_EQ(turns.next(), two.child);
  EXPECT_EQ(turns.wall_ns(), Two::kTick + 4 * kOne);
}

// Each waits until the other has gone on: as they were recorded, the first child was first.
TEST(Turns, NobodyWaitsForever) {
  EXPECT_EQ(order_of({Part(kRoot, 0, 1000).fork(kFirst, 1100).fork(kSecond, 1200),
                      Part(kFirst, kRoot, 1100).wait(5000, 3000).write(1),
                      Part(kSecond, kRoot, 1200).wait(6000, 4000).write(1)},
                     9),
            "AABCbc");
  // Two who wait for each other: the first of them gives up.
  EXPECT_EQ(order_of({Part(kRoot, 0, 1000).fork(kFirst, 1100).wait(5000, 1, kFirst).write(1),
                      Part(kFirst, kRoot, 1100).wait(7000, 10, kFirst).write(1)},
                     9),
            "AABab");
}

TEST(Turns, WhoLendsItsMemoryWaitsForExecOrTheEnd) {
  EXPECT_EQ(order_of({Part(kRoot, 0, 1000).fork(kFirst, 1100).write(1),
                      Part(kFirst, kRoot, 1100).write(1, 3).exec().write(1, 2)},
                     1, kFirst),
            "AbbbBabb");
  EXPECT_EQ(order_of({Part(kRoot, 0, 1000).fork(kFirst, 1100).write(1),
                      Part(kFirst, kRoot, 1100).write(1, 3)},
                     1, kFirst),
            "Abbba");
}

// Its parent's fork is lost, or has failed here.
TEST(Turns, AProcessWithoutAForkRunsAllTheSame) {
  EXPECT_EQ(order_of({Part(kRoot, 0, 1000).write(1, 2), Part(kFirst, kRoot, 1500).write(1)}, 9),
            "aab");
}

constexpr std::uint64_t kEach = 300;  // pages

// Two children that live at once, until each has seen that the other has written its pages.
ReplayResult play_family(MemoryModel model) {
  const auto child = [](std::uint32_t pid, std::uint64_t begin_ns, std::uint64_t end_ns) {
    return Part(pid, kRoot, begin_ns)
        .write(kPages, kEach)
        .time(end_ns - 1000)
        .wait(end_ns, 1000)
        .exit();
  };
  const record::Recording recording = recording_of({Part(kRoot, 0, 1000)
                                                        .exec()
                                                        .map(kPages, kEach)
                                                        .fork(kFirst, 1100)
                                                        .fork(kSecond, 1200)
                                                        .wait(9000, 7000, kFirst)
                                                        .wait(9001, 1, kSecond)
                                                        .exit(),
                                                    child(kFirst, 1100, 8500),
                                                    child(kSecond, 1200, 8600)});
  MachineConfig config;
  config.model = model;
  const auto result = replay(recording, config);
  EXPECT_TRUE(result);
  return result ? *result : ReplayResult{};
}

TEST(SideBySide, WhatLivedAtOnceIsInMemoryAtOnce) {
  for (const MemoryModel model : {MemoryModel::Linux, MemoryModel::Policy}) {
    const ReplayResult at_once = play_family(model);
    EXPECT_GE(at_once.counters.resident_peak, 2 * kEach);
    for (std::size_t i : {1U, 2U}) EXPECT_EQ(at_once.processes.at(i).minor_faults, kEach);
  }
}

}  // namespace
}  // namespace pw::replay
