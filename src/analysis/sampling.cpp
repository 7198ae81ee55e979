#include "analysis/sampling.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/name_map.hpp"
#include "base/check.hpp"

namespace pw::analysis {
namespace {

constexpr std::uint32_t kNotTaken = 0xFFFF'FFFFU;

std::uint64_t hash_of(PageId id, std::uint64_t seed) {
  const NameHash mixed;  // every bit depends on every other
  return mixed((id + std::uint64_t{1}) * 0x9E3779B97F4A7C15U + mixed(seed));
}

}  // namespace

Sample::Sample(std::uint32_t ids, const SampleSize& size) : part_(ids, kOut) {
  PW_CHECK((size.rate > 0) != (size.pages > 0) && size.rate <= 1);
  // 32 bits choose the page, two others its part.
  std::vector<std::uint32_t> chance(ids);
  for (PageId id = 0; id < ids; ++id) {
    chance[id] = static_cast<std::uint32_t>(hash_of(id, size.seed) >> 32);
  }
  std::uint64_t threshold = static_cast<std::uint64_t>(std::llround(size.rate * 0x1p32));
  if (size.pages > 0) {
    std::vector<std::uint32_t> order = chance;
    const std::uint32_t wanted = std::min(size.pages, ids);
    threshold = std::uint64_t{1} << 32;
    if (wanted < ids) {
      std::nth_element(order.begin(), order.begin() + wanted, order.end());
      threshold = order[wanted];
    }
  }
  rate_ = static_cast<double>(std::max<std::uint64_t>(threshold, 1)) * 0x1p-32;
  for (PageId id = 0; id < ids; ++id) {
    if (chance[id] >= threshold) continue;
    part_[id] = static_cast<std::uint8_t>(hash_of(id, size.seed) % kParts);
    ++pages_;
  }
}

std::vector<std::uint32_t> Sample::new_ids(const Parts& parts, std::uint8_t wanted,
                                           std::uint32_t& count) {
  std::vector<std::uint32_t> ids(parts.size(), kNotTaken);
  count = 0;
  for (std::size_t id = 0; id < ids.size(); ++id) {
    if (wanted == kAll ? parts[id] != kOut : parts[id] == wanted) ids[id] = count++;
  }
  return ids;
}

PageTrace Sample::taken(const PageTrace& trace, const Parts& parts, std::uint8_t wanted) {
  PageTrace sample;
  const std::vector<std::uint32_t> ids = new_ids(parts, wanted, sample.ids);
  for (const PageId id : trace.pages) {
    if (ids[id] != kNotTaken) [[unlikely]]
      sample.pages.push_back(ids[id]);
  }
  return sample;
}

DenseTrace Sample::taken(const DenseTrace& trace, const Parts& parts, std::uint8_t wanted) {
  DenseTrace sample;
  const std::vector<std::uint32_t> ids = new_ids(parts, wanted, sample.ids);
  std::uint32_t in_use = 0;
  sample.filter_pages = 0;
  for (const Op op : trace.ops) {
    if (ids[op.id()] == kNotTaken) continue;
    sample.ops.emplace_back(op.kind(), ids[op.id()]);
    if (op.kind() == OpKind::Use) sample.filter_pages = std::max(sample.filter_pages, ++in_use);
    if (op.kind() == OpKind::Rest) --in_use;
  }
  sample.references = sample.ops.size();
  sample.inferred = trace.inferred;
  return sample;
}

Estimate estimate_of(double rate, std::uint64_t misses, const std::vector<std::uint64_t>& parts) {
  Estimate estimate;
  estimate.value = static_cast<double>(misses) / rate;
  const auto count = static_cast<double>(parts.size());
  double mean = 0;
  for (const std::uint64_t part : parts) mean += static_cast<double>(part) * count / rate / count;
  double squares = 0;
  for (const std::uint64_t part : parts) {
    const double off = static_cast<double>(part) * count / rate - mean;
    squares += off * off;
  }
  if (count > 1) estimate.error = std::sqrt(squares / (count - 1) / count);
  return estimate;
}

}  // namespace pw::analysis
