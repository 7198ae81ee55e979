// The overview of a recording: beside each chunk the same as a recorder with a larger filter would
// have made it, so that who needs no more has not to read it all. Made while the recording is
// written, with the processor that the recorder leaves idle.
//
// Owned by the Writer. Given up for good where it would leave out little (a program that is seldom
// at the same page twice): what was written of it by then is of no use and is passed over.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "record/thinner.hpp"

namespace pw::record {

class Overview {
 public:
  static constexpr std::uint32_t kFilterPages = 256;

  // Whether recordings of this kind have one.
  static bool useful_for(Recorder recorder, Detail detail, std::uint32_t filter_pages) {
    return recorder == Recorder::Valgrind && detail == Detail::Pages &&
           filter_pages <= kFilterPages / 2;
  }

  struct Part {
    std::string payload;
    std::uint64_t events = 0;
    std::uint64_t left_out = 0;  // fetches
  };
  // Of the next chunk of its stream, as encode_payload() takes it; nothing if the overview has been
  // given up.
  std::optional<Part> next(const Chunk& chunk, const std::vector<std::uint32_t>& images);
  // What would have come next of the stream is lost.
  void skip(std::uint32_t pid, std::uint32_t stream) { thinners_.erase({pid, stream}); }

 private:
  std::map<std::pair<std::uint32_t, std::uint32_t>, Thinner> thinners_;  // by pid and stream
  Chunk thin_;
  std::uint64_t whole_events_ = 0, events_ = 0;
  bool given_up_ = false;
};

}  // namespace pw::record
