// A hash map from 64-bit names, such as addresses and page ids of traces: tsl::robin_map with a
// hash that spreads regular names (std::hash leaves a number as it is, and multiples of a power of
// two would all fall into a few buckets). The hash is SplitMix64's last step (Steele, Lea, Flood,
// OOPSLA 2014).
#pragma once

#include <tsl/robin_map.h>

#include <cstdint>

namespace pw::analysis {

struct NameHash {
  std::size_t operator()(std::uint64_t name) const {
    name = (name ^ (name >> 30)) * 0xBF58476D1CE4E5B9ULL;
    name = (name ^ (name >> 27)) * 0x94D049BB133111EBULL;
    return name ^ (name >> 31);
  }
};

template <class Value>
using NameMap = tsl::robin_map<std::uint64_t, Value, NameHash>;

}  // namespace pw::analysis
