// Which area a page lies in, through images, system calls and forks of a recording.
#include "analysis/page_areas.hpp"

#include <gtest/gtest.h>

#include <map>

#include "record/writer.hpp"
#include "support/recorded_calls.hpp"
#include "support/sample_recording.hpp"

namespace pw::analysis {
namespace {

using record::Chunk;
using record::Event;
using record::EventKind;

constexpr std::uint32_t kMmap = 9, kMunmap = 11, kBrk = 12, kMremap = 25;
constexpr std::uint64_t kAnonymous = 0x22, kFile = 0x02;

// A chunk of a recording with every reference, event by event.
struct Script {
  Chunk chunk;

  explicit Script(std::uint32_t pid, std::uint64_t ns, std::uint64_t clock = 0) {
    chunk.info.pid = pid;
    chunk.info.begin_ns = ns;
    chunk.info.clock = chunk.info.end_clock = clock;
  }
  Event& add(EventKind kind) {
    Event e;
    e.kind = kind;
    e.clock = chunk.info.end_clock;
    chunk.events.push_back(e);
    return chunk.events.back();
  }
  void touch(std::uint64_t page) {
    ++chunk.info.end_clock;
    Event& e = add(EventKind::Reference);
    e.address = page * kPageSize;
    e.size = 8;
  }
  void call(std::uint32_t number, std::initializer_list<std::uint64_t> arguments,
            std::int64_t result, const std::string& path = {}) {
    record::testing::add_call(chunk, chunk.info.end_clock,
                              record::testing::call_of(number, arguments, result, path));
  }
  void stack(std::uint32_t number) {
    Event& e = add(EventKind::Stack);
    e.index = number;
    e.cause = record::StackCause::Syscall;
  }
};

record::MappedArea area(std::uint64_t first_page, std::uint64_t end_page, std::string name) {
  return record::testing::area(first_page * kPageSize, end_page * kPageSize, std::move(name));
}

// Notes what the trace's builder tells the areas, to look up ids by page.
class Listener final : public PageWatcher {
 public:
  explicit Listener(PageAreas& areas) : areas_(areas) {}
  void begin_chunk(std::size_t index, const Chunk& chunk) override {
    areas_.begin_chunk(index, chunk);
  }
  void event(const Chunk& chunk, std::size_t at) override { areas_.event(chunk, at); }
  void new_page(PageId id, std::uint32_t pid, std::uint64_t page) override {
    areas_.new_page(id, pid, page);
    ids[{pid, page}].push_back(id);
  }
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<PageId>> ids;

 private:
  PageAreas& areas_;
};

class PageAreasTest : public ::testing::Test {
 protected:
  // Writes the chunks (the first process is 1), and follows them.
  void follow(const std::vector<Chunk>& chunks) {
    record::RecordingInfo info;
    info.detail = record::Detail::Full;
    info.filter_pages = 0;
    auto writer = record::Writer::create(folder_ / "areas.pwrec", info, {});
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->add_process(1, 0, 0));
    const record::Image image = {
        {"program"}, {area(0x400, 0x410, "/bin/program"), area(0x500, 0x502, "[heap]")}};
    const auto maps = writer->add_image(1, image, 0);
    ASSERT_TRUE(maps && writer->add_modules({{"/bin/program", "ab"}}));
    ASSERT_TRUE(writer->add_stacks({{{1, 0x10}, {1, 0x20}}}));
    ASSERT_TRUE(writer->add_symbols(
        {{{1, 0x10}, {"malloc", "m.c", 1}}, {{1, 0x20}, {"build_table", "t.c", 2}}}));
    for (const Chunk& chunk : chunks) {
      if (chunk.info.pid == 2) {
        ASSERT_TRUE(writer->add_process(2, 1, chunk.info.begin_ns));
      }
      ASSERT_TRUE(writer->add_chunk(chunk, *maps));
    }
    ASSERT_TRUE(writer->finish(0));
    auto recording = record::Recording::open(folder_ / "areas.pwrec");
    ASSERT_TRUE(recording);
    recording_ = std::make_unique<record::Recording>(std::move(*recording));
    areas_ = std::make_unique<PageAreas>(*recording_);
    listener_ = std::make_unique<Listener>(*areas_);
    TraceDetails details;
    details.watcher = listener_.get();
    ASSERT_TRUE(dense_trace(*recording_, {}, details));
  }
  // The names of the areas that the page lay in, each time it was new.
  std::vector<std::string> where(std::uint64_t page, std::uint32_t pid = 1) const {
    std::vector<std::string> names;
    for (const PageId id : listener_->ids.at({pid, page})) {
      names.push_back(areas_->names()[areas_->area_of_page()[id]]);
    }
    return names;
  }

  pw::testing::TemporaryFolder folder_;
  std::unique_ptr<record::Recording> recording_;
  std::unique_ptr<PageAreas> areas_;
  std::unique_ptr<Listener> listener_;
};

using Names = std::vector<std::string>;

TEST_F(PageAreasTest, ImagesAndSystemCalls) {
  Script s(1, 10);
  s.touch(0x400);
  s.touch(0x40F);
  s.touch(0x410);
  s.touch(0x501);
  s.call(kBrk, {0}, 0x502 * 4096);
  s.call(kBrk, {0x504 * 4096}, 0x504 * 4096);
  s.touch(0x503);
  s.call(kMmap, {0, 0x3001, 3, kAnonymous}, 0x1000 * 4096);
  s.stack(0);
  s.touch(0x1003);
  s.touch(0x1004);
  s.call(kMmap, {0, 0x1000, 3, kAnonymous}, 0x2000 * 4096);
  s.touch(0x2000);
  s.call(kMmap, {0x1001 * 4096, 0x1000, 1, kFile, 3, 0}, 0x1001 * 4096, "/data/words");
  s.touch(0x1000);
  s.touch(0x1001);
  s.touch(0x1002);
  s.call(kMmap, {0, 0x1000, 3, kAnonymous}, -12);  // failed
  s.touch(0x3000);
  follow({s.chunk});
  EXPECT_EQ(where(0x400), Names{"/bin/program"});
  EXPECT_EQ(where(0x40F), Names{"/bin/program"});
  EXPECT_EQ(where(0x410), Names{"[unknown]"});
  EXPECT_EQ(where(0x501), Names{"[heap]"});
  EXPECT_EQ(where(0x503), Names{"[heap]"});
  EXPECT_EQ(where(0x1003), Names{"anon: build_table"});
  EXPECT_EQ(where(0x1004), Names{"[unknown]"});
  EXPECT_EQ(where(0x2000), Names{"anon"});
  EXPECT_EQ(where(0x1000), Names{"anon: build_table"});
  EXPECT_EQ(where(0x1001), Names{"/data/words"});
  EXPECT_EQ(where(0x1002), Names{"anon: build_table"});
  EXPECT_EQ(where(0x3000), Names{"[unknown]"});
}

TEST_F(PageAreasTest, MemoryGivenBackAndMoved) {
  Script s(1, 10);
  s.call(kMmap, {0, 0x4000, 3, kFile}, 0x1000 * 4096, "/data/a");
  s.touch(0x1001);
  s.touch(0x400);
  s.call(kMunmap, {0x1001 * 4096, 0x1000}, 0);
  s.touch(0x1001);
  s.touch(0x1000);
  s.touch(0x1002);
  s.call(kMremap, {0x1002 * 4096, 0x2000, 0x3000, 1}, 0x7000 * 4096);
  s.touch(0x7002);
  s.touch(0x1003);
  s.call(kBrk, {0x501 * 4096}, 0x501 * 4096);
  s.touch(0x501);
  follow({s.chunk});
  EXPECT_EQ(where(0x1001), (Names{"/data/a", "[unknown]"}));
  EXPECT_EQ(where(0x1000), Names{"/data/a"});
  EXPECT_EQ(where(0x1002), Names{"/data/a"});
  EXPECT_EQ(where(0x7002), Names{"/data/a"});
  EXPECT_EQ(where(0x1003), Names{"[unknown]"});
  EXPECT_EQ(where(0x501), Names{"[unknown]"});
}

TEST_F(PageAreasTest, AChildHasItsParentsAreas) {
  Script parent(1, 10);
  parent.call(kMmap, {0, 0x2000, 3, kFile}, 0x1000 * 4096, "/data/a");
  parent.touch(0x1000);
  Event& fork = parent.add(EventKind::Fork);
  fork.index = 2;
  fork.last_reference = 15;
  Script child(2, 20);
  child.touch(0x1000);
  child.call(kMunmap, {0x1000 * 4096, 0x2000}, 0);
  child.touch(0x1001);
  Script later(1, 30, parent.chunk.info.end_clock);
  later.touch(0x1001);
  follow({parent.chunk, child.chunk, later.chunk});
  EXPECT_EQ(where(0x1000, 2), Names{"/data/a"});
  EXPECT_EQ(where(0x1001, 2), Names{"[unknown]"});
  EXPECT_EQ(where(0x1001, 1), Names{"/data/a"});
}

}  // namespace
}  // namespace pw::analysis
