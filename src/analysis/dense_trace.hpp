// What the curves work on: a recording's references as operations on dense 32-bit page ids.
//
// A recording holds what passed an LRU filter of K pages (detail Switches: one data page and the
// code page; detail Full is filtered here with K = 1). A page is *in use* from the reference that
// fetched it until its last reference before it left the filter; what happens in between is hidden
// and needs no words, because a memory of K pages or more never loses a page there (the gap between
// two hidden references holds fewer than K other pages). So a trace is a sequence, in the order of
// the references, of
//   Use  id   the page is referenced after a time out of use (or for the first time)
//   Rest id   that was its last reference before the next Use, if there is one
//   Drop id   its memory was given back (munmap, MADV_DONTNEED, exec, exit): the id is gone
//
// One memory for all processes; ids are pages of one process (a forked child has pages of its own;
// a page mapped again after a Drop gets a new id). Streams take turns in the order of
// Recording::chunks(). When a stream's turn comes again, pages still in its filter count as used at
// its start unless the filter shows that the turn left them alone. Their order is assumed; they are
// counted as `inferred`, and a trace without any is exact for every memory of more than
// filter_pages. A page dropped while in the filter keeps its id.
//
// Owned by whoever computes curves. Four bytes an operation.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "record/recording.hpp"

namespace pw::analysis {

using PageId = std::uint32_t;

enum class OpKind : std::uint8_t { Use = 0, Rest = 1, Drop = 2 };

class Op {
 public:
  static constexpr PageId kMaxId = (PageId{1} << 30) - 1;

  constexpr Op(OpKind kind, PageId id) : word_(static_cast<std::uint32_t>(kind) << 30 | id) {}
  constexpr OpKind kind() const { return static_cast<OpKind>(word_ >> 30); }
  constexpr PageId id() const { return word_ & kMaxId; }
  friend constexpr bool operator==(Op, Op) = default;

 private:
  std::uint32_t word_;
};

struct DenseTrace {
  std::vector<Op> ops;
  std::uint32_t ids = 0;           // ids in use are 0 .. ids-1
  std::uint32_t filter_pages = 1;  // K: curves are known for memories of K pages and more
  std::uint64_t references = 0;    // those the operations stand for
  std::uint64_t inferred = 0;  // pages whose order was assumed where streams took turns; 0: exact
  // By operation, if asked for: the number of the reference, counted through all streams from 1, at
  // which it stands; never falls. A Drop is at the reference before it.
  std::vector<std::uint64_t> times;
};

// Hears, as a trace is built, what tells where its pages lie.
class PageWatcher {
 public:
  virtual ~PageWatcher() = default;
  // Chunk `index` of the recording follows.
  virtual void begin_chunk(std::size_t index, const record::Chunk& chunk) = 0;
  // A Syscall, Fork, Exec or Exit, before what it means for the trace; the Stack of a first touch,
  // after the Fetch it belongs to.
  virtual void event(const record::Chunk& chunk, std::size_t at) = 0;
  // Page number `page` of the process is `id` from here on.
  virtual void new_page(PageId id, std::uint32_t pid, std::uint64_t page) = 0;
};

struct TraceDetails {
  bool times = false;              // fill in DenseTrace::times
  PageWatcher* watcher = nullptr;  // must live until the trace is built
};

// Builds a trace from chunks in replay order.
class DenseTraceBuilder {
 public:
  DenseTraceBuilder(record::Detail detail, std::uint32_t filter_pages,
                    const TraceDetails& details = {});
  ~DenseTraceBuilder();

  // So many operations are likely.
  void reserve(std::size_t operations);
  // Error: Overflow beyond 2^30 pages or about 2^32 operations.
  Result<void> add(const record::Chunk& chunk);
  DenseTrace finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Errors: those of Recording::decode, Overflow. `progress` gets the part done, 0..1; may be empty.
Result<DenseTrace> dense_trace(const record::Recording& recording,
                               const std::function<void(double)>& progress = {},
                               const TraceDetails& details = {});

}  // namespace pw::analysis
