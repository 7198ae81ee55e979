// Replaying a recording: what the machine says is what a plain model of the recorded run says.
#include "replay/replay.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "machine/machine.hpp"
#include "record/writer.hpp"
#include "support/recorded_calls.hpp"
#include "support/temporary_folder.hpp"
#include "unit/filtered_trace.hpp"

namespace pw::replay {
namespace {

using analysis::testing::Filter;
using analysis::testing::Pages;
using record::Chunk;
using record::Detail;
using record::Event;
using record::EventKind;
using record::testing::writable_area;

constexpr std::uint64_t kFirstPage = 0x10000;
constexpr std::uint32_t kPid = 77;

// Writes a recording of one process with one image, whose events `fill` makes, and opens it.
class Recorded {
 public:
  Recorded(Detail detail, std::uint32_t filter_pages, const std::function<void(Chunk&)>& fill,
           const std::vector<record::MappedArea>& areas = {writable_area(kFirstPage, 4096)}) {
    const std::string path = folder_ / "test.pwrec";
    record::RecordingInfo info;
    info.detail = detail;
    info.filter_pages = filter_pages;
    auto writer = record::Writer::create(path, info, {});
    EXPECT_TRUE(writer);
    EXPECT_TRUE(writer->add_process(kPid, 0, 1000));
    const auto image = writer->add_image(kPid, {{"program"}, areas}, 1000);
    EXPECT_TRUE(image);
    Chunk chunk;
    chunk.info.pid = kPid;
    chunk.info.begin_ns = 1000;
    Event exec;
    exec.kind = EventKind::Exec;
    chunk.events.push_back(exec);
    fill(chunk);
    const auto added = writer->add_chunk(chunk, *image, {*image});
    EXPECT_TRUE(added) << (added ? "" : added.error().message);
    EXPECT_TRUE(writer->finish(0));
    auto opened = record::Recording::open(path);
    EXPECT_TRUE(opened);
    recording_ = std::make_unique<record::Recording>(std::move(*opened));
  }
  const record::Recording& get() const { return *recording_; }

 private:
  pw::testing::TemporaryFolder folder_;
  std::unique_ptr<record::Recording> recording_;
};

// A machine whose only cost is room for pages: every page swapped singly, no watermarks.
MachineConfig bare(std::uint64_t frames, const std::string& policy) {
  MachineConfig config;
  config.ram = ByteCount(256ULL << 20);
  config.swap = ByteCount(256ULL << 20);
  config.policy = policy;
  config.resident_limit_pages = frames;
  config.min_free_pages = 0;
  config.prefetch = {1, 1, 1, 1};
  return config;
}

std::uint64_t faults(const ReplayResult& result) {
  return result.counters.faults.major + result.counters.faults.minor;
}

void append_writes(Chunk& chunk, const Pages& refs, std::size_t k) {
  Filter filter(k);
  std::vector<Event> events;
  for (const std::uint64_t page : refs) filter.reference(kFirstPage + page, events);
  for (Event& event : events) {
    event.access = Access::Write;
    chunk.events.push_back(event);
  }
  chunk.info.end_clock = filter.clock();
}

// The filter leaves out most references; the machine's LRU still faults exactly as LRU on all of
// them.
TEST(Replay, LruOnAFilteredRecordingFaultsAsOnTheWholeRun) {
  Random random(3);
  constexpr std::size_t kFilter = 8;
  for (int round = 0; round < 12; ++round) {
    const auto pages = static_cast<std::uint64_t>(40 + round * 10);
    const Pages refs = round % 2 == 0 ? analysis::testing::uniform(random, 6000, pages)
                                      : analysis::testing::loops(random, 6000, pages);
    const Recorded recorded(Detail::Pages, kFilter,
                            [&](Chunk& chunk) { append_writes(chunk, refs, kFilter); });
    for (const std::size_t frames : {9U, 12U, 20U, 33U, 64U}) {
      const auto result = replay(recorded.get(), bare(frames, "lru"));
      ASSERT_TRUE(result);
      EXPECT_EQ(faults(*result), analysis::testing::naive_lru(refs, frames))
          << "round " << round << ", " << frames << " frames";
    }
  }
}

TEST(Replay, EnoughMemoryMeansOneFaultAPage) {
  Random random(4);
  const Pages refs = analysis::testing::uniform(random, 5000, 300);
  const std::set<std::uint64_t> distinct(refs.begin(), refs.end());
  const Recorded recorded(Detail::Pages, 8, [&](Chunk& chunk) { append_writes(chunk, refs, 8); });
  for (const char* policy : {"fifo", "lru", "clock", "second-chance"}) {
    const auto result = replay(recorded.get(), bare(0, policy));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->counters.faults.minor, distinct.size());
    EXPECT_EQ(result->counters.faults.major, 0U);
    EXPECT_EQ(result->counters.resident_peak, distinct.size());
    ASSERT_EQ(result->areas.size(), 1U);
    EXPECT_EQ(result->areas[0].counters.touched_pages, distinct.size());
    EXPECT_EQ(result->references, refs.size());
  }
}

// Detail switches keeps runs of references to a page as one event: the TLB sees every reference.
TEST(Replay, SwitchesGiveTheTlbEveryReference) {
  Random random(5);
  Pages refs;
  while (refs.size() < 20000) {
    const std::uint64_t page = random.below(900);
    for (std::uint64_t n = 1 + random.below(5); n > 0; --n) refs.push_back(page);
  }
  const Recorded recorded(Detail::Switches, 1,
                          [&](Chunk& chunk) { append_writes(chunk, refs, 1); });
  const auto result = replay(recorded.get(), bare(0, "clock"));
  ASSERT_TRUE(result);

  auto machine = Machine::create(bare(0, "clock"), nullptr);
  MachineConfig config = bare(0, "clock");
  config.contents = Contents::MetadataOnly;
  machine = Machine::create(config);
  ASSERT_TRUE(machine);
  const Pid pid = *(*machine)->spawn();
  MmapRequest request;
  request.address = VirtAddr(kFirstPage << kPageShift);
  request.length = ByteCount(4096ULL << kPageShift);
  request.fixed = true;
  ASSERT_TRUE((*machine)->mmap(pid, request));
  for (std::size_t i = 0; i < refs.size(); ++i) {
    // The first reference of a run is the recorded write, the others repeat the translation.
    const bool first = i == 0 || refs[i] != refs[i - 1];
    (*machine)->touch(pid, VirtAddr((kFirstPage + refs[i]) << kPageShift),
                      first ? Access::Write : Access::Read);
  }
  const sim::TlbCounters expected = (*machine)->tlb_counters();
  // The last run ends with the recording: its length is not told by a next event.
  const std::uint64_t tail = expected.references - result->tlb.references;
  EXPECT_LT(tail, 5U);
  EXPECT_EQ(result->tlb.l1_hits + tail, expected.l1_hits);
  EXPECT_EQ(result->tlb.l2_hits, expected.l2_hits);
  EXPECT_EQ(result->tlb.walks, expected.walks);
}

void syscall(Chunk& chunk, std::uint32_t number, std::initializer_list<std::uint64_t> arguments,
             std::int64_t result, const std::string& path = {}) {
  record::testing::add_call(chunk, chunk.events.back().clock,
                            record::testing::call_of(number, arguments, result, path));
}

void touch(Chunk& chunk, std::uint64_t page, Access access) {
  Event event;
  event.kind = EventKind::Fetch;
  event.access = access;
  event.clock = chunk.events.back().clock + 1;
  event.page = page;
  chunk.events.push_back(event);
}

const AreaCounters* find(const ReplayResult& result, const std::string& name) {
  for (const AreaReport& area : result.areas) {
    if (area.name == name) return &area.counters;
  }
  return nullptr;
}

TEST(Replay, SystemCallsMoveTheAreasAtTheirRecordedAddresses) {
  constexpr std::int64_t kAnonymous = 0x7000'0000, kFile = 0x7100'0000, kMoved = 0x7200'0000;
  constexpr std::uint64_t kPrivateAnonymous = 0x22, kPrivate = 0x02, kReadWrite = 3;
  const Recorded recorded(Detail::Pages, 64, [&](Chunk& chunk) {
    syscall(chunk, 9, {0, 0x8000, kReadWrite, kPrivateAnonymous, ~0ULL, 0}, kAnonymous);
    for (std::uint64_t i = 0; i < 8; ++i) touch(chunk, 0x70000 + i, Access::Write);
    syscall(chunk, 9, {0, 0x4000, 1, kPrivate, 3, 0x1000}, kFile, "/data/words");
    touch(chunk, 0x71000, Access::Read);
    touch(chunk, 0x71003, Access::Read);
    syscall(chunk, 25, {kAnonymous, 0x8000, 0x10000, 1}, kMoved);  // mremap, pages go along
    touch(chunk, 0x72008, Access::Write);                          // the grown part
    syscall(chunk, 11, {kMoved, 0x4000}, 0);
    syscall(chunk, 12, {0}, 0x800000);
    syscall(chunk, 12, {0x802000}, 0x802000);
    touch(chunk, 0x801, Access::Write);
    touch(chunk, 0x999999, Access::Read);  // in no area that the recording knows of
  });
  MachineConfig config = bare(0, "clock");
  config.prefetch.fault_around_pages = 16;
  const auto result = replay(recorded.get(), config);
  ASSERT_TRUE(result);
  // 8 fresh pages, one window of file pages, one page of the grown part, one of the heap, one
  // inferred.
  EXPECT_EQ(result->counters.faults.minor, 8U + 1U + 1U + 1U + 1U);
  EXPECT_EQ(result->counters.faults.major, 0U);
  EXPECT_EQ(result->inferred_areas, 1U);
  ASSERT_NE(find(*result, "/data/words"), nullptr);
  EXPECT_EQ(find(*result, "/data/words")->resident_peak, 4U);
  EXPECT_EQ(find(*result, "/data/words")->touched_pages, 2U);
  ASSERT_NE(find(*result, "[heap]"), nullptr);
  EXPECT_EQ(find(*result, "[heap]")->mapped_pages, 2U);
  ASSERT_NE(find(*result, "anon"), nullptr);
  EXPECT_EQ(find(*result, "anon")->resident_pages, 9U - 4U);
}

// A host may allow more areas than vm.max_map_count does by default.
TEST(Replay, AsManyAreasAsTheProgramHadAreAllowed) {
  constexpr std::uint64_t kHoles = 70'000, kPages = 2 * kHoles;
  const Recorded recorded(Detail::Pages, 64,
                          [&](Chunk& chunk) {
                            for (std::uint64_t i = 0; i < kHoles; ++i) {
                              syscall(chunk, 11, {(kFirstPage + 2 * i) << kPageShift, 0x1000}, 0);
                            }
                          },
                          {writable_area(kFirstPage, kPages, "many")});
  const auto result = replay(recorded.get(), bare(0, "clock"));
  ASSERT_TRUE(result);
  ASSERT_NE(find(*result, "many"), nullptr);
  EXPECT_EQ(find(*result, "many")->mapped_pages, kPages - kHoles);
}

TEST(Replay, AColdPageCacheMakesFileFaultsMajor) {
  const Recorded recorded(Detail::Pages, 64,
                          [&](Chunk& chunk) {
                            for (std::uint64_t i = 0; i < 16; ++i)
                              touch(chunk, 0x400 + i, Access::Read);
                          },
                          {writable_area(0x400, 16, "/bin/program")});
  MachineConfig config = bare(0, "clock");
  const auto warm = replay(recorded.get(), config);
  config.cold_page_cache = true;
  const auto cold = replay(recorded.get(), config);
  ASSERT_TRUE(warm && cold);
  EXPECT_EQ(warm->counters.faults.minor, 16U);
  EXPECT_EQ(warm->counters.faults.major, 0U);
  EXPECT_EQ(cold->counters.faults.major, 16U);
  EXPECT_GT(cold->simulated_ns, warm->simulated_ns);
}

TEST(Replay, ForkSharesUntilWritten) {
  const Recorded recorded(Detail::Pages, 64, [&](Chunk& chunk) {
    for (std::uint64_t i = 0; i < 10; ++i) touch(chunk, kFirstPage + i, Access::Write);
    Event fork;
    fork.kind = EventKind::Fork;
    fork.clock = chunk.events.back().clock;
    fork.index = kPid + 1;
    chunk.events.push_back(fork);
    Event write;
    write.kind = EventKind::FirstWrite;
    write.clock = fork.clock + 1;
    write.page = kFirstPage;
    chunk.events.push_back(write);
  });
  const auto result = replay(recorded.get(), bare(0, "clock"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->counters.forks, 1U);
  EXPECT_EQ(result->counters.faults.copy_on_write, 1U);
  EXPECT_EQ(result->counters.resident_peak, 11U);
}

TEST(Replay, TheSameRecordingAndOptionsGiveTheSameResult) {
  Random random(6);
  const Pages refs = analysis::testing::uniform(random, 20000, 700);
  const Recorded recorded(Detail::Pages, 64, [&](Chunk& chunk) { append_writes(chunk, refs, 64); });
  MachineConfig config = bare(200, "clock");
  config.prefetch.swap_readahead_pages = 8;
  const auto one = replay(recorded.get(), config);
  const auto two = replay(recorded.get(), config);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->simulated_ns, two->simulated_ns);
  EXPECT_EQ(faults(*one), faults(*two));
  EXPECT_EQ(one->tlb.walk_references, two->tlb.walk_references);
}

TEST(Replay, WithoutSwapTheProcessThatAsksForTooMuchEnds) {
  Random random(7);
  const Pages refs = analysis::testing::uniform(random, 2000, 700);
  const Recorded recorded(Detail::Pages, 64, [&](Chunk& chunk) { append_writes(chunk, refs, 64); });
  MachineConfig config = bare(100, "clock");
  config.swap = ByteCount(0);
  const auto result = replay(recorded.get(), config);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->processes.size(), 1U);
  EXPECT_TRUE(result->processes[0].killed_by_oom);
  EXPECT_EQ(result->counters.reclaim.oom_kills, 1U);
}

}  // namespace
}  // namespace pw::replay
