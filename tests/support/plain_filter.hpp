// A recorder's filter without any care for speed, and a recording that it has made.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "base/random.hpp"
#include "record/writer.hpp"
#include "support/recorded_calls.hpp"
#include "support/temporary_folder.hpp"

namespace pw::record::testing {

constexpr std::uint32_t kMunmap = 11, kSmall = 8;

class PlainFilter {
 public:
  explicit PlainFilter(std::size_t pages) : most_(pages) {}

  Chunk chunk;

  void begin() {
    chunk = Chunk{};
    chunk.info.pid = 7;
    chunk.info.clock = chunk.info.end_clock = clock_;
    for (const auto& [page, state] : held_) {
      chunk.filter.push_back(page);
      chunk.filter_states.push_back(state);
    }
  }
  void reference(std::uint64_t page, bool write) {
    chunk.info.end_clock = ++clock_;
    if (!held_.contains(page)) {
      Event fetch = event(EventKind::Fetch, page);
      fetch.access = write ? Access::Write : Access::Read;
      if (held_.size() == most_) {
        const auto oldest = std::min_element(
            held_.begin(), held_.end(), [](const auto& a, const auto& b) {
              return a.second.last_reference < b.second.last_reference;
            });
        fetch.evicted = oldest->first;
        fetch.last_reference = oldest->second.last_reference;
        held_.erase(oldest);
      }
      chunk.events.push_back(fetch);
      ++fetches;
    } else if (write && !held_[page].written) {
      chunk.events.push_back(event(EventKind::FirstWrite, page));
      chunk.events.back().access = Access::Write;
    }
    held_[page].last_reference = clock_;
    held_[page].written |= write;
  }
  void unmap(std::uint64_t begin, std::uint64_t end) {
    drop(begin, end);
    add_call(chunk, clock_,
             call_of(kMunmap, {begin << kPageShift, (end - begin) << kPageShift}, 0));
  }
  void fork() {
    drop(0, ~std::uint64_t{0});
    chunk.events.push_back(event(EventKind::Fork, 0));
  }
  std::uint64_t fetches = 0;

 private:
  Event event(EventKind kind, std::uint64_t page) const {
    Event made;
    made.kind = kind;
    made.clock = clock_;
    if (kind != EventKind::Fork) made.page = page;
    return made;
  }
  void drop(std::uint64_t begin, std::uint64_t end) {
    for (auto it = held_.lower_bound(begin); it != held_.end() && it->first < end;) {
      chunk.events.push_back(event(EventKind::FilterGone, it->first));
      chunk.events.back().last_reference = it->second.last_reference;
      it = held_.erase(it);
    }
  }

  std::size_t most_;
  std::uint64_t clock_ = 0;
  std::map<std::uint64_t, FilterState> held_;
};

// 700 pages, of which some are in use for a while: its path is asked for. Overviews of 256 and
// of 1024 pages, in which nothing leaves the filter.
inline std::string recorded(const pw::testing::TemporaryFolder& folder, bool overview) {
  const std::string path = folder / (overview ? "with.pwrec" : "without.pwrec");
  RecordingInfo info;
  info.filter_pages = kSmall;
  auto writer = Writer::create(path, info, {.overview = overview});
  EXPECT_TRUE(writer && writer->add_process(7, 0, 1000));
  const auto maps = writer->add_maps(7, {writable_area(1, 800)}, 1000);
  Random random(5);
  PlainFilter filter(kSmall);
  std::uint64_t around = 1;
  for (std::uint64_t chunk = 0; chunk < 6; ++chunk) {
    filter.begin();
    filter.chunk.info.begin_ns = 1000 + chunk;
    for (int i = 0; i < 3000; ++i) {
      if (random.below(500) == 0) around = 1 + random.below(500);
      filter.reference(around + random.below(200), random.below(4) == 0);
      if (random.below(1000) == 0) filter.unmap(around, around + 30);
    }
    if (chunk == 3) writer->skip_chunk(7, 0);
    EXPECT_TRUE(writer->add_chunk(filter.chunk, *maps));
  }
  EXPECT_TRUE(writer->finish(0));
  return path;
}

}  // namespace pw::record::testing
