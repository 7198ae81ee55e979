#include <algorithm>
#include <cmath>

#include "analysis/heat_map.hpp"
#include "analysis/sampling.hpp"
#include "report/page_parts.hpp"

namespace pw::report {
namespace {

using analysis::DenseTrace;
using analysis::Op;
using analysis::OpKind;
using analysis::PageId;
using analysis::Sample;

constexpr std::uint8_t kNextBin = 3;  // beside the kinds of operations

std::size_t operations_in(const Sample& sample, const DenseTrace& trace) {
  return static_cast<std::size_t>(std::count_if(trace.ops.begin(), trace.ops.end(), [&](Op op) {
    return sample.part(op.id()) != Sample::kOut;
  }));
}

// Pages differ in how often they are used: the share is brought down until the sample fits.
Sample sample_within(const DenseTrace& trace, std::size_t budget) {
  double rate = std::min(1.0, static_cast<double>(budget) /
                                  static_cast<double>(std::max<std::size_t>(trace.ops.size(), 1)));
  for (int attempt = 0; attempt < 12 && rate < 1; ++attempt) {
    Sample sample(trace, {rate, 0, 1});
    const std::size_t operations = operations_in(sample, trace);
    if (4 * operations <= 5 * budget) return sample;
    rate *= std::min(0.9, static_cast<double>(budget) / static_cast<double>(operations));
    rate = std::max(rate, 0x1p-31);
  }
  return Sample(trace, {rate, 0, 1});
}

void put_varint(std::vector<std::uint8_t>& bytes, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<std::uint8_t>(value | 0x80));
  bytes.push_back(static_cast<std::uint8_t>(value));
}

}  // namespace

void add_sample(PagePack& pack, const std::string& name, const DenseTrace& trace,
                const SampleNeeds& needs) {
  const Sample sample = sample_within(trace, needs.budget);
  std::vector<PageId> new_id(trace.ids);
  std::vector<std::uint8_t> parts;
  std::vector<std::uint8_t> areas;
  std::vector<std::uint32_t> stacks;
  for (PageId id = 0; id < trace.ids; ++id) {
    if (sample.part(id) == Sample::kOut) continue;
    new_id[id] = static_cast<PageId>(parts.size());
    parts.push_back(sample.part(id));
    areas.push_back(static_cast<std::uint8_t>((*needs.area)[id]));
    if (needs.stack != nullptr) stacks.push_back((*needs.stack)[id]);
  }
  std::vector<std::uint8_t> bytes;
  analysis::BinWalk walk(trace.references, needs.bins);
  std::size_t bin = 0;
  std::size_t operations = 0;
  for (std::size_t i = 0; i < trace.ops.size(); ++i) {
    const Op op = trace.ops[i];
    if (sample.part(op.id()) == Sample::kOut) continue;
    const std::size_t at = walk.at(trace.times[i]);
    if (at > bin) put_varint(bytes, (at - bin) << 2 | kNextBin);
    bin = at;
    put_varint(bytes, std::uint64_t{new_id[op.id()]} << 2 | static_cast<std::uint64_t>(op.kind()));
    ++operations;
  }
  pack.meta["samples"][name] = {{"rate", sample.rate()},
                                {"pages", sample.pages()},
                                {"all_pages", trace.ids},
                                {"operations", operations},
                                {"all_operations", trace.ops.size()},
                                {"filter_pages", trace.filter_pages}};
  pack.add(name + ".ops", bytes);
  pack.add(name + ".parts", parts);
  pack.add(name + ".areas", areas);
  if (needs.stack != nullptr) pack.add(name + ".stacks", stacks);
}

}  // namespace pw::report
