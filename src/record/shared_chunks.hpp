// The chunks of a recording for readers that want them at about the same time: each is decoded once
// for all of them; if so wished, it is thinned as well (thinner.hpp), which takes no encoding then.
//
// Safe to use from several threads. Owned by who starts the readers; refers to the recording. A
// chunk lives until its last reader lets go of it. What the filter held as it began is left out: it
// would be most of a chunk of few events.
//
// Invariant: a chunk that has been begun is decoded by a thread that waits for nothing but the
// readers, and for these only while they have others to play.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "record/recording.hpp"
#include "record/thinner.hpp"

namespace pw::record {

class SharedChunks {
 public:
  // How they will be asked for.
  struct Use {
    std::size_t readers = 1;  // each asks for each chunk once at most
    // All ask from the first chunk to the last: a thread decodes the next ones before they are
    // asked for. What not all have asked for is kept, so none may be far behind.
    bool in_order = true;
    // Else who asks first decodes, and of what not all ask for soon enough no more than so many
    // events are kept.
    std::uint64_t most_events = 4'000'000;
    // To thin to, which must be possible (Recording::can_be_thinned); 0: chunks as they are. In
    // order only.
    std::uint32_t filter_pages = 0;
  };
  using Shared = std::shared_ptr<const Chunk>;

  SharedChunks(const Recording& recording, const Use& use);
  SharedChunks(const SharedChunks&) = delete;
  SharedChunks& operator=(const SharedChunks&) = delete;
  ~SharedChunks();

  // Errors: those of Recording::decode.
  Result<Shared> get(std::size_t index);

 private:
  struct Entry {
    std::optional<Result<Shared>> chunk;  // none: it is being decoded
    std::size_t readers = 0;              // that have not asked for it
    std::uint64_t begun = 0;              // how many were before it
  };
  // Those that nobody has any more: what they have of memory is used again.
  struct Pool {
    std::mutex mutex;
    std::vector<std::unique_ptr<Chunk>> spare;
  };
  void decode_ahead();
  std::shared_ptr<Chunk> spare();
  Result<Shared> decode(std::size_t index);
  Result<Shared> thin(std::size_t index);
  void make_room();
  void begin(std::size_t index, std::unique_lock<std::mutex>& lock);

  const Recording& recording_;
  const Use use_;
  std::shared_ptr<Pool> pool_ = std::make_shared<Pool>();
  std::mutex mutex_;  // of what follows, up to the thread
  std::condition_variable changed_;
  std::map<std::size_t, Entry> entries_;
  std::uint64_t begun_ = 0;
  std::uint64_t ahead_ = 0;  // weight of what nobody has asked for
  bool stopped_ = false;
  std::optional<Error> error_;  // of the thread that decodes ahead, which has ended with it
  // Of the thread that decodes ahead:
  Chunk whole_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Thinner> thinners_;  // by pid and stream
  std::thread decoder_;
};

}  // namespace pw::record
