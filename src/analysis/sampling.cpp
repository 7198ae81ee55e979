#include "analysis/sampling.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"

namespace pw::analysis {
namespace {

constexpr std::uint32_t kNotTaken = 0xFFFF'FFFFU;

}  // namespace

Sample::Sample(std::uint32_t ids, const SampleSize& size, std::span<const std::uint64_t> names)
    : part_(ids, kOut) {
  PW_CHECK(names.empty() || names.size() == ids);
  const auto name = [names](PageId id) { return names.empty() ? id : names[id]; };
  SampleChoice choice(size);
  for (PageId id = 0; choice.limited() && id < ids; ++id) {
    if (choice.takes(name(id))) choice.add(name(id));
  }
  rate_ = choice.rate();
  for (PageId id = 0; id < ids; ++id) {
    if (!choice.takes(name(id))) continue;
    part_[id] = choice.part(name(id));
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
