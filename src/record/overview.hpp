// The overviews of a recording: beside each chunk the same as recorders with larger filters would
// have made it, so that who needs no more has not to read it all. Made while the recording is
// written, with the processor that the recorder leaves idle.
//
// Owned by the Writer. Each level is thinned from the one below it. One that leaves out little of
// the level below that is kept (of a program that is seldom at the same page twice) is given up for
// good: what was written of it by then is of no use and is passed over. It is thinned on while a
// level above it is kept, which hangs on what it leaves.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "record/thinner.hpp"

namespace pw::record {

class Overview {
 public:
  static constexpr std::array<std::uint32_t, 2> kFilterPages{256, 1024};

  Overview();

  // Whether recordings of this kind have one.
  static bool useful_for(Recorder recorder, Detail detail, std::uint32_t filter_pages) {
    return recorder == Recorder::Valgrind && detail == Detail::Pages &&
           filter_pages <= kFilterPages.front() / 2;
  }

  struct Part {
    std::uint32_t filter_pages = 0;
    std::string payload;
    std::uint64_t events = 0;
    std::uint64_t left_out = 0;  // fetches
  };
  // Of the next chunk of its stream, as encode_payload() takes it: a part for each level that has
  // not been given up.
  std::vector<Part> next(const Chunk& chunk, const std::vector<std::uint32_t>& images);
  // What would have come next of the stream is lost.
  void skip(std::uint32_t pid, std::uint32_t stream);

 private:
  struct Level {
    std::uint32_t filter_pages = 0;
    std::map<std::pair<std::uint32_t, std::uint32_t>, Thinner> thinners;  // by pid and stream
    Chunk thin;
    std::uint64_t events = 0;
    bool given_up = false;
  };
  std::vector<Level> levels_;  // the last one has not been given up
  std::uint64_t whole_events_ = 0;
};

}  // namespace pw::record
