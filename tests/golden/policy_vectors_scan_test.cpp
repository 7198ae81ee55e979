// The scan-resistant policies over the three traces of 20 million references: miss counts equal
// those of libCacheSim and of the algorithms' authors, which tests/data/policy-misses.csv holds.
#include <gtest/gtest.h>

#include <algorithm>

#include "policy/arc.hpp"
#include "policy/clock_pro.hpp"
#include "policy/lirs.hpp"
#include "policy/s3_fifo.hpp"
#include "policy/sieve.hpp"
#include "policy/slru.hpp"
#include "policy/two_q.hpp"
#include "support/policy_vectors.hpp"

namespace pw::test {
namespace {

// A trace is made once for all policies.
void expect_scan_resistant(std::size_t column) {
  const std::uint32_t frames = kVectorColumns[column].frames;
  analysis::PageTrace trace = dense_vector_trace(kVectorColumns[column]);
  int compared = 0;
  const auto expect = [&]<class P>(const char* policy, const char* variant,
                                   const std::vector<double>& values = {}) {
    const auto known = vector_row(policy, variant)[column];
    if (!known) return;  // the table does not know this one
    ++compared;
    EXPECT_EQ(misses_on<P>(trace, frames, values), *known) << policy << ", " << variant;
  };
  expect.operator()<policy::TwoQ>("2Q", "Kin .25, Kout .5");
  expect.operator()<policy::Slru>("SLRU", "libCacheSim variant");
  expect.operator()<policy::Arc>("ARC", "");
  expect.operator()<policy::Sieve>("SIEVE", "");
  expect.operator()<policy::S3Fifo>("S3-FIFO", "10 % small, 90 % ghost, threshold 2");
  expect.operator()<policy::Lirs>("LIRS", "authors' program, HIR 1 %");
  // The authors' program for CLOCK-Pro reads over a reference to the page referenced just before.
  // Such a reference never misses, so that leaving it out beforehand changes no count.
  trace.pages.erase(std::unique(trace.pages.begin(), trace.pages.end()), trace.pages.end());
  expect.operator()<policy::ClockPro>("CLOCK-Pro", "authors' program, fixed 5 % cold",
                                      {0, 0.05, 0.05, 0});
  expect.operator()<policy::ClockPro>("CLOCK-Pro", "authors' program, adaptive 1-99 % cold");
  EXPECT_GE(compared, 5);
}

TEST(PolicyVectorsScan, OnZipf) { expect_scan_resistant(0); }
TEST(PolicyVectorsScan, OnLoop) { expect_scan_resistant(1); }
TEST(PolicyVectorsScan, OnPhase) { expect_scan_resistant(2); }

}  // namespace
}  // namespace pw::test
