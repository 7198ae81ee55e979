// RP2: the search for Belady's anomaly: strings of references that fault more with four frames than
// with three under FIFO. Pages are named in the order of their first use, so that no string is
// counted under two names.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "policy/fifo.hpp"

namespace pw::policy {
namespace {

constexpr Id kPages = 5;
using String = std::vector<Id>;

int faults(const String& references, std::uint32_t frames) {
  Setup setup;
  setup.ids = setup.frames = kPages;
  Fifo order(setup);
  std::array<bool, kPages> resident{};
  int count = 0;
  for (const Id page : references) {
    if (resident[page]) continue;
    ++count;
    if (order.size() == frames) resident[order.victim([](Id) { return Verdict::Idle; })] = false;
    order.insert(page);
    resident[page] = true;
  }
  return count;
}

// Every way to go on from `string`, in which `used` pages occur, to `length` references.
void search(String& string, Id used, std::size_t length, std::vector<String>& found) {
  if (string.size() == length) {
    if (faults(string, 4) > faults(string, 3)) found.push_back(string);
    return;
  }
  for (Id page = 0; page < kPages && page <= used; ++page) {
    string.push_back(page);
    search(string, page == used ? used + 1 : used, length, found);
    string.pop_back();
  }
}

std::vector<String> anomalies(String beginning, Id used, std::size_t length) {
  std::vector<String> found;
  search(beginning, used, length, found);
  return found;
}

// Of all 2,079,475 strings of twelve references to five pages one is anomalous: the one of the
// paper. Of the 422,005 of eleven, none.
TEST(BeladyGolden, TheStringOfThePaperIsTheOnlyOneOfItsLength) {
  EXPECT_TRUE(anomalies({}, 0, 11).empty());
  const std::vector<String> found = anomalies({}, 0, 12);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0], (String{0, 1, 2, 3, 0, 1, 4, 0, 1, 2, 3, 4}));
}

TEST(BeladyGolden, LongerStringsOfTheSameBeginningShowItToo) {
  const std::vector<String> found = anomalies({0, 1, 2, 3, 0, 1, 4}, 5, 14);
  EXPECT_EQ(found.size(), 204U);
  for (const String& string : found) EXPECT_GT(faults(string, 4), faults(string, 3));
}

}  // namespace
}  // namespace pw::policy
