// Writes spool files as a recorder does, for tests.
#pragma once

#include <string>
#include <string_view>

#include "record/checksum.hpp"
#include "record/payload.hpp"
#include "record/varint.hpp"
#include "recorder/common/encoding.h"

namespace pw::record::testing {

class SpoolMaker {
 public:
  SpoolMaker(int pid, int parent_pid, std::uint64_t start_ns, unsigned detail, unsigned k,
             bool forked = false)
      : k_(k) {
    pw_spool_header header = {};
    header.magic = PW_SPOOL_MAGIC;
    header.version = PW_SPOOL_VERSION;
    header.recorder = PW_RECORDER_VALGRIND;
    header.detail = detail;
    header.k = k;
    header.pid = pid;
    header.parent_pid = parent_pid;
    header.start_ns = start_ns;
    header.page_shift = 12;
    header.flags = forked ? 1 : 0;
    bytes += record::bytes_of(header);
  }

  void frame(unsigned type, std::string_view payload, std::uint64_t ns = 0, unsigned tid = 0,
             std::uint64_t clock = 0, std::uint64_t count = 0, unsigned stream = 0) {
    pw_frame_header header = {};
    header.magic = PW_FRAME_MAGIC;
    header.type = type;
    header.stream = stream;
    header.length = static_cast<unsigned>(payload.size());
    header.clock = clock;
    header.count = count;
    header.ns = ns;
    header.tid = tid;
    bytes += record::bytes_of(header);
    bytes += payload;
  }

  void start(std::string_view program, std::string_view maps) {
    frame(PW_FRAME_COMMAND, std::string(program) + '\0' + "argument" + '\0');
    frame(PW_FRAME_MAPS, maps);
  }

  void events(const Chunk& chunk, unsigned stream = 0) {
    auto payload = encode_payload(chunk, k_);
    frame(PW_FRAME_EVENTS, payload.value(), chunk.info.begin_ns, chunk.info.tid, chunk.info.clock,
          chunk.events.size(), stream);
  }

  void end(unsigned reason, unsigned status) {
    unsigned payload[2] = {reason, status};
    frame(PW_FRAME_END, {reinterpret_cast<const char*>(payload), sizeof payload});
  }

  std::string bytes;

 private:
  unsigned k_;
};

inline void put_control(std::string& out, unsigned code, std::uint64_t dt,
                        std::string_view payload) {
  put_varint(out, std::uint64_t{code} << 3 | PW_CONTROL);
  put_varint(out, dt);
  put_string(out, payload);
}

inline std::string syscall_payload(std::uint64_t number, std::initializer_list<std::uint64_t> six,
                                   std::int64_t result, std::string_view path = {}) {
  std::string out;
  put_varint(out, number);
  for (std::uint64_t argument : six) put_varint(out, argument);
  put_varint(out, zigzag(static_cast<std::uint64_t>(result)));
  put_varint(out, 1);
  put_varint(out, 10);
  out += path;
  return out;
}

}  // namespace pw::record::testing
