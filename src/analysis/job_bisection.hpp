// The least number of machines for each of many jobs, by bisection: what opt_curve.hpp rests on.
//
// Jobs are given as a sequence of events in time, a beginning and an end for each, and after each
// event the *room*: how many machines the jobs may have until the next event, beside those of the
// numbers looked at. Owned by opt_curve().
//
// One run on k machines goes through the events once. What is free is held as tokens: one for each
// machine at the beginning before which, in the order of beginnings, it cannot take a job. A job
// takes the latest token that is in time for its beginning, which its end puts back at the next
// beginning; where room shrinks, the latest tokens go, where it grows, new ones come. "The latest
// in time" is a disjoint-set forest (Tarjan, JACM 22(2), 1975) of beginnings without a token, as
// a beginning that has lost its tokens gets none again. Where few numbers of machines are left for
// a set of jobs, one pass finds them all: see job_lanes.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "analysis/job_lanes.hpp"

namespace pw::analysis {

class JobBisection {
 public:
  // `count` is told how many jobs need just that many machines; called many times.
  using Count = std::function<void(std::uint32_t machines, std::uint64_t jobs)>;
  using Progress = std::function<void(double)>;

  // `lanes`: as soon as so few numbers are left for a set of jobs, they are looked at together.
  explicit JobBisection(std::uint32_t lanes = JobLanes::kMost) : most_lanes_(lanes) {}

  void reserve(std::size_t jobs) { events_.reserve(2 * jobs); }
  // Events in time. A job begins, and gets the next number from 0 up; every job has an end.
  void begin(std::int32_t room) {
    events_.push_back({kBegins, room});
    most_ = std::max(most_, ++open_ - room);
  }
  void end(std::uint32_t job, std::int32_t room) {
    events_.push_back({job, room});
    most_ = std::max(most_, --open_ - room);
  }
  // The room, which was given with the last event, shrinks before the next one.
  void limit(std::int32_t room) {
    if (events_.empty() || events_.back().room <= room) return;
    events_.back().room = room;
    most_ = std::max(most_, open_ - room);
  }

  // `least`: so many machines there are always: jobs that need fewer count as needing that many,
  // and the rooms may be less than 0, but not less than -least. Uses the events up.
  void solve(std::uint32_t least, const Count& count, const Progress& progress = {});

 private:
  static constexpr std::uint32_t kBegins = JobEvent::kBegins;
  using Event = JobEvent;

  void part(std::span<Event> events, std::span<Event> others, std::uint32_t low,
            std::uint32_t high);
  std::size_t run(std::span<const Event> events, std::int32_t machines);
  void separate(std::span<Event> events, std::span<Event> others, std::int32_t machines);

  // The tokens.
  std::uint32_t latest(std::uint32_t place);
  void take(std::uint32_t place, std::uint32_t count);
  void put(std::uint32_t place, std::uint32_t count);

  bool done(std::uint32_t job) const { return (done_[job / 64] >> (job % 64) & 1) != 0; }
  std::uint32_t done_before(std::uint32_t job) const;
  void found(std::uint32_t machines, std::size_t jobs);

  std::vector<Event> events_, others_;
  std::int32_t open_ = 0;                  // jobs that have begun and not ended
  std::int32_t most_ = 0;                  // machines with which all jobs are done
  std::vector<std::uint32_t> place_;       // tokens, or a place further back: see .cpp
  std::vector<std::uint64_t> done_;        // by job of the last run: a bit
  std::vector<std::uint32_t> done_ranks_;  // by word of done_: bits before it
  std::uint32_t most_lanes_;
  JobLanes lanes_;
  const Count* count_ = nullptr;
  const Progress* progress_ = nullptr;
  std::size_t jobs_ = 0, jobs_found_ = 0, told_ = 0;
};

}  // namespace pw::analysis
