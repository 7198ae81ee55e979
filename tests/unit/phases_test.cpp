#include "analysis/phases.hpp"

#include <gtest/gtest.h>

#include <set>

#include "analysis/input.hpp"
#include "unit/filtered_trace.hpp"

namespace pw::analysis {

static bool operator==(const Phase& a, const Phase& b) {
  return a.begin == b.begin && a.end == b.end && a.pages == b.pages && a.transition == b.transition;
}
static void PrintTo(const Phase& p, std::ostream* out) {
  *out << p.begin << '-' << p.end << ' ' << p.pages << (p.transition ? " transition" : "");
}

namespace testing {
namespace {

PageTrace page_trace(const Pages& refs) {
  std::string text;
  for (const std::uint64_t page : refs) text += std::to_string(page) + ' ';
  return trace_of_bytes(text, "plain").value();
}

// By the definition, with sets.
std::vector<Phase> naive(const std::vector<std::set<std::uint64_t>>& windows, std::uint64_t length,
                         double limit, std::uint64_t references) {
  std::vector<bool> cut;  // between window i and the next one
  for (std::size_t i = 0; i + 1 < windows.size(); ++i) {
    std::size_t both = 0;
    for (const std::uint64_t page : windows[i]) both += windows[i + 1].count(page);
    const std::size_t all = windows[i].size() + windows[i + 1].size() - both;
    cut.push_back(1 - static_cast<double>(both) / static_cast<double>(all) > limit);
  }
  std::vector<Phase> found;
  std::vector<std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const bool alone = (i == 0 || cut[i - 1]) && (i + 1 == windows.size() || cut[i]);
    const bool joins = !found.empty() && (alone ? found.back().transition : !cut[i - 1]);
    if (!joins) {
      found.push_back({i * length, 0, 0, alone});
      members.emplace_back();
    }
    found.back().end = (i + 1) * length;
    members.back().push_back(i);
  }
  for (std::size_t p = 0; p < found.size(); ++p) {
    double pages = 0;
    for (const std::size_t i : members[p]) pages += static_cast<double>(windows[i].size());
    found[p].pages = pages / static_cast<double>(members[p].size());
  }
  if (!found.empty()) found.back().end = references;
  return found;
}

TEST(Phases, EqualTheDefinition) {
  std::size_t transitions = 0;
  std::size_t several = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    for (const Pages& refs : strings_of_all_kinds(seed, 400, 12)) {
      for (const std::uint64_t length : {1ULL, 5ULL, 17ULL, 400ULL, 401ULL}) {
        std::vector<std::set<std::uint64_t>> windows(refs.size() / length);
        for (std::size_t i = 0; i < windows.size() * length; ++i) {
          windows[i / length].insert(refs[i]);
        }
        const std::vector<Phase> expected = naive(windows, length, 0.5, refs.size());
        ASSERT_EQ(phases(page_trace(refs), {length, 0.5}), expected);
        several += expected.size() > 2 ? 1 : 0;
        for (const Phase& phase : expected) transitions += phase.transition ? 1 : 0;
      }
    }
  }
  EXPECT_GT(transitions, 100U);
  EXPECT_GT(several, 50U);
}

TEST(Phases, KnownPhasesAreFound) {
  Random random(7);
  Pages refs;
  const std::uint64_t lengths[] = {20'000, 35'000, 10'000, 50'000};
  for (std::uint64_t p = 0; p < 4; ++p) {  // 100 pages each, shifted by 60; one in 50 elsewhere
    for (std::uint64_t i = 0; i < lengths[p]; ++i) {
      refs.push_back(random.chance(50) ? 1000 + random.below(5000) : 60 * p + random.below(100));
    }
  }
  const std::vector<Phase> found = phases(page_trace(refs), {1000, 0.5});
  ASSERT_EQ(found.size(), 4U);
  std::uint64_t begin = 0;
  for (std::size_t p = 0; p < 4; ++p) {
    EXPECT_EQ(found[p].begin, begin);
    EXPECT_EQ(found[p].end, begin + lengths[p]);
    EXPECT_FALSE(found[p].transition);
    EXPECT_NEAR(found[p].pages, 120, 5);  // all 100, and 20 strangers
    begin += lengths[p];
  }
}

TEST(Phases, AChangeWithinAWindowIsNoPhaseOfItsOwn) {
  Pages refs;
  for (std::uint64_t i = 0; i < 100; ++i) refs.push_back(i % 10);
  for (std::uint64_t i = 0; i < 105; ++i) refs.push_back(100 + i % 10);
  refs.erase(refs.begin(), refs.begin() + 5);  // the change lies in the middle of window 10
  const std::vector<Phase> found = phases(page_trace(refs), {10, 0.4});
  const std::vector<Phase> expected = {
      {0, 90, 10, false}, {90, 100, 10, true}, {100, 200, 10, false}};
  EXPECT_EQ(found, expected);
}

TEST(Phases, OfARecordingCountPagesInUse) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    for (const Pages& refs : strings_of_all_kinds(seed, 400, 20)) {
      Filter filter(4);
      record::Chunk chunk = begin_chunk(filter, 1);
      for (const std::uint64_t page : refs) filter.reference(page, chunk.events);
      end_chunk(filter, chunk);
      TraceDetails details;
      details.times = true;
      DenseTraceBuilder builder(record::Detail::Pages, 4, details);
      ASSERT_TRUE(builder.add(chunk));
      const DenseTrace trace = builder.finish();
      // By operation: in use from Use to Rest, in every window between.
      constexpr std::uint64_t kLength = 10;
      std::vector<std::set<std::uint64_t>> windows(refs.size() / kLength);
      std::map<PageId, std::uint64_t> since;
      const auto fill = [&](PageId id, std::uint64_t until) {
        for (std::uint64_t t = since[id]; t <= until; ++t) windows[(t - 1) / kLength].insert(id);
        since.erase(id);
      };
      for (std::size_t i = 0; i < trace.ops.size(); ++i) {
        const PageId id = trace.ops[i].id();
        if (trace.ops[i].kind() == OpKind::Use) since[id] = trace.times[i];
        if (trace.ops[i].kind() == OpKind::Rest) fill(id, trace.times[i]);
      }
      while (!since.empty()) fill(since.begin()->first, refs.size());
      ASSERT_EQ(phases(trace, {kLength, 0.5}), naive(windows, kLength, 0.5, refs.size()));
    }
  }
}

TEST(Phases, NoWholeWindowOrTooManyOfThem) {
  EXPECT_TRUE(phases(page_trace({1, 2, 3}), {4, 0.5}).empty());
  DenseTrace trace;
  trace.references = kMostWindows + 1;
  EXPECT_TRUE(phases(trace, {1, 0.5}).empty());
}

}  // namespace
}  // namespace testing
}  // namespace pw::analysis
