#include "record/overview.hpp"

#include "record/payload.hpp"

namespace pw::record {

Overview::Overview() {
  for (const std::uint32_t pages : kFilterPages) levels_.emplace_back().filter_pages = pages;
}

std::vector<Overview::Part> Overview::next(const Chunk& chunk,
                                           const std::vector<std::uint32_t>& images) {
  constexpr std::uint64_t kTrial = 1 << 20, kLeastGain = 2;
  const std::pair stream(chunk.info.pid, chunk.info.stream);
  std::vector<Part> parts;
  whole_events_ += chunk.events.size();
  std::uint64_t kept_events = whole_events_;  // of the highest level that is kept so far
  std::uint64_t left_out = 0;
  const Chunk* below = &chunk;
  for (Level& level : levels_) {
    Thinner& thinner = level.thinners.try_emplace(stream, level.filter_pages).first->second;
    left_out += thinner.thin(*below, level.thin);
    below = &level.thin;
    level.events += level.thin.events.size();
    const bool little = whole_events_ > kTrial && level.events * kLeastGain > kept_events;
    level.given_up = level.given_up || little;
    if (level.given_up) continue;
    auto payload = encode_payload(level.thin, level.filter_pages, images);
    if (!payload) {
      level.given_up = true;
      continue;
    }
    kept_events = level.events;
    parts.push_back({level.filter_pages, std::move(*payload), level.thin.events.size(), left_out});
  }
  while (!levels_.empty() && levels_.back().given_up) levels_.pop_back();
  return parts;
}

void Overview::skip(std::uint32_t pid, std::uint32_t stream) {
  for (Level& level : levels_) level.thinners.erase({pid, stream});
}

}  // namespace pw::record
