// How long pages of a recording's filter stay in use: against the plain definition, and that what
// is done late, since nobody looks, is as if it had been done at once.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "machine/machine.hpp"
#include "record/writer.hpp"
#include "replay/filter_stays.hpp"
#include "replay/replay.hpp"
#include "replay/touched_pages.hpp"
#include "replay/watcher.hpp"
#include "support/recorded_calls.hpp"
#include "support/temporary_folder.hpp"
#include "unit/filtered_trace.hpp"

namespace pw::replay {
namespace {

using analysis::testing::Filter;
using analysis::testing::Pages;
using record::Chunk;
using record::Event;
using record::EventKind;
using record::testing::writable_area;

// The stays that have not ended, in the order in which they began.
class PlainStays {
 public:
  void begin(const FilterStays::Stay& stay) { open_.push_back(stay); }
  std::vector<std::uint64_t> end_until(std::uint64_t clock) {
    std::vector<std::uint64_t> pages;
    for (;;) {
      std::size_t first = open_.size();
      for (std::size_t i = 0; i < open_.size(); ++i) {
        if (open_[i].last_reference > clock) continue;
        if (first == open_.size() || open_[i].last_reference <= open_[first].last_reference) {
          first = i;
        }
      }
      if (first == open_.size()) return pages;
      pages.push_back(open_[first].page);
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(first));
    }
  }

 private:
  std::vector<FilterStays::Stay> open_;
};

TEST(FilterStays, EndInTheOrderOfTheirLastReferences) {
  Random random(5);
  FilterStays stays;
  PlainStays plain;
  std::uint64_t clock = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (random.below(3) != 0) {
      const FilterStays::Stay stay{clock + 1 + random.below(40), random.below(1000)};
      stays.begin(stay);
      plain.begin(stay);
    }
    clock += random.below(6);
    std::vector<std::uint64_t> ended;
    stays.end_until(clock, [&](std::uint64_t page) { ended.push_back(page); });
    ASSERT_EQ(ended, plain.end_until(clock)) << step;
  }
}

// Those that go on when somebody looks are told of then, and of these the ends.
TEST(FilterStays, UnseenOnesAreToldOfIfTheyGoOn) {
  Random random(6);
  FilterStays stays;
  std::set<std::uint64_t> in_use;  // as it has been told
  std::map<std::uint64_t, std::uint64_t> until;
  std::uint64_t clock = 0, page = 0, looks = 0;
  for (int step = 0; step < 50'000; ++step) {
    clock += 1 + random.below(3);
    const FilterStays::Stay stay{clock + 1 + random.below(random.below(9) == 0 ? 2000 : 30),
                                 page++};
    stays.begin_unseen(stay, clock);
    until[stay.page] = stay.last_reference;
    if (random.below(300) != 0) continue;
    ++looks;
    stays.end_until(clock, [&](std::uint64_t ended) {
      ASSERT_EQ(in_use.erase(ended), 1U);
      ASSERT_LE(until[ended], clock);
    });
    stays.see(clock, [&](std::uint64_t goes_on) { ASSERT_TRUE(in_use.insert(goes_on).second); });
    std::set<std::uint64_t> expected;
    std::erase_if(until, [&](const auto& one) { return one.second <= clock; });
    for (const auto& [open, last] : until) expected.insert(open);
    ASSERT_EQ(in_use, expected) << step;
  }
  EXPECT_GT(looks, 100U);
}

TEST(TouchedPages, TellsEachPageOnce) {
  Random random(8);
  TouchedPages touched;
  std::set<std::uint64_t> plain;
  for (int step = 0; step < 50'000; ++step) {
    // Pages of 40 chunks that lie 2^12, 2^16 and 2^20 pages apart.
    const std::uint64_t far = random.below(4) << 20 | random.below(2) << 16;
    const std::uint64_t page = far | random.below(5) << 12 | random.below(200);
    ASSERT_EQ(touched.first_touch(Vpn(page)), plain.insert(page).second) << step;
    if (step == 30'000) {
      touched.clear();
      plain.clear();
    }
  }
}

// Hears of each event, so that everything is done at once.
class Listener final : public Watcher {
 public:
  void begin_chunk(std::size_t, const Chunk&) override {}
  void played(const Played&) override { ++events; }
  std::uint64_t events = 0;
};

// Runs of a few references to each page; some pages come back soon, so that they stay.
Pages runs(Random& random, std::size_t count, std::uint64_t pages) {
  Pages refs;
  while (refs.size() < count) {
    const std::uint64_t page = random.below(pages);
    for (std::uint64_t n = 1 + random.below(4); n > 0; --n) refs.push_back(page);
    if (random.below(3) == 0) refs.push_back(refs[refs.size() - 1 - random.below(refs.size() / 2)]);
    if (random.below(8) == 0 && refs.size() > 9) refs.push_back(refs[refs.size() - 9]);
  }
  return refs;
}

constexpr std::uint64_t kFirstPage = 0x10000, kPages = 600, kFilter = 16;

// Processes that have nothing to do with each other, each with its own memory.
record::Recording recording_of(unsigned processes, Random& random) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = folder / "test.pwrec";
  record::RecordingInfo info;
  info.detail = record::Detail::Pages;
  info.filter_pages = kFilter;
  auto writer = record::Writer::create(path, info, {});
  EXPECT_TRUE(writer);
  for (std::uint32_t pid = 1; pid <= processes; ++pid) {
    EXPECT_TRUE(writer->add_process(pid, 0, 1000));
    const auto image = writer->add_image(pid, {{"program"}, {writable_area(kFirstPage, kPages)}},
                                         1000);
    EXPECT_TRUE(image);
    Chunk chunk;
    chunk.info.pid = pid;
    chunk.info.begin_ns = 1000;
    Event exec;
    exec.kind = EventKind::Exec;
    chunk.events.push_back(exec);
    Filter filter(kFilter);
    for (const std::uint64_t page : runs(random, 12'000, kPages)) {
      const std::size_t before = chunk.events.size();
      filter.reference(kFirstPage + page, chunk.events);
      if (chunk.events.size() > before && random.below(3) == 0) {
        chunk.events.back().access = Access::Write;
      }
    }
    chunk.info.end_clock = filter.clock();
    EXPECT_TRUE(writer->add_chunk(chunk, *image, {*image}));
  }
  EXPECT_TRUE(writer->finish(0));
  auto opened = record::Recording::open(path);
  EXPECT_TRUE(opened);
  return std::move(*opened);
}

auto figures(const ReplayResult& result) {
  const FaultCounters& faults = result.counters.faults;
  const ReclaimCounters& reclaim = result.counters.reclaim;
  return std::tuple(faults.major, faults.minor, reclaim.pgscan_direct, reclaim.pswpout,
                    reclaim.pgactivate, result.tlb.walk_references, result.tlb.l2_hits,
                    result.simulated_ns);
}

class ReplayedStays : public ::testing::TestWithParam<const char*> {
 protected:
  static MachineConfig config(std::uint64_t pages) {
    const std::string kind = GetParam();
    MachineConfig config;
    config.ram = ByteCount(256ULL << 20);
    config.swap = ByteCount(256ULL << 20);
    config.quantum_ns = 2000;
    if (kind.starts_with("linux")) {
      config.model = MemoryModel::Linux;
      config.linux_options.limit_pages = pages;
      if (kind == "linux_mglru") config.linux_options.ageing = Ageing::Generations;
    } else {
      config.policy = kind;
      config.resident_limit_pages = pages;
    }
    return config;
  }
};
INSTANTIATE_TEST_SUITE_P(Models, ReplayedStays,
                         ::testing::Values("linux", "linux_mglru", "clock", "lru"),
                         [](const auto& model) { return std::string(model.param); });

TEST_P(ReplayedStays, AreTheSameWhetherSomebodyWatchesOrNot) {
  Random random(21);
  for (const unsigned processes : {1U, 3U}) {
    const record::Recording recording = recording_of(processes, random);
    for (const std::uint64_t pages : {150U, 400U}) {
      Listener listener;
      const auto unseen = replay(recording, config(pages * processes));
      const auto seen = replay(recording, config(pages * processes), {}, nullptr, nullptr,
                               &listener);
      ASSERT_TRUE(unseen && seen);
      EXPECT_GT(listener.events, 1000U * processes);
      EXPECT_GT(unseen->counters.reclaim.pswpout, 100U);
      EXPECT_EQ(figures(*unseen), figures(*seen)) << processes << ", " << pages;
    }
  }
}

}  // namespace
}  // namespace pw::replay
