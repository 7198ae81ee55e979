// The chunks of one process as a recorder with a larger filter would have made them.
//
// What leaves an LRU filter of K pages says when it was referenced last, so the filter's stream has
// all that is needed to play a larger one on it, exactly: pages of the smaller filter ("near") were
// referenced after all others, and pages leave it in the order of their last references (inclusion:
// Mattson, Gecsei, Slutz, Traiger 1970). A fetch of a page that the larger filter holds is left out
// and counted.
//
// Owned by who thins a recording. Chunks of one stream, in their order, of detail pages.
#pragma once

#include <cstdint>
#include <vector>

#include "record/page_slots.hpp"
#include "record/page_stay.hpp"
#include "record/payload.hpp"
#include "record/recording.hpp"

namespace pw::record {

class Thinner {
 public:
  explicit Thinner(std::uint32_t filter_pages) : slots_(filter_pages), entries_(filter_pages) {}

  // `in` as Recording::decode() gives it. So is `out`, with the same calls and images; call stacks
  // of references are left out. Returns how many fetches were.
  std::uint64_t thin(const Chunk& in, Chunk& out);
  // Of the chunk thinned last: where its pages are in the larger filter, and whether that began as
  // the chunk before had left it.
  const KnownSlots& slots() const { return told_; }
  bool continued() const { return continued_; }
  // What came in was thinned by `below` before; from now on it comes as `below` got it.
  void take_over(const Thinner& below);

 private:
  static constexpr std::uint32_t kNone = PageSlots::kNone;
  struct Entry {
    std::uint64_t page = 0, last_reference = 0;
    bool used = false, written = false, near = false;
    std::uint32_t before = kNone, after = kNone;  // far pages, in the order of last references
    PageStay stay;                                // in the chunk that is made
  };

  void begin(const Chunk& in, Chunk& out);
  void event(const Chunk& in, const Event& event, Chunk& out);
  Event& put(const Event& event, std::uint32_t slot, Chunk& out);
  void fetch(const Event& event, Chunk& out);
  void first_write(std::uint32_t slot, const Event& event, Chunk& out);
  void forget_range_of(const SyscallRecord& call, std::uint64_t clock, Chunk& out);
  void forget_far(std::uint64_t begin_page, std::uint64_t end_page, std::uint64_t clock,
                  Chunk& out);
  void gone(std::uint32_t slot, std::uint64_t clock, Chunk& out);
  std::uint32_t enter(std::uint64_t page);
  void leave_near(std::uint64_t page, std::uint64_t last_reference);
  void link_far(std::uint32_t slot);
  void unlink_far(std::uint32_t slot);

  PageSlots slots_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
  std::uint32_t used_ = 0;  // entries that were ever in use
  std::uint32_t first_far_ = kNone, last_far_ = kNone;
  std::uint64_t heap_end_ = 0;
  std::uint64_t left_out_ = 0;
  KnownSlots told_;
  bool continued_ = false;
};

}  // namespace pw::record
