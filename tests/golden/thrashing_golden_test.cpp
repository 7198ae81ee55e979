// PF4: the thrashing curve (Denning, "Thrashing: its causes and prevention", AFIPS FJCC 1968). On a
// machine of 1 MiB with a swap disk, programs of 40 pages each: two do not keep the CPU busy, four
// do, and with more than fit into memory every one waits for pages that the others have taken.
#include <gtest/gtest.h>

#include "tests/support/thrashing_load.hpp"

namespace pw {
namespace {

using namespace pw::test;

double utilisation_of(int programs) {
  constexpr std::uint64_t kWarmUp = 50'000'000, kMeasured = 300'000'000;
  const LoadResult load = run_programs(programs, kWarmUp, kMeasured);
  return static_cast<double>(load.after.busy_ns - load.before.busy_ns) /
         static_cast<double>(kMeasured);
}

TEST(ThrashingGolden, UtilisationRisesWithTheDegreeOfMultiprogrammingAndThenFalls) {
  const double one = utilisation_of(1), two = utilisation_of(2), four = utilisation_of(4),
               six = utilisation_of(6), twelve = utilisation_of(12);
  RecordProperty("curve", std::to_string(one) + " " + std::to_string(two) + " " +
                              std::to_string(four) + " " + std::to_string(six) + " " +
                              std::to_string(twelve));
  EXPECT_NEAR(one, 0.41, 0.05);
  EXPECT_GT(two, one * 1.6);
  EXPECT_GT(four, two);
  EXPECT_LT(twelve, four / 2);
  EXPECT_LT(twelve, six);
}

}  // namespace
}  // namespace pw
