// The numbers of machines equal those of the greedy choice run for each number, whatever share of
// the numbers is found by bisection and whatever share in lanes.
#include "analysis/job_bisection.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/random.hpp"

namespace pw::analysis {
namespace {

constexpr std::uint32_t kLeast = 3;

// Of a job that begins or ends at each time, up to `open` jobs at once; rooms are -kLeast .. 0.
std::vector<JobEvent> random_events(Random& random, std::size_t jobs, std::size_t open) {
  std::vector<JobEvent> events;
  std::vector<std::uint32_t> running;
  std::uint32_t begun = 0;
  std::int32_t room = 0;
  while (begun < jobs || !running.empty()) {
    if (random.chance(3)) room = -static_cast<std::int32_t>(random.below(kLeast + 1));
    const bool begins = begun < jobs && running.size() < open && !random.chance(3);
    if (begins) {
      running.push_back(begun++);
      events.push_back({JobEvent::kBegins, room});
    } else if (!running.empty()) {
      // Mostly one of those that began last.
      const std::size_t among = random.chance(5) ? running.size()
                                                 : std::min<std::size_t>(running.size(), 20);
      const std::size_t at = running.size() - 1 - random.below(among);
      events.push_back({running[at], room});
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  return events;
}

// By number of machines: how many jobs the greedy choice does.
std::uint64_t greedy(const std::vector<JobEvent>& events, std::int32_t machines) {
  std::vector<std::int32_t> busy(events.size(), 0);  // after each event
  std::vector<std::size_t> begin_of;
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].job == JobEvent::kBegins) {
      begin_of.push_back(i);
      continue;
    }
    const std::size_t from = begin_of[events[i].job];
    bool fits = true;
    for (std::size_t t = from; t < i; ++t) fits &= busy[t] < machines + events[t].room;
    if (!fits) continue;
    ++done;
    for (std::size_t t = from; t < i; ++t) ++busy[t];
  }
  return done;
}

std::map<std::uint32_t, std::uint64_t> solved(const std::vector<JobEvent>& events,
                                              std::uint32_t lanes) {
  JobBisection jobs(lanes);
  for (const JobEvent event : events) {
    if (event.job == JobEvent::kBegins) {
      jobs.begin(event.room);
    } else {
      jobs.end(event.job, event.room);
    }
  }
  std::map<std::uint32_t, std::uint64_t> counts;
  jobs.solve(kLeast, [&](std::uint32_t machines, std::uint64_t n) {
    if (n > 0) counts[machines] += n;
  });
  return counts;
}

TEST(JobBisection, EveryShareOfLanesFindsWhatGreedyDoesAtEachNumber) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    const std::size_t open = 4 + random.below(seed % 4 == 0 ? 200 : 40);
    const std::vector<JobEvent> events = random_events(random, 400, open);
    std::map<std::uint32_t, std::uint64_t> expected;
    std::uint64_t before = 0;
    for (std::uint32_t k = kLeast; k <= open + kLeast; ++k) {
      const std::uint64_t done = greedy(events, static_cast<std::int32_t>(k));
      if (done > before) expected[k] = done - before;
      before = done;
    }
    ASSERT_EQ(before, 400U);
    for (const std::uint32_t lanes : {1U, 2U, 5U, 16U, 33U, 128U}) {
      ASSERT_EQ(solved(events, lanes), expected) << "seed " << seed << ", lanes " << lanes;
    }
  }
}

}  // namespace
}  // namespace pw::analysis
