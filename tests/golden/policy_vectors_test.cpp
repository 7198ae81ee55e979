// Miss counts of the classic policies on the three traces of 20 million references, as
// tests/data/policy-misses.csv has them: found by programs that share no code with these.
#include <gtest/gtest.h>

#include "policy/clock.hpp"
#include "policy/fifo.hpp"
#include "policy/lfu.hpp"
#include "policy/lru.hpp"
#include "policy/opt.hpp"
#include "policy/second_chance.hpp"
#include "support/policy_vectors.hpp"

namespace pw::test {
namespace {

// A trace is made once for all policies.
void expect_classics(std::size_t column) {
  const auto [name, frames, hash] = kVectorColumns[column];
  const analysis::PageTrace trace = dense_vector_trace(kVectorColumns[column]);
  const auto known = [&](const char* policy, const char* variant) {
    return vector_row(policy, variant)[column];
  };
  EXPECT_EQ(misses_on<policy::Fifo>(trace, frames), known("FIFO", "any"));
  EXPECT_EQ(misses_on<policy::Lru>(trace, frames), known("LRU", "any"));
  EXPECT_EQ(misses_on<policy::Clock>(trace, frames, {0}), known("CLOCK", "one bit, 0 on insert"));
  EXPECT_EQ(misses_on<policy::Clock>(trace, frames),
            misses_on<policy::SecondChance>(trace, frames));
  EXPECT_EQ(misses_on<policy::Lfu>(trace, frames),
            known("LFU", "counts in cache only, ties evict the oldest of the bucket"));
  EXPECT_EQ(misses_on<policy::Opt>(trace, frames, {}, analysis::next_references(trace)),
            known("OPT", "demand, no bypass"));
}

TEST(PolicyVectors, ClassicsOnZipf) { expect_classics(0); }
TEST(PolicyVectors, ClassicsOnLoop) { expect_classics(1); }
TEST(PolicyVectors, ClassicsOnPhase) { expect_classics(2); }

}  // namespace
}  // namespace pw::test
