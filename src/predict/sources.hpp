// What a prediction replays: of a long recording only what matters for the limits asked.
//
// Times are compared with those of the run without a limit, so all runs are of the same source. The
// run without a limit comes first on a source of its own, since limits may be parts of its peak,
// which does not hang on the filter. Owned by who predicts; refers to the recording.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "record/format.hpp"
#include "record/recording.hpp"

namespace pw::predict {

// Pages that a limit must leave for each page of the filter: the pages in it count as referenced
// for as long as they are, and must not be most of what there is.
inline constexpr std::uint64_t kPerFilterPage = 16;

class Sources {
 public:
  static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
  static constexpr std::uint64_t kLong = 10'000'000;  // events: some seconds of replaying

  // Recordings of fewer events than `long_events` are replayed as they are.
  explicit Sources(const record::Recording& whole, std::uint64_t long_events = kLong)
      : whole_(&whole), coarse_pages_(whole.overview_pages()) {
    constexpr std::uint32_t kCoarse = 512;
    if (coarse_pages_ == 0) coarse_pages_ = kCoarse;
    std::uint64_t events = 0;
    for (const record::ChunkInfo& chunk : whole.chunks()) events += chunk.events;
    long_ = events >= long_events;
  }
  // For a run without a limit, whatever limits the others have: the largest overview there is.
  const record::Recording& unlimited() { return thinned(coarse_, *whole_, coarse_pages_); }
  // For all runs. `least_bytes`: the smallest limit, or kNoLimit.
  const record::Recording& down_to(std::uint64_t least_bytes) {
    if (least_bytes == kNoLimit) return unlimited();
    const auto filter = static_cast<std::uint32_t>(std::min<std::uint64_t>(
        (least_bytes >> kPageShift) / kPerFilterPage, record::kMaxFilterPages));
    const std::uint32_t known = whole_->overview_pages(filter);
    if (coarse_ && filter >= coarse_->info().filter_pages) return thinned(fine_, *coarse_, filter);
    return thinned(fine_, *whole_, filter < least_for(known) ? known : filter);
  }

 private:
  // A filter of fewer pages would not leave out much of what one of `pages` does.
  static std::uint32_t least_for(std::uint32_t pages) { return pages * 3 / 2; }
  // `from` itself where a filter of so many pages would not leave out much.
  const record::Recording& thinned(std::optional<record::Recording>& made,
                                   const record::Recording& from, std::uint32_t filter) const {
    if (made) return *made;
    if (!long_ || filter < least_for(from.info().filter_pages)) return from;
    auto thin = from.thinned(filter);
    return thin ? made.emplace(std::move(*thin)) : from;
  }

  const record::Recording* whole_;
  std::uint32_t coarse_pages_;
  bool long_ = false;
  std::optional<record::Recording> coarse_, fine_;
};

}  // namespace pw::predict
