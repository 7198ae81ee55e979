// The events of one chunk (or of one EVENTS frame of a spool) as bytes, and back. The encoding is
// that of recorder/common/encoding.h.
//
// A decoder holds the filter of one stream: which page lies in which slot. It starts from the
// snapshot in the payload, so payloads decode in any order; after decode() it tells the filter at
// the payload's end, by which a converter sees that two payloads follow each other without a gap.
// No input makes it read out of bounds, or allocate more than 40 bytes for each byte of payload.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "record/event.hpp"
#include "record/page_stay.hpp"
#include "record/recording.hpp"

namespace pw::record {

using StackAddresses = std::vector<std::uint64_t>;  // innermost first

struct PayloadStart {
  std::uint64_t clock = 0;     // before the first event
  std::uint64_t begin_ns = 0;  // times in the payload count from it
  std::uint64_t events = 0;    // how many to expect; a hint
};

class PayloadDecoder {
 public:
  // `filter_pages`: K, as in the recording's header; at most kMaxFilterPages.
  // `spool_stacks`: where the stacks that a spool defines as it goes are collected (their numbers
  // count from the start of the spool). Null for a recording, whose payloads only refer to stacks.
  explicit PayloadDecoder(std::uint32_t filter_pages,
                          std::vector<StackAddresses>* spool_stacks = nullptr);

  // Fills filter, filter_states, events and syscalls of `out`; index of an Exec event is the number
  // of its image as the payload has it. `bytes` must have kVarintPadding readable bytes behind its
  // end. Error: Io with the place in the payload. `out` then has the events before that place.
  // `continues`: as encode_payload() was told; the payload before has been decoded here. Of the
  // filter's pages only the numbers are known then.
  Result<void> decode(std::string_view bytes, const PayloadStart& start, Chunk& out,
                      bool continues = false);

  // Once decoded: the pages by slot (kNoPage: free), and the clock after the last event.
  std::vector<std::uint64_t> slots() const;
  std::uint64_t end_clock() const { return clock_; }

 private:
  const char* decode_snapshot();
  const char* resume();
  template <bool kManySlots>
  const char* decode_events(std::size_t& count);
  const char* decode_first_write(std::uint64_t slot, std::uint64_t clock, std::size_t at,
                                 Event& event);
  const char* decode_control(std::uint64_t code, std::size_t& count);
  const char* decode_syscall(std::string_view payload, bool of_file, Event& event);
  const char* decode_transfer(std::string_view payload, Event& event);
  const char* decode_wait(std::string_view payload, Event& event) const;
  const char* decode_wake(std::string_view payload, Event& event) const;
  const char* decode_stack(std::string_view payload, bool is_new, Event& event);
  const char* decode_gone(std::string_view payload, bool all, std::size_t& count);
  Event* room_for(std::size_t count);

  std::uint32_t filter_pages_;
  std::vector<StackAddresses>* spool_stacks_;
  struct Slot {
    std::uint64_t page = ~std::uint64_t{0};
    PageStay stay;  // of that payload:
    std::uint32_t payload = 0;
  };
  PageStay& stay_of(Slot& slot);
  void leave(Slot& slot, Event& leaving);
  std::vector<Slot> slots_;
  std::uint32_t payload_ = 0;           // number of the one that is decoded
  std::vector<std::uint32_t> written_;  // slots of its first writes
  const unsigned char* next_ = nullptr;
  const unsigned char* end_ = nullptr;
  std::uint64_t clock_ = 0;
  std::uint64_t begin_ns_ = 0;
  std::uint64_t transfer_end_ = 0;
  Chunk* out_ = nullptr;
};

// In which slot of the filter pages lie, of who plays the filter and need not be asked twice.
struct KnownSlots {
  std::vector<std::uint32_t> filter;  // of the pages of Chunk::filter, in order
  std::vector<std::uint32_t> events;  // of the page that a Fetch brings, or that others are about
};

// Encodes the filter, events and system calls of `chunk` (clock and begin_ns from its info). Exec
// events get the numbers `image_numbers[event.index]`. Error: Invalid if the events contradict
// themselves: a page leaves that was not in the filter, one enters a full filter, the clock goes
// back. `known`: null, and slots are given out here; or they are taken for right. `continues`: the
// filter, known, is as the payload before left it, and is not told.
Result<std::string> encode_payload(const Chunk& chunk, std::uint32_t filter_pages,
                                   std::span<const std::uint32_t> image_numbers = {},
                                   const KnownSlots* known = nullptr, bool continues = false);

}  // namespace pw::record
