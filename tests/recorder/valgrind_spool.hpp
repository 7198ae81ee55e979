// A small decoder of spool files for the tests of the Valgrind recorder, written from encoding.h
// alone, so that recorder and product decoder are not tested against each other's
// misunderstandings.
//
// It checks on the way what must hold in every spool: whole frames, clocks that go on without a
// gap, filter snapshots that equal what the events before them led to.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "recorder/common/encoding.h"

namespace pw::recorder_test {

struct SpoolEvent {
  unsigned kind = 0;       // enum pw_kind
  unsigned code = 0;       // enum pw_control
  std::uint64_t page = 0;  // fetches, first writes, drops; REFERENCE: address
  std::uint64_t clock = 0;
  bool evicts = false;
  std::uint64_t evicted = 0;  // the page that left
  std::uint64_t age = 0;
  unsigned access = 0;  // REFERENCE: access | by_kernel << 2
  std::uint64_t size = 0;
  std::vector<std::uint64_t> values;  // CONTROL: leading varints of the payload
  std::string path;                   // SYSCALL
};

struct Spool {
  pw_spool_header header{};
  std::vector<SpoolEvent> events;
  std::vector<std::pair<unsigned, std::string>> frames;  // type and payload of the other frames
  std::size_t cut_bytes = 0;                             // behind the last whole frame
  bool has_frame(unsigned type) const {
    for (const auto& frame : frames)
      if (frame.first == type) return true;
    return false;
  }
};

class SpoolReader {
 public:
  static Spool read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    SpoolReader reader;
    reader.decode(bytes);
    return std::move(reader.spool_);
  }

 private:
  struct Held {
    std::uint64_t page = 0;
    bool written = false;
  };

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && next_ < end_; shift += 7) {
      auto byte = static_cast<unsigned char>(*next_++);
      value |= std::uint64_t{byte & 127U} << shift;
      if (byte < 128) return value;
    }
    ADD_FAILURE() << "a varint is cut";
    next_ = end_;
    return 0;
  }
  std::uint64_t zigzag() { return unzigzag(varint()); }
  static std::uint64_t unzigzag(std::uint64_t value) { return (value >> 1) ^ (0 - (value & 1)); }

  void decode(const std::string& bytes) {
    ASSERT_GE(bytes.size(), sizeof spool_.header);
    std::memcpy(&spool_.header, bytes.data(), sizeof spool_.header);
    ASSERT_EQ(spool_.header.magic, PW_SPOOL_MAGIC);
    std::size_t at = sizeof spool_.header;
    pw_frame_header frame{};
    while (at + sizeof frame <= bytes.size()) {
      std::memcpy(&frame, bytes.data() + at, sizeof frame);
      ASSERT_EQ(frame.magic, PW_FRAME_MAGIC) << "at " << at;
      if (at + sizeof frame + frame.length > bytes.size()) break;
      at += sizeof frame;
      next_ = bytes.data() + at;
      end_ = next_ + frame.length;
      at += frame.length;
      if (frame.type == PW_FRAME_EVENTS) {
        events_frame(frame);
      } else {
        spool_.frames.emplace_back(frame.type, std::string(next_, end_));
      }
      if (testing::Test::HasFatalFailure()) return;
    }
    spool_.cut_bytes = bytes.size() - at;
  }

  void events_frame(const pw_frame_header& frame) {
    ASSERT_EQ(frame.clock, clock_) << "a gap between frames";
    snapshot();
    previous_ = 0;
    for (std::uint64_t i = 0; i < frame.count; ++i) {
      event();
      if (testing::Test::HasFatalFailure()) return;
    }
    EXPECT_EQ(next_, end_) << "bytes behind the events";
  }

  void snapshot() {
    std::uint64_t count = varint();
    std::uint64_t page = 0;
    EXPECT_EQ(count, filter_.size());
    for (std::uint64_t i = 0; i < count; ++i) {
      std::uint64_t slot = varint();
      page += zigzag();
      std::uint64_t age_and_written = varint();
      ASSERT_TRUE(filter_.count(slot));
      EXPECT_EQ(filter_[slot].page, page);
      EXPECT_EQ(filter_[slot].written, (age_and_written & 1) != 0);
      EXPECT_LE(age_and_written >> 1, clock_);
    }
  }

  void event() {
    SpoolEvent event;
    std::uint64_t head = varint();
    std::uint64_t body = head >> 3;
    event.kind = head & 7;
    clock_ += varint();
    event.clock = clock_;
    if (event.kind <= PW_FETCH_KERNEL_WRITE) {
      fetch(event, body);
    } else if (event.kind == PW_FIRST_WRITE) {
      ASSERT_TRUE(filter_.count(body));
      EXPECT_FALSE(filter_[body].written);
      filter_[body].written = true;
      event.page = filter_[body].page;
    } else if (event.kind == PW_REFERENCE) {
      event.page = previous_ += unzigzag(body);
      event.access = static_cast<unsigned char>(*next_++);
      event.size = varint();
    } else {
      event.code = static_cast<unsigned>(body);
      control(event);
    }
    spool_.events.push_back(std::move(event));
  }

  void fetch(SpoolEvent& event, std::uint64_t body) {
    event.page = previous_ += unzigzag(body);
    std::uint64_t slot = spool_.header.k > 1 ? varint() : 0;
    auto held = filter_.find(slot);
    event.evicts = held != filter_.end();
    if (event.evicts) {
      event.evicted = held->second.page;
      event.age = spool_.header.k > 1 ? varint() : 1;
    }
    bool write = event.kind == PW_FETCH_WRITE || event.kind == PW_FETCH_KERNEL_WRITE;
    filter_[slot] = {event.page, write};
  }

  void control(SpoolEvent& event) {
    std::uint64_t length = varint();
    ASSERT_LE(length, static_cast<std::uint64_t>(end_ - next_));
    const char* after = next_ + length;
    if (event.code == PW_FILTER_DROP) {
      std::uint64_t slot = varint();
      event.age = varint();
      ASSERT_TRUE(filter_.count(slot));
      event.page = filter_[slot].page;
      filter_.erase(slot);
    } else if (event.code == PW_FILTER_RESET) {
      filter_.clear();
    } else if (event.code == PW_SYSCALL || event.code == PW_FILE_CALL) {
      if (event.code == PW_FILE_CALL) varint();  // of which file is not looked at
      event.code = PW_SYSCALL;
      for (int i = 0; i < 7; ++i) event.values.push_back(varint());
      event.values.push_back(zigzag());
      for (int i = 0; i < 2; ++i) event.values.push_back(varint());
      event.path.assign(next_, after);
    } else {
      while (next_ < after) event.values.push_back(varint());
    }
    next_ = after;
  }

  Spool spool_;
  std::map<std::uint64_t, Held> filter_;
  std::uint64_t clock_ = 0;
  std::uint64_t previous_ = 0;
  const char* next_ = nullptr;
  const char* end_ = nullptr;
};

}  // namespace pw::recorder_test
