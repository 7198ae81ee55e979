// The overviews of a recording: beside each chunk the same as recorders with larger filters would
// have made it, so that who needs no more has not to read it all. Made while the recording is
// written, with the processor that the recorder leaves idle.
//
// Owned by the Writer. Each level is thinned from the one below it. One that leaves out little of
// the level below (of a program that is seldom at the same page twice) is given up for good: what
// was written of it by then is of no use and is passed over. Most chunks go on with the filter that
// the one before left, since to tell it would take more than their events do.
#pragma once

#include <array>
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
  static constexpr std::array<std::uint32_t, 5> kFilterPages{96, 256, 512, 1024, 4096};

  Overview();

  // Whether recordings of this kind have one.
  static bool useful_for(Recorder recorder, Detail detail, std::uint32_t filter_pages) {
    return recorder == Recorder::Valgrind && detail == Detail::Pages &&
           filter_pages < kFilterPages.front();
  }

  struct Part {
    std::uint32_t filter_pages = 0;
    std::string payload;
    std::uint64_t events = 0;
    std::uint64_t left_out = 0;  // fetches
    bool continues = false;      // as encode_payload() was told
  };
  // Of the next chunk of its stream, as encode_payload() takes it: a part for each level that has
  // not been given up.
  std::vector<Part> next(const Chunk& chunk, const std::vector<std::uint32_t>& images);
  // What would have come next of the stream is lost.
  void skip(std::uint32_t pid, std::uint32_t stream);

 private:
  struct Stream {
    explicit Stream(std::uint32_t filter_pages) : thinner(filter_pages) {}
    Thinner thinner;
    std::uint32_t chunks = 0;
  };
  struct Level {
    std::uint32_t filter_pages = 0;
    std::map<std::pair<std::uint32_t, std::uint32_t>, Stream> streams;  // by pid and stream
    Chunk thin;
    std::uint64_t entries = 0;  // events, and pages of filters that are told
    bool tried = false;         // beside the level below, and kept
    bool given_up = false;
  };
  bool worth_little(const Level& level, std::uint64_t entries_below) const;
  std::optional<Part> part(Level& level, Stream& stream, std::uint64_t entries_below,
                           const std::vector<std::uint32_t>& images);
  void drop_given_up();

  std::vector<Level> levels_;  // that have not been given up
  std::uint64_t whole_events_ = 0;
};

}  // namespace pw::record
