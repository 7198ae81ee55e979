// The text form of a recording: replayed, it gives the counters that the recording gives, for
// random recordings of two processes, with memory short or not.
#include "replay/script_replay.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "base/random.hpp"
#include "record/writer.hpp"
#include "script/parser.hpp"
#include "support/recorded_calls.hpp"
#include "support/temporary_folder.hpp"

namespace pw::replay {
namespace {

using record::Chunk;
using record::Detail;
using record::Event;
using record::EventKind;
using record::testing::add_call;
using record::testing::call_of;
using record::testing::writable_area;

constexpr std::uint32_t kParent = 70, kChild = 71;
constexpr std::uint64_t kFirstPage = 0x10000, kPages = 64;

// Events of one process after another, as a recorder could have written them.
class RandomRecording {
 public:
  RandomRecording(std::uint64_t seed, Detail detail) : random_(seed), detail_(detail) {}

  Result<record::Recording> make() {
    const std::string path = folder_ / "random.pwrec";
    record::RecordingInfo info;
    info.detail = detail_;
    info.filter_pages = detail_ == Detail::Switches ? 1 : 0;
    info.command = {"random", "words"};
    auto writer = record::Writer::create(path, info, {});
    if (!writer) return tl::unexpected(writer.error());
    const std::vector<record::MappedArea> areas = {writable_area(kFirstPage, kPages),
                                                   writable_area(0x400, 8, "/bin/random")};
    PW_TRY(writer->add_process(kParent, 0, 1'000));
    const auto image = writer->add_image(kParent, {info.command, areas}, 1'000);
    if (!image) return tl::unexpected(image.error());
    Chunk chunk = begin(kParent, 1'000);
    add(chunk, EventKind::Exec, 0);
    steps(chunk);
    add(chunk, EventKind::Fork, kChild);
    PW_TRY(finish(*writer, chunk, *image, {*image}));
    PW_TRY(writer->add_process(kChild, kParent, 2'000));
    const auto maps = writer->add_maps(kChild, areas, 2'000);
    if (!maps) return tl::unexpected(maps.error());
    const std::uint64_t parents = clock_;
    clock_ = 0;
    chunk = begin(kChild, 2'000);
    steps(chunk);
    add(chunk, EventKind::Exit, 3);
    PW_TRY(finish(*writer, chunk, *maps, {}));
    clock_ = parents;
    chunk = begin(kParent, 3'000);
    steps(chunk);
    PW_TRY(finish(*writer, chunk, *image, {}));
    PW_TRY(writer->finish(0));
    return record::Recording::open(path);
  }

 private:
  Chunk begin(std::uint32_t pid, std::uint64_t ns) const {
    Chunk chunk;
    chunk.info.pid = pid;
    chunk.info.begin_ns = ns;
    chunk.info.clock = clock_;
    return chunk;
  }
  Result<void> finish(record::Writer& writer, Chunk& chunk, std::uint32_t maps,
                      const std::vector<std::uint32_t>& images) const {
    chunk.info.end_clock = clock_;
    return writer.add_chunk(chunk, maps, images);
  }

  Event& add(Chunk& chunk, EventKind kind, std::uint32_t index) const {
    Event event;
    event.kind = kind;
    event.index = index;
    event.clock = clock_;
    chunk.events.push_back(event);
    return chunk.events.back();
  }

  void reference(Chunk& chunk, std::uint64_t page) {
    const auto access = static_cast<Access>(random_.below(2));
    clock_ += 1 + (detail_ == Detail::Switches ? random_.below(6) : 0);
    const bool full = detail_ == Detail::Full;
    Event& event = add(chunk, full ? EventKind::Reference : EventKind::Fetch, 0);
    event.access = access;
    if (full) {
      event.address = (page << kPageShift) + random_.below(kPageSize);
      event.size = static_cast<std::uint16_t>(1 + random_.below(16));
      if ((event.address & (kPageSize - 1)) + event.size > kPageSize) ++clock_;
    } else {
      event.page = page;
      event.evicted = held_;
      event.last_reference = held_ == record::kNoPage ? 0 : clock_ - 1;
      held_ = page;
    }
  }
  // Nothing stays in the filter over the end of a chunk.
  void empty_filter(Chunk& chunk) {
    if (held_ == record::kNoPage) return;
    Event& event = add(chunk, EventKind::FilterGone, 0);
    event.page = std::exchange(held_, record::kNoPage);
    event.last_reference = clock_;
  }

  std::uint64_t some_page() { return kFirstPage + random_.below(kPages + 8); }
  std::uint64_t at(std::uint64_t page) const { return page << kPageShift; }

  void call(Chunk& chunk) {
    const std::uint64_t page = some_page(), length = (1 + random_.below(6)) << kPageShift;
    const auto place = static_cast<std::int64_t>(at(page));
    const auto say = [&](std::uint32_t number, std::initializer_list<std::uint64_t> arguments,
                         std::int64_t result, const std::string& path = {}) {
      add_call(chunk, clock_, call_of(number, arguments, result, path));
    };
    constexpr std::uint64_t kPrivateAnonymous = 0x22, kSharedAnonymous = 0x21;
    switch (random_.below(9)) {
      case 0:
        return say(9, {0, length, 3, kPrivateAnonymous, ~0ULL, 0}, place);
      case 1:
        return say(9, {0, length, 3, kSharedAnonymous, ~0ULL, 0}, place);
      case 2:
        return say(9, {0, length, 3, 1 + random_.below(2), 3, random_.below(3) << kPageShift},
                   place, "/data/" + std::to_string(random_.below(3)));
      case 3:
        return say(11, {at(page), length}, 0);
      case 4:
        return say(10, {at(page), length, 1 + 2 * random_.below(2)}, 0);
      case 5:
        return say(25, {at(page), kPageSize, 2 * kPageSize, 1},
                   static_cast<std::int64_t>(at(0x90000 + random_.below(40))));
      case 6:
        return say(26, {at(page), length, 4}, 0);
      case 7: {
        const auto now = static_cast<std::int64_t>(0x800'0000 + random_.below(9 * kPageSize));
        return say(12, {0}, now);
      }
      default:
        return say(9, {0, length, 1, kPrivateAnonymous, ~0ULL, 0}, place);
    }
  }

  void steps(Chunk& chunk) {
    for (int i = 0; i < 300; ++i) {
      if (random_.below(8) == 0) {
        call(chunk);
      } else if (random_.below(12) == 0) {
        reference(chunk, 0x8000 + random_.below(10));  // the heap
      } else if (random_.below(12) == 0) {
        reference(chunk, 0x400 + random_.below(9));  // the program, and a page behind it
      } else {
        reference(chunk, some_page());
      }
    }
    empty_filter(chunk);
  }

  pw::testing::TemporaryFolder folder_;
  Random random_;
  Detail detail_;
  std::uint64_t clock_ = 0;
  std::uint64_t held_ = record::kNoPage;
};

using Figures = std::vector<std::pair<std::string, std::uint64_t>>;

Figures figures(const ReplayResult& result) {
  const FaultCounters& f = result.counters.faults;
  const ReclaimCounters& r = result.counters.reclaim;
  return {{"minor", f.minor - f.zero_page},
          {"major", f.major},
          {"copy_on_write", f.copy_on_write},
          {"reused", f.reused},
          {"anonymous", f.anonymous},
          {"file_mapped", f.file_mapped},
          {"swap_in", f.swap_in},
          {"write_notify", f.write_notify},
          {"segv", f.segv},
          {"bus", f.bus},
          {"pswpin", r.pswpin},
          {"pswpout", r.pswpout},
          {"file_read", r.file_read},
          {"file_written", r.file_written},
          {"resident_peak", result.counters.resident_peak},
          {"forks", result.counters.forks},
          {"references", result.tlb.references}};
}

void expect_same(Detail detail, const MachineConfig& config) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto recording = RandomRecording(seed, detail).make();
    ASSERT_TRUE(recording) << recording.error().message;
    std::string text;
    ASSERT_TRUE(write_text(*recording, [&](std::string_view part) { text += part; }));
    const auto program = script::parse(text);
    ASSERT_TRUE(program) << program.error().message;
    const auto recorded = replay(*recording, config);
    const auto played = replay(*program, config);
    ASSERT_TRUE(recorded && played);
    EXPECT_TRUE(played->run.good()) << script::summary(played->run);
    ASSERT_EQ(figures(*recorded), figures(played->result)) << text;
  }
}

// Areas that only their labels keep apart are one area in the text. So nothing here looks at how
// far an area reaches: no reading ahead, no policy that sees which pages a TLB holds, and no counts
// of the zero page, which fork copies along with an area that has pages of its own.
MachineConfig machine(std::uint64_t frames) {
  MachineConfig config;
  config.ram = ByteCount(64ULL << 20);
  config.swap = ByteCount(64ULL << 20);
  config.policy = "fifo";
  config.prefetch = {1, 1, 1, 1};
  config.resident_limit_pages = frames;
  config.min_free_pages = 0;
  return config;
}

TEST(ScriptReplay, TheTextOfAFullRecordingGivesTheSameCounters) {
  expect_same(Detail::Full, machine(0));
  expect_same(Detail::Full, machine(40));
}

TEST(ScriptReplay, TheTextOfARecordingOfSwitchesGivesTheSameCounters) {
  expect_same(Detail::Switches, machine(0));
  expect_same(Detail::Switches, machine(40));
}

TEST(ScriptReplay, TheTextTellsThatReferencesWereLeftOut) {
  EXPECT_TRUE(is_text_of_filtered("# A recording of: x\n# 5 references; detail pages\nmark\n"));
  EXPECT_FALSE(is_text_of_filtered("# A recording of: x\n# 5 references; detail full\nmark\n"));
  EXPECT_FALSE(is_text_of_filtered("# A script\n# 5 references; detail pages\n"));
  EXPECT_FALSE(is_text_of_filtered("# A recording of: "));
  const auto recording = RandomRecording(1, Detail::Full).make();
  ASSERT_TRUE(recording);
  std::string text;
  ASSERT_TRUE(write_text(*recording, [&](std::string_view part) { text += part; }));
  EXPECT_EQ(text.substr(0, 66),
            "# A recording of: random words\n# 776 references; detail full\nproce");
}

TEST(ScriptReplay, TextIsForRecordingsThatCanBeRead) {
  const auto recording = RandomRecording(1, Detail::Full).make();
  ASSERT_TRUE(recording);
  TextLimits limits;
  limits.events = 100;
  const auto written = write_text(
      *recording, [](std::string_view) {}, limits);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message.substr(0, 18), "the recording has ");
  EXPECT_NE(written.error().message.find("too many for text: at most 100"), std::string::npos);
}

}  // namespace
}  // namespace pw::replay
