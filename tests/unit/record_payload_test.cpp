// Events keep every field through encoding and decoding, in all details, and no bytes lead a
// decoder astray.
#include <gtest/gtest.h>

#include <map>
#include <tuple>
#include <vector>

#include "record/format.hpp"
#include "record/payload.hpp"
#include "record/varint.hpp"
#include "recorder/common/encoding.h"
#include "support/random_chunks.hpp"

namespace pw::record {
namespace {

using testing::ChunkMaker;
using testing::filter_pages_of;

bool is_of_filter(const Event& e) {
  return e.kind == EventKind::Fetch || e.kind == EventKind::FirstWrite ||
         e.kind == EventKind::FilterGone;
}

// But for what decoding adds to the filter's events.
auto fields(const Event& e) {
  const bool added = is_of_filter(e);
  return std::tuple(e.clock, e.page, e.evicted, e.last_reference, added ? 0 : e.index,
                    added ? std::uint16_t{0} : e.size, e.kind, Access(e.access), bool(e.by_kernel),
                    StackCause(e.cause));
}

// Of each page in the filter, the events that will tell when it leaves.
void expect_stays(const std::vector<Event>& events) {
  std::map<std::uint64_t, std::vector<std::size_t>> waiting;
  std::vector<std::uint32_t> stays(events.size(), 0);
  std::vector<bool> came_here(events.size(), false);
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    const bool gone = event.kind == EventKind::FilterGone;
    if (!is_of_filter(event)) continue;
    if (gone || (event.kind == EventKind::Fetch && event.evicted != kNoPage)) {
      const auto it = waiting.find(gone ? event.page : event.evicted);
      if (it != waiting.end()) {
        const bool came = events[it->second.front()].kind == EventKind::Fetch;
        for (const std::size_t at : it->second) {
          const std::uint64_t last = std::max(event.last_reference, events[at].clock);
          stays[at] = static_cast<std::uint32_t>(last - events[at].clock + 1);
        }
        came_here[i] = came;
        waiting.erase(it);
      }
    }
    if (gone) continue;
    auto& told = waiting[event.page];
    told.push_back(i);
    came_here[i] = came_here[i] ||
                   (told.size() > 1 && events[told.front()].kind == EventKind::Fetch);
  }
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (!is_of_filter(events[i])) continue;
    SCOPED_TRACE(i);
    const bool may_leave = events[i].kind != EventKind::FilterGone;
    if (may_leave) {
      ASSERT_EQ(events[i].stays, stays[i]);
    }
    ASSERT_EQ(events[i].came_here == 1, came_here[i]);
  }
}
auto fields(const SyscallRecord& s) {
  return std::tuple(s.number, s.tid, std::vector<std::uint64_t>(s.arguments, s.arguments + 6),
                    s.result, s.ns, s.path, s.file);
}

// Pages that leave together have no order among them.
void sort_resets(std::vector<Event>& events) {
  for (std::size_t i = 0; i < events.size();) {
    std::size_t end = i + 1;
    while (end < events.size() && events[i].kind == EventKind::FilterGone &&
           events[end].kind == EventKind::FilterGone && events[end].clock == events[i].clock) {
      ++end;
    }
    std::sort(events.begin() + static_cast<std::ptrdiff_t>(i),
              events.begin() + static_cast<std::ptrdiff_t>(end),
              [](const Event& a, const Event& b) { return a.page < b.page; });
    i = end;
  }
}

std::string padded(std::string bytes) {
  bytes.append(kVarintPadding, '\0');
  return bytes;
}

Result<void> decode(const std::string& payload, std::uint32_t filter_pages, const ChunkInfo& info,
                    Chunk& out) {
  std::string bytes = padded(payload);
  PayloadDecoder decoder(filter_pages);
  return decoder.decode(std::string_view(bytes).substr(0, payload.size()),
                        {info.clock, info.begin_ns, info.events}, out);
}

class RecordPayload : public ::testing::TestWithParam<Detail> {};

TEST_P(RecordPayload, RandomEventsComeBackAsTheyWere) {
  std::uint32_t k = filter_pages_of(GetParam());
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ChunkMaker maker(random, k);
    maker.stacks = 100;
    maker.files = 1000;
    maker.images = 3;
    std::vector<std::uint32_t> images = {17, 4, 900};
    for (int i = 0; i < 4; ++i) {
      maker.fork_pid = i == 2 ? 4711 : 0;
      Chunk chunk = maker.next(1234, 0, 1'000'000'007, random.below(3000));
      auto payload = encode_payload(chunk, k, images);
      ASSERT_TRUE(payload) << payload.error().message;
      Chunk back;
      auto decoded = decode(*payload, k, chunk.info, back);
      ASSERT_TRUE(decoded) << decoded.error().message;
      for (Event& event : back.events) {
        if (event.kind != EventKind::Exec) continue;
        auto number = std::find(images.begin(), images.end(), event.index);
        ASSERT_NE(number, images.end());
        event.index = static_cast<std::uint32_t>(number - images.begin());
      }
      if (GetParam() == Detail::Pages) expect_stays(back.events);
      sort_resets(chunk.events);
      sort_resets(back.events);
      ASSERT_EQ(back.events.size(), chunk.events.size());
      for (std::size_t n = 0; n < chunk.events.size(); ++n) {
        ASSERT_EQ(fields(back.events[n]), fields(chunk.events[n])) << "event " << n;
      }
      ASSERT_EQ(back.syscalls.size(), chunk.syscalls.size());
      for (std::size_t n = 0; n < chunk.syscalls.size(); ++n) {
        ASSERT_EQ(fields(back.syscalls[n]), fields(chunk.syscalls[n]));
      }
      ASSERT_EQ(back.filter, chunk.filter);
      for (std::size_t n = 0; n < chunk.filter.size(); ++n) {
        ASSERT_EQ(back.filter_states[n].last_reference, chunk.filter_states[n].last_reference);
        ASSERT_EQ(back.filter_states[n].written, chunk.filter_states[n].written);
      }
    }
  }
}

TEST_P(RecordPayload, DamagedPayloadsEndInAnErrorOrInOtherEvents) {
  std::uint32_t k = filter_pages_of(GetParam());
  Random random(99);
  ChunkMaker maker(random, k);
  maker.stacks = 9;
  for (int i = 0; i < 3000; ++i) {
    Chunk chunk = maker.next(1, 0, 5, 60);
    std::string payload = *encode_payload(chunk, k);
    std::uint64_t changes = 1 + random.below(4);
    for (std::uint64_t c = 0; c < changes && !payload.empty(); ++c) {
      payload[random.below(payload.size())] = static_cast<char>(random.next());
    }
    if (random.chance(3)) payload.resize(random.below(payload.size() + 1));
    Chunk back;
    (void)decode(payload, k, chunk.info, back);
    ASSERT_LE(back.events.size(), payload.size());
  }
}

INSTANTIATE_TEST_SUITE_P(AllDetails, RecordPayload,
                         ::testing::Values(Detail::Pages, Detail::Switches, Detail::Full),
                         [](const auto& test) {
                           return test.param == Detail::Pages      ? "Pages"
                                  : test.param == Detail::Switches ? "Switches"
                                                                   : "Full";
                         });

Event fetch(std::uint64_t clock, std::uint64_t page, std::uint64_t evicted = kNoPage) {
  Event event;
  event.clock = clock;
  event.page = page;
  event.evicted = evicted;
  return event;
}

TEST(RecordPayloadEncoding, RefusesEventsThatContradictThemselves) {
  auto refused = [](std::vector<Event> events) {
    Chunk chunk;
    chunk.events = std::move(events);
    return !encode_payload(chunk, 2).has_value();
  };
  EXPECT_FALSE(refused({fetch(1, 10), fetch(2, 11), fetch(3, 12, 10)}));
  EXPECT_TRUE(refused({fetch(1, 10), fetch(2, 11), fetch(3, 12, 13)}));
  EXPECT_TRUE(refused({fetch(1, 10), fetch(2, 11), fetch(3, 12)}));
  EXPECT_TRUE(refused({fetch(1, 10), fetch(2, 10)}));
  EXPECT_TRUE(refused({fetch(2, 10), fetch(1, 11)}));
  Event write;
  write.kind = EventKind::FirstWrite;
  write.page = 77;
  EXPECT_TRUE(refused({write}));
}

// A page cannot have been referenced before the stream began, nor lie in a slot that the filter has
// not.
TEST(RecordPayloadEncoding, RefusesImpossibleAgesSlotsAndPages) {
  auto decodes = [](std::initializer_list<std::uint64_t> numbers) {
    std::string bytes;
    for (std::uint64_t n : numbers) put_varint(bytes, n);
    ChunkInfo info;
    info.clock = 10;
    Chunk chunk;
    return decode(bytes, 4, info, chunk).has_value();
  };
  constexpr std::uint64_t kFetch = zigzag(5) << 3;
  EXPECT_TRUE(decodes({1, 3, zigzag(100), 10 << 1, kFetch, 1, 3, 11}));
  EXPECT_FALSE(decodes({1, 3, zigzag(100), 10 << 1, kFetch, 1, 3, 12}));  // the age of what leaves
  EXPECT_FALSE(decodes({1, 3, zigzag(100), 11 << 1}));                    // an age in the snapshot
  EXPECT_FALSE(decodes({1, 4, zigzag(100), 0}));
  EXPECT_FALSE(decodes({5}));
  EXPECT_FALSE(decodes({0, kFetch, 1, 4}));
  EXPECT_FALSE(decodes({0, zigzag(std::uint64_t{1} << 52) << 3, 1, 0}));
  EXPECT_FALSE(decodes({0, 2 << 3 | PW_FIRST_WRITE, 1}));
  EXPECT_FALSE(decodes({0, kFetch, 1}));  // cut short
}

// Bytes by hand, so that encoder and decoder cannot agree on something else than the specification.
TEST(RecordPayloadEncoding, IsTheOneThatRecordersWrite) {
  std::string bytes;
  put_varint(bytes, 1);            // one page in the filter:
  put_varint(bytes, 5);            // slot 5
  put_varint(bytes, zigzag(100));  // page 100
  put_varint(bytes, 8 << 1 | 1);   // last referenced 8 ago, written
  put_varint(bytes, zigzag(7) << 3 | PW_FETCH_KERNEL_READ);
  put_varint(bytes, 3);
  put_varint(bytes, 5);
  put_varint(bytes, 9);  // page 100 leaves, last referenced 9 before
  put_varint(bytes, 5 << 3 | PW_FIRST_WRITE);
  put_varint(bytes, 2);
  put_varint(bytes, PW_STACK << 3 | PW_CONTROL);
  put_varint(bytes, 0);
  put_string(bytes, std::string("\x01\x02\x10\x20", 4));  // for a call; two addresses
  put_varint(bytes, 99 << 3 | PW_CONTROL);                // of a later version
  put_varint(bytes, 4);
  put_string(bytes, "abc");
  std::string padded_bytes = padded(bytes);
  std::vector<StackAddresses> stacks;
  PayloadDecoder decoder(64, &stacks);
  Chunk chunk;
  auto decoded = decoder.decode(std::string_view(padded_bytes).substr(0, bytes.size()),
                                {1000, 0, 0}, chunk);
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_EQ(chunk.events.size(), 3U);
  EXPECT_EQ(chunk.filter_states[0].last_reference, 992U);
  EXPECT_TRUE(chunk.filter_states[0].written);
  Event expected = fetch(1003, 7, 100);
  expected.last_reference = 994;
  expected.by_kernel = true;
  EXPECT_EQ(fields(chunk.events[0]), fields(expected));
  EXPECT_EQ(chunk.events[1].kind, EventKind::FirstWrite);
  EXPECT_EQ(chunk.events[1].page, 7U);
  EXPECT_EQ(chunk.events[1].clock, 1005U);
  EXPECT_EQ(chunk.events[2].cause, StackCause::Syscall);
  EXPECT_EQ(stacks, (std::vector<StackAddresses>{{0x10, 0x20}}));
  EXPECT_EQ(decoder.end_clock(), 1009U);
  EXPECT_EQ(decoder.slots()[5], 7U);
}

}  // namespace
}  // namespace pw::record
