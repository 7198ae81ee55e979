#include "record/overview.hpp"

#include "record/payload.hpp"

namespace pw::record {

namespace {

// Who wants one chunk in the middle has to begin with one that tells its filter.
constexpr std::uint32_t kChunksToAFilter = 64;

constexpr std::uint32_t kCommonPages = 256;
// Events by which a level is judged, and those of the level below it.
constexpr std::uint64_t kTrial = 1 << 20, kTrialBelow = kTrial / 4;

}  // namespace

Overview::Overview() {
  for (const std::uint32_t pages : kFilterPages) levels_.emplace_back().filter_pages = pages;
}

std::vector<Overview::Part> Overview::next(const Chunk& chunk,
                                           const std::vector<std::uint32_t>& images) {
  const std::pair key(chunk.info.pid, chunk.info.stream);
  std::vector<Part> parts;
  whole_events_ += chunk.events.size();
  std::uint64_t entries_below = 0;
  std::uint64_t left_out = 0;
  const Chunk* below = &chunk;
  for (Level& level : levels_) {
    Stream& stream = level.streams.try_emplace(key, level.filter_pages).first->second;
    left_out += stream.thinner.thin(*below, level.thin);
    below = &level.thin;
    std::optional<Part> made = part(level, stream, entries_below, images);
    if (!made) continue;
    entries_below = level.entries;
    made->left_out = left_out;
    parts.push_back(std::move(*made));
  }
  drop_given_up();
  return parts;
}

// Whether the level is too much beside the chunks, or beside the next smaller one that is kept
// (`entries_below`; 0: there is none).
bool Overview::worth_little(const Level& level, std::uint64_t entries_below) const {
  if (whole_events_ <= kTrial) return false;
  // The largest is for runs without a limit, another one for most runs: three fifths of the events
  // are worth their while. (A program that fills a large table has more than half in the beginning,
  // and a twentieth when it uses it.)
  const bool largest = level.filter_pages == kFilterPages.back();
  const bool common = largest || level.filter_pages == kCommonPages;
  if (common ? level.entries * 5 > whole_events_ * 3 : level.entries * 3 > whole_events_)
    return true;
  if (largest || entries_below <= kTrialBelow) return false;
  return level.entries * (level.tried ? 2 : 3) > entries_below;  // most of it is there already
}

// Nothing, if the level is given up.
std::optional<Overview::Part> Overview::part(Level& level, Stream& stream,
                                             std::uint64_t entries_below,
                                             const std::vector<std::uint32_t>& images) {
  const bool continues = stream.chunks++ % kChunksToAFilter != 0 && stream.thinner.continued();
  level.entries += level.thin.events.size() + (continues ? 0 : level.thin.filter.size());
  auto payload = encode_payload(level.thin, level.filter_pages, images, &stream.thinner.slots(),
                                continues);
  level.given_up = !payload || worth_little(level, entries_below);
  if (level.given_up) return std::nullopt;
  level.tried = whole_events_ > kTrial && entries_below > kTrialBelow;
  return Part{level.filter_pages, std::move(*payload), level.thin.events.size(), 0, continues};
}

// The next level is thinned from the one before.
void Overview::drop_given_up() {
  for (std::size_t i = levels_.size(); i-- > 0;) {
    if (!levels_[i].given_up) continue;
    if (i + 1 < levels_.size()) {
      for (auto& [key, stream] : levels_[i + 1].streams) {
        stream.thinner.take_over(levels_[i].streams.at(key).thinner);
      }
    }
    levels_.erase(levels_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void Overview::skip(std::uint32_t pid, std::uint32_t stream) {
  for (Level& level : levels_) level.streams.erase({pid, stream});
}

}  // namespace pw::record
