// A hash map from 64-bit names, such as addresses and page ids of traces: tsl::robin_map with a
// hash that spreads regular names (std::hash leaves a number as it is, and multiples of a power of
// two would all fall into a few buckets).
#pragma once

#include <tsl/robin_map.h>

#include <cstdint>

#include "base/random.hpp"

namespace pw::analysis {

struct NameHash {
  std::size_t operator()(std::uint64_t name) const { return mix64(name); }
};

template <class Value>
using NameMap = tsl::robin_map<std::uint64_t, Value, NameHash>;

}  // namespace pw::analysis
