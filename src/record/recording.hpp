// A recording opened for reading: header, list of chunks in replay order, decoding of one chunk at
// a time.
//
// Opening never fails on damage that leaves chunks readable: what is broken is left out and listed
// in losses(). Memory is bounded by the file's size and kMaxChunkBytes whatever the bytes say.
// Chunks decode independently, from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "record/event.hpp"

namespace pw::record {

enum class Recorder : std::uint8_t { Valgrind = 1, Qemu = 2, Imported = 3 };
enum class Detail : std::uint8_t { Pages = 1, Switches = 2, Full = 3 };

// What pages that may be swapped hold: samples, taken while the program ran.
struct Contents {
  std::uint64_t pages = 0;   // with something in them, of all samples; 0: not known
  std::uint64_t effort = 0;  // of compressing them, all together (recorder/common/effort.h)
  std::uint64_t copied = 0;  // bytes of them that decompressing copies one by one

  double effort_each() const { return of_a_page(effort); }
  double copied_each() const { return of_a_page(copied); }
  double of_a_page(std::uint64_t sum) const {
    return pages > 0 ? static_cast<double>(sum) / static_cast<double>(pages) : 0;
  }
};

struct RecordingInfo {
  std::uint32_t version = 4;  // 1: no files, 2: no waits, 3: no wakes
  Recorder recorder = Recorder::Valgrind;
  Detail detail = Detail::Pages;
  std::uint32_t filter_pages = 64;  // K: exact for every LRU size >= K (Pages); 1 (Switches); 0
                                    // (Full)
  unsigned page_shift = kPageShift;
  std::vector<std::string> command;
  std::uint64_t environment_hash = 0;
  std::uint64_t wall_start_ns = 0;  // CLOCK_REALTIME
  std::int32_t exit_status = -1;    // of the first process; -1: not known (killed while recording)
  bool redacted = false;
  Contents contents;
};

struct ChunkInfo {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;        // thread running when the chunk begins
  std::uint32_t stream = 0;     // streams of a pid have clocks and filters of their own
  std::uint64_t clock = 0;      // before its first event
  std::uint64_t end_clock = 0;  // after its last event
  std::uint64_t events = 0;
  std::uint64_t begin_ns = 0;  // CLOCK_MONOTONIC
  std::uint64_t left_out = 0;  // fetches, of a thinned recording
  // What came before this chunk in its process is lost (or, for a forked child, its parent's fork):
  // go on from Recording::maps_before() and Chunk::filter.
  bool gap = false;
};

struct ProcessInfo {
  std::uint32_t pid = 0;
  std::uint32_t parent = 0;  // 0: the first process
  std::uint64_t start_ns = 0;
  std::uint64_t references = 0;
  std::vector<std::string> command;  // of its last image
};

// Who ended a wait: when the waiter went on, and with which of its Wake events, or its end, the
// other one had let it.
struct WaitEnd {
  std::uint32_t pid = 0;
  std::uint64_t end_ns = 0;
  std::uint32_t waker = 0;  // pid
  std::uint64_t wake_ns = 0;
  friend bool operator==(const WaitEnd&, const WaitEnd&) = default;
};

// What the filter knew of a page when the chunk began.
struct FilterState {
  std::uint64_t last_reference = 0;  // clock
  bool written = false;              // its FirstWrite has been
};

struct Chunk {
  ChunkInfo info;
  bool wants_filter = true;  // set before decode(): else that of an overview's may be left out
  std::vector<std::uint64_t> filter;       // pages in the filter at the start
  std::vector<FilterState> filter_states;  // of the same pages
  std::vector<Event> events;
  std::vector<SyscallRecord> syscalls;  // Event::index of Syscall events
  std::vector<Image> images;            // Event::index of Exec events
  std::string packed, unpacked;         // decode()'s working memory
};

// The call stack that the recorder noted behind event `at` for that cause; null if none.
inline const Event* stack_behind(const Chunk& chunk, std::size_t at, StackCause cause) {
  if (at + 1 >= chunk.events.size()) return nullptr;
  const Event& next = chunk.events[at + 1];
  return next.kind == EventKind::Stack && next.cause == cause ? &next : nullptr;
}

// One address of a call stack, resolved when the recording was saved.
struct Symbol {
  std::string function;  // empty: not known
  std::string file;      // source file or module
  std::uint32_t line = 0;
};

struct Loss {
  std::uint64_t offset = 0;  // bytes from the start of the file
  std::string what;
};

struct RecordingData;
struct ThinnedChunks;

class Recording {
 public:
  // All: every byte is read and checked, losses() is complete and decode() fails only if the file
  // changes. Index: the index at the end is trusted, so that opening takes no time whatever the
  // size; damage of a chunk shows when it is decoded.
  enum class Verify : std::uint8_t { All, Index };

  // Errors: NoEntry, Access, Invalid (not a recording, nothing readable in it), Io.
  static Result<Recording> open(const std::string& path, Verify verify = Verify::All);
  // The same on bytes in memory (tests, fuzzing); `bytes` must outlive the recording.
  static Result<Recording> from_bytes(std::string_view bytes);

  Recording(Recording&&) noexcept;
  Recording& operator=(Recording&&) noexcept;
  ~Recording();

  const RecordingInfo& info() const;
  const std::vector<ProcessInfo>& processes() const;  // in order of their start
  const std::vector<ChunkInfo>& chunks() const;  // in replay order: by begin_ns, a child after its
                                                 // fork
  const std::vector<Loss>& losses() const;
  std::uint64_t references() const;  // all processes

  // Decodes chunk `index` into `out`, reusing its memory. Error: Io with the byte offset in the
  // message.
  Result<void> decode(std::size_t index, Chunk& out) const;

  // The same as if the recorder's filter had held `filter_pages` pages: for replays on machines
  // with much more memory than that, in much less time. Exact, but that call stacks of references
  // are left out, and that fetches of pages that the larger filter holds are only counted. Takes no
  // time where the file has an overview (overview.hpp) of that size, and less where it has a
  // smaller one; else keeps a few bytes for each event in memory. Errors: Invalid (not by Valgrind,
  // not of detail pages, no more pages than its filter has, or more than kMaxFilterPages), Io.
  Result<Recording> thinned(std::uint32_t filter_pages) const;

  // Whether chunks can be thinned (thinner.hpp) to that filter. Error: Invalid, as of thinned().
  Result<void> can_be_thinned(std::uint32_t filter_pages) const;

  // The filter's size in the largest overview that the file has, of those with at most `most`
  // pages; 0: it has none.
  std::uint32_t overview_pages(std::uint32_t most = ~std::uint32_t{0}) const;

  // Who ended waits, by pid and time; null: the recorder did not look (before version 4, QEMU), or
  // there were too many.
  const std::vector<WaitEnd>* wait_ends() const;

  // The areas of the process as chunk `index` begins; empty if their snapshot is lost.
  std::vector<MappedArea> maps_before(std::size_t index) const;

  // A file that Transfer events and system calls name; null if it is lost.
  const FileInfo* file(std::uint32_t number) const;
  std::uint32_t file_count() const;  // one more than the highest number

  // Call stacks: addresses of stack `index`, innermost first, and what is known of an address.
  std::vector<Symbol> stack(std::uint32_t index) const;
  std::uint32_t stack_count() const;  // one more than the highest number

 private:
  Recording(std::shared_ptr<const RecordingData> data,
            std::shared_ptr<const ThinnedChunks> thinned = {});
  Result<void> decode_events(std::size_t index, Chunk& out) const;
  Recording overview(std::uint32_t filter_pages) const;  // that the file has

  std::shared_ptr<const RecordingData> data_;
  std::shared_ptr<const ThinnedChunks> thinned_;  // null: as the file has it
};

}  // namespace pw::record
