// Row WS4: 200 ns memory, 8 ms page-fault service (Silberschatz, Galvin, Gagne, Operating System
// Concepts, "Performance of Demand Paging"): one fault in 1,000 makes 8.2 us of 200 ns, a slowdown
// of forty; one in 100 about 80 us.
#include <gtest/gtest.h>

#include "analysis/eat.hpp"

namespace pw::analysis {
namespace {

constexpr double kMemoryNs = 200;
constexpr double kFaultNs = 8'000'000;

TEST(EatGolden, OneFaultInAThousandIsAbout8Point2Microseconds) {
  EXPECT_DOUBLE_EQ(eat_paging_ns(0.001, kMemoryNs, kFaultNs), 8199.8);
  EXPECT_NEAR(slowdown(0.001, kMemoryNs, kFaultNs), 41, 0.01);
}

TEST(EatGolden, OneFaultInAHundredIsAbout80Microseconds) {
  EXPECT_DOUBLE_EQ(eat_paging_ns(0.01, kMemoryNs, kFaultNs), 80198);
}

TEST(EatGolden, TenPercentSlowdownAllowsLessThanOneFaultIn399990) {
  EXPECT_LT(fault_probability_for(10, kMemoryNs, kFaultNs), 0.00000250007);
  EXPECT_GT(fault_probability_for(10, kMemoryNs, kFaultNs), 0.0000025);
}

}  // namespace
}  // namespace pw::analysis
