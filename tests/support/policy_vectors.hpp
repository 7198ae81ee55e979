// The table of known miss counts, tests/data/policy-misses.csv, and the traces and memory sizes
// that its columns stand for.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "analysis/play.hpp"
#include "support/vector_traces.hpp"

namespace pw::test {

struct VectorColumn {
  const char* trace;
  std::uint32_t frames;
  std::uint64_t hash;
};
inline constexpr std::array<VectorColumn, 3> kVectorColumns{
    {{"zipf", 100'000, kZipfHash}, {"loop", 20'000, kLoopHash}, {"phase", 100'000, kPhaseHash}}};

// Misses by column; none where the table has none.
using VectorRow = std::array<std::optional<std::uint64_t>, 3>;

// The row of a policy and a variant, of which fields in quotation marks may hold commas.
inline VectorRow vector_row(const std::string& policy, const std::string& variant) {
  std::ifstream table(PW_SOURCE_DIR "/tests/data/policy-misses.csv");
  const std::string quoted = policy + ",\"" + variant + "\",";
  const std::string plain = policy + "," + variant + ",";
  for (std::string line; std::getline(table, line);) {
    const std::string& start = line.starts_with(quoted) ? quoted : plain;
    if (!line.starts_with(start)) continue;
    line.erase(0, start.size());
    VectorRow row;
    for (auto& misses : row) {
      const std::string field = line.substr(0, line.find(','));
      if (!field.empty()) misses = std::stoull(field);
      line.erase(0, std::min(line.size(), field.size() + 1));
    }
    return row;
  }
  ADD_FAILURE() << "no row " << quoted;
  return {};
}

// A column's trace with ids in the order of first appearance; the whole one is checked to be the
// one meant.
inline analysis::PageTrace dense_vector_trace(const VectorColumn& column,
                                              std::size_t count = kVectorReferences) {
  constexpr analysis::PageId kNew = ~analysis::PageId{0};
  analysis::PageTrace dense;
  dense.pages = vector_trace(column.trace, count);
  if (count == kVectorReferences) {
    EXPECT_EQ(trace_hash(dense.pages), column.hash) << column.trace;
  }
  std::vector<analysis::PageId> id_of(1'000'000, kNew);
  for (analysis::PageId& page : dense.pages) {
    analysis::PageId& id = id_of[page];
    if (id == kNew) id = dense.ids++;
    page = id;
  }
  return dense;
}

// `next`: next_references(trace) for a policy that needs the future.
template <class P>
std::uint64_t misses_on(const analysis::PageTrace& trace, std::uint32_t frames,
                        const std::vector<double>& values = {},
                        const std::vector<std::uint32_t>& next = {}) {
  policy::Setup setup;
  setup.ids = trace.ids;
  setup.frames = frames;
  setup.values = values;
  P policy(setup);
  return analysis::play(trace, policy, frames, next.empty() ? nullptr : next.data()).misses;
}

}  // namespace pw::test
