// A decoder of spool files for the tests of the QEMU plugin: written from
// recorder/common/encoding.h alone, apart from src/record, so that a misreading there and here do
// not hide each other. Strict: what the header does not allow throws. Owned by qemu_check.cpp.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "recorder/common/encoding.h"

namespace pw::test {

inline constexpr std::uint64_t kNone = ~std::uint64_t{0};

struct SpoolEvent {
  unsigned kind = 0;  // enum pw_kind
  std::uint64_t clock = 0;
  std::uint64_t place = kNone;    // page of FETCH and FIRST_WRITE, address of REFERENCE, code of
                                  // CONTROL
  std::uint64_t evicted = kNone;  // FETCH: the page that left, and the clock of its last reference
  std::uint64_t evicted_last = 0;
  unsigned access = 0;  // REFERENCE
  std::uint64_t size = 0;
  std::vector<std::uint64_t> numbers;  // CONTROL: the payload's varints
  std::string text;                    // CONTROL, SYSCALL: the path
  bool last_of_frame = false;

  bool operator==(const SpoolEvent&) const = default;
};

struct SpoolStream {
  std::vector<SpoolEvent> events;
  std::uint64_t clock = 0;
  std::map<std::uint64_t, std::uint64_t> pages;  // the filter: slot -> page
  std::map<std::uint64_t, bool> written;         // slot -> written
};

struct Spool {
  pw_spool_header header{};
  std::string command, maps;
  std::map<unsigned, SpoolStream> streams;
  bool ended = false;
  unsigned end_reason = 0, end_status = 0;
  std::size_t cut_bytes = 0;  // after the last whole frame

  std::vector<SpoolEvent> controls(unsigned code) const {
    std::vector<SpoolEvent> found;
    for (const auto& [index, stream] : streams) {
      for (const auto& event : stream.events) {
        if (event.kind == PW_CONTROL && event.place == code) found.push_back(event);
      }
    }
    return found;
  }
};

class SpoolDecoder {
 public:
  static Spool decode_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return SpoolDecoder({std::istreambuf_iterator<char>(file), {}}).decode();
  }

 private:
  explicit SpoolDecoder(std::string bytes) : bytes_(std::move(bytes)) {}

  static void require(bool good, const char* what) {
    if (!good) throw std::runtime_error(what);
  }

  Spool decode() {
    require(bytes_.size() >= sizeof spool_.header, "header cut");
    std::memcpy(&spool_.header, bytes_.data(), sizeof spool_.header);
    require(spool_.header.magic == PW_SPOOL_MAGIC && spool_.header.version == PW_SPOOL_VERSION,
            "magic");
    at_ = sizeof spool_.header;
    while (bytes_.size() - at_ >= sizeof frame_) {
      std::memcpy(&frame_, bytes_.data() + at_, sizeof frame_);
      require(frame_.magic == PW_FRAME_MAGIC && frame_.length <= PW_MAX_FRAME_BYTES, "frame");
      if (bytes_.size() - at_ - sizeof frame_ < frame_.length) break;
      at_ += sizeof frame_;
      end_ = at_ + frame_.length;
      decode_frame();
      at_ = end_;
    }
    spool_.cut_bytes = bytes_.size() - at_;
    return std::move(spool_);
  }

  void decode_frame() {
    const std::string payload = bytes_.substr(at_, frame_.length);
    switch (frame_.type) {
      case PW_FRAME_COMMAND:
        spool_.command = payload;
        return;
      case PW_FRAME_MAPS:
        spool_.maps = payload;
        return;
      case PW_FRAME_FILE:  // files_check.cpp looks at these
      case PW_FRAME_START:
        return;
      case PW_FRAME_END:
        require(frame_.length == 8, "length of END");
        spool_.ended = true;
        std::memcpy(&spool_.end_reason, payload.data(), 4);
        std::memcpy(&spool_.end_status, payload.data() + 4, 4);
        return;
      case PW_FRAME_EVENTS:
        require(!spool_.command.empty(), "events before the command");
        decode_events(spool_.streams[frame_.stream]);
        return;
      default:
        require(false, "type of frame");
    }
  }

  std::uint64_t byte() {
    require(at_ < end_, "frame too short");
    return static_cast<unsigned char>(bytes_[at_++]);
  }

  std::uint64_t varint() {
    std::uint64_t value = 0, part = 0x80;
    for (unsigned shift = 0; (part & 0x80) != 0; shift += 7) {
      part = byte();
      value |= (part & 0x7F) << shift;
    }
    return value;
  }

  std::uint64_t zigzag() { return unzigzag(varint()); }
  static std::uint64_t unzigzag(std::uint64_t n) { return (n >> 1) ^ (0 - (n & 1)); }

  void decode_events(SpoolStream& stream) {
    require(frame_.clock >= stream.clock, "the clock runs backwards");
    check_snapshot(stream);
    stream.clock = frame_.clock;
    previous_ = 0;
    std::uint64_t count = 0;
    for (; at_ < end_; ++count) decode_event(stream);
    require(count == frame_.count, "count of events");
    if (!stream.events.empty()) stream.events.back().last_of_frame = true;
  }

  // The snapshot must be what the events so far lead to.
  void check_snapshot(const SpoolStream& stream) {
    std::map<std::uint64_t, std::uint64_t> pages;
    std::map<std::uint64_t, bool> written;
    std::uint64_t page = 0;
    for (std::uint64_t n = varint(); n > 0; --n) {
      const std::uint64_t slot = varint();
      page += zigzag();
      const std::uint64_t age = varint();
      pages[slot] = page;
      written[slot] = (age & 1) != 0;
      require((age >> 1) <= frame_.clock, "age in a snapshot");
    }
    require(pages == stream.pages && written == stream.written, "snapshot against events");
  }

  void decode_event(SpoolStream& stream) {
    SpoolEvent event;
    const std::uint64_t head = varint(), body = head >> 3;
    event.kind = head & 7;
    stream.clock += varint();
    event.clock = stream.clock;
    if (event.kind <= PW_FETCH_KERNEL_WRITE) {
      event.place = previous_ += unzigzag(body);
      decode_fetch(stream, event);
    } else if (event.kind == PW_FIRST_WRITE) {
      require(stream.pages.contains(body) && !stream.written[body], "slot of a first write");
      event.place = stream.pages[body];
      stream.written[body] = true;
    } else if (event.kind == PW_REFERENCE) {
      event.place = previous_ += unzigzag(body);
      event.access = static_cast<unsigned>(byte());
      event.size = varint();
    } else {
      event.place = body;
      decode_control(event);
    }
    stream.events.push_back(std::move(event));
  }

  void decode_fetch(SpoolStream& stream, SpoolEvent& event) {
    const std::uint64_t slot = spool_.header.k > 1 ? varint() : 0;
    require(slot < spool_.header.k, "slot");
    if (stream.pages.contains(slot)) {
      event.evicted = stream.pages[slot];
      event.evicted_last = event.clock - (spool_.header.k > 1 ? varint() : 1);
    }
    stream.pages[slot] = event.place;
    stream.written[slot] = event.kind == PW_FETCH_WRITE || event.kind == PW_FETCH_KERNEL_WRITE;
  }

  void decode_control(SpoolEvent& event) {
    const std::size_t payload_end = varint() + at_;
    require(payload_end <= end_, "length of a control event");
    if (event.place == PW_FILE_CALL) {  // a call as any other; of which file is not looked at
      varint();
      event.place = PW_SYSCALL;
    }
    const std::size_t numbers = event.place == PW_SYSCALL ? 10 : kNone;
    while (at_ < payload_end && event.numbers.size() < numbers) event.numbers.push_back(varint());
    event.text = bytes_.substr(at_, payload_end - at_);
    at_ = payload_end;
  }

  std::string bytes_;
  Spool spool_;
  pw_frame_header frame_{};
  std::size_t at_ = 0, end_ = 0;
  std::uint64_t previous_ = 0;
};

}  // namespace pw::test
