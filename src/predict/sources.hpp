// What a prediction replays: of a long recording only what matters for the limits asked.
//
// Times are compared with those of the run without a limit, so all runs are of the same source. The
// run without a limit comes first on a source of its own, since limits may be parts of its peak,
// which does not hang on the filter. Owned by who predicts; refers to the recording.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "record/format.hpp"
#include "record/recording.hpp"
#include "replay/replay.hpp"

namespace pw::predict {

// Pages that a limit must leave for each page of the filter: the pages in it count as referenced
// for as long as they are, and must not be most of what there is.
inline constexpr std::uint64_t kPerFilterPage = 16;

// A recording, thinned while it is read (record/shared_chunks.hpp). Lives as long as the Sources
// that it is from.
struct Source {
  const record::Recording* recording = nullptr;
  std::uint32_t filter_pages = 0;  // to which it is thinned; 0: it is taken as it is

  std::uint64_t events() const {  // before it is thinned
    std::uint64_t all = 0;
    for (const record::ChunkInfo& chunk : recording->chunks()) all += chunk.events;
    return all;
  }
  bool operator==(const Source&) const = default;
  std::uint32_t pages() const {
    return filter_pages != 0 ? filter_pages : recording->info().filter_pages;
  }
};

class Sources {
 public:
  static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
  static constexpr std::uint64_t kLong = 10'000'000;  // events: some seconds of replaying

  // Recordings of fewer events than `long_events` are replayed as they are.
  explicit Sources(const record::Recording& whole, std::uint64_t long_events = kLong)
      : whole_(&whole) {
    long_ = Source{whole_}.events() >= long_events;
  }
  // For a run without a limit, whatever limits the others have: the largest overview there is.
  Source unlimited() {
    constexpr std::uint32_t kCoarse = 512;
    const std::uint32_t known = whole_->overview_pages();
    if (!coarse_) coarse_ = source(known != 0 ? known : kCoarse);
    return *coarse_;
  }
  // For all runs. `least_bytes`: the smallest limit, or kNoLimit.
  // `sampled`: few of the events are played, so leaving out more of them would cost more than that.
  Source down_to(std::uint64_t least_bytes, bool sampled = false) {
    if (least_bytes == kNoLimit) return unlimited();
    const auto filter = static_cast<std::uint32_t>(std::min<std::uint64_t>(
        (least_bytes >> kPageShift) / kPerFilterPage, record::kMaxFilterPages));
    std::uint32_t known = whole_->overview_pages(filter);
    if (coarse_ && coarse_->pages() <= filter) known = std::max(known, coarse_->pages());
    const bool enough = filter < least_for(known) || (sampled && known != 0);
    const std::uint32_t pages = enough ? known : filter;
    return coarse_ && coarse_->pages() == pages ? *coarse_ : source(pages);
  }

 private:
  // A filter of fewer pages would not leave out much of what one of `pages` does.
  static std::uint32_t least_for(std::uint32_t pages) { return pages * 3 / 2; }

  // The recording itself where that filter would not leave out much. Of the file's overviews the
  // largest one that will do is thinned. What is played in turns is thinned before it is played.
  Source source(std::uint32_t filter) {
    const Source as_it_is{whole_};
    if (!long_ || filter < least_for(as_it_is.pages()) || !whole_->can_be_thinned(filter)) {
      return as_it_is;
    }
    const record::Recording* from = whole_;
    for (const record::Recording& one : held_) {
      const std::uint32_t pages = one.info().filter_pages;
      if (pages <= filter && pages > from->info().filter_pages) from = &one;
    }
    const std::uint32_t known = whole_->overview_pages(filter);
    const std::uint32_t held = replay::goes_in_turns(*whole_) ? filter : known;
    if (held > from->info().filter_pages) {
      auto thin = from->thinned(held);
      if (!thin) return as_it_is;
      from = &held_.emplace_back(std::move(*thin));
    }
    return {from, from->info().filter_pages == filter ? 0 : filter};
  }

  const record::Recording* whole_;
  bool long_ = false;
  std::optional<Source> coarse_;
  std::deque<record::Recording> held_;  // overviews of the file, or in memory
};

}  // namespace pw::predict
