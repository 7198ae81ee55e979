#include "record/overview.hpp"

#include "record/payload.hpp"

namespace pw::record {

std::optional<Overview::Part> Overview::next(const Chunk& chunk,
                                             const std::vector<std::uint32_t>& images) {
  constexpr std::uint64_t kTrial = 1 << 20, kLeastGain = 2;
  if (given_up_) return std::nullopt;
  const std::pair stream(chunk.info.pid, chunk.info.stream);
  Thinner& thinner = thinners_.try_emplace(stream, kFilterPages).first->second;
  Part part;
  part.left_out = thinner.thin(chunk, thin_);
  part.events = thin_.events.size();
  whole_events_ += chunk.events.size();
  events_ += part.events;
  auto payload = encode_payload(thin_, kFilterPages, images);
  given_up_ = !payload || (whole_events_ > kTrial && events_ * kLeastGain > whole_events_);
  if (given_up_) {
    thinners_.clear();
    return std::nullopt;
  }
  part.payload = std::move(*payload);
  return part;
}

}  // namespace pw::record
