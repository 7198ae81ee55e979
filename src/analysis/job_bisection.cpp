#include "analysis/job_bisection.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.hpp"

namespace pw::analysis {
namespace {

// place_[b + 1] stands for the beginning b: with kTokens set, how many tokens it has; else a place
// further back with tokens not after it. place_[0] always has some: to find it is to find none.
constexpr std::uint32_t kTokens = 1U << 31;
constexpr std::uint32_t kNowhere = 0;

}  // namespace

std::uint32_t JobBisection::latest(std::uint32_t place) {
  while ((place_[place] & kTokens) == 0) {
    const std::uint32_t back = place_[place];
    const std::uint32_t further = place_[back];
    if ((further & kTokens) != 0) return back;
    place_[place] = further;  // halves the path for whoever comes next
    place = further;
  }
  return place;
}

// `count` tokens, which the place has, fewer.
void JobBisection::take(std::uint32_t place, std::uint32_t count) {
  const std::uint32_t left = place_[place] - count;
  place_[place] = left == kTokens ? place - 1 : left;
}

// `count` tokens more; 0 changes nothing.
void JobBisection::put(std::uint32_t place, std::uint32_t count) {
  const std::uint32_t had = place_[place];
  const std::uint32_t has = ((had & kTokens) != 0 ? had : kTokens) + count;
  place_[place] = count == 0 ? had : has;
}

// Runs the jobs on `machines` in addition to the rooms. Marks those done; returns how many. What an
// event is and whether a job is done can't be foreseen, so both are computed with, not branched on.
std::size_t JobBisection::run(std::span<const Event> events, std::int32_t machines) {
  constexpr std::size_t kAhead = 24;
  const std::size_t jobs = events.size() / 2;
  std::fill_n(done_.begin(), jobs / 64 + 1, 0);
  std::iota(place_.begin() + 1, place_.begin() + static_cast<std::ptrdiff_t>(jobs) + 2, 0U);
  place_[kNowhere] = kTokens | 1;
  std::uint32_t begun = 0;
  std::int32_t free = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event event = events[i];
    if (i + kAhead < events.size()) __builtin_prefetch(&place_[events[i + kAhead].job + 1]);
    const std::uint32_t here = begun + 1;  // where tokens come that are free from this event on
    begun += static_cast<std::uint32_t>(event.job == kBegins);
    const std::uint32_t place = latest(event.job + 1);  // a beginning asks for, and gets, kNowhere
    const bool does = place != kNowhere;
    take(place, static_cast<std::uint32_t>(does));
    done_[does ? event.job / 64 : 0] |= std::uint64_t{does} << (event.job % 64);
    count += static_cast<std::size_t>(does);
    // Its token comes back, less what the room shrinks by.
    const std::int32_t room = event.room + machines;
    std::int32_t more = room - free + static_cast<std::int32_t>(does);
    free = room;
    put(here, static_cast<std::uint32_t>(std::max(more, 0)));
    while (more < 0) {
      const std::uint32_t last = latest(begun + 1);
      const auto gone = std::min(-more, static_cast<std::int32_t>(place_[last] & ~kTokens));
      take(last, static_cast<std::uint32_t>(gone));
      more += gone;
    }
  }
  return count;
}

std::uint32_t JobBisection::done_before(std::uint32_t job) const {
  const std::uint64_t before = (std::uint64_t{1} << (job % 64)) - 1;
  return done_ranks_[job / 64] +
         static_cast<std::uint32_t>(std::popcount(done_[job / 64] & before));
}

// Parts the events: those of the jobs done in the last run stay, in front, and the others go to the
// rest of `others`. Each sequence gets its own numbers and rooms: for the jobs done what there was,
// for the others what the machines of the run and the jobs done leave.
void JobBisection::separate(std::span<Event> events, std::span<Event> others,
                            std::int32_t machines) {
  constexpr std::size_t kAhead = 24;
  const std::size_t words = events.size() / 2 / 64 + 1;
  std::uint32_t rank = 0;
  for (std::size_t w = 0; w < words; ++w) {
    done_ranks_[w] = rank;
    rank += static_cast<std::uint32_t>(std::popcount(done_[w]));
  }
  std::size_t front = 0, back = 0;
  std::uint32_t begun = 0;
  std::int32_t busy = 0;
  Event nowhere{};
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event event = events[i];
    if (i + kAhead < events.size() && events[i + kAhead].job != kBegins) {
      __builtin_prefetch(&done_[events[i + kAhead].job / 64]);
    }
    const bool begins = event.job == kBegins;
    const std::uint32_t job = begins ? begun : event.job;
    begun += static_cast<std::uint32_t>(begins);
    const bool was_done = done(job);
    const std::uint32_t rank_done = done_before(job);
    busy += was_done ? (begins ? 1 : -1) : 0;
    const std::int32_t left = event.room + machines - busy;
    // Without branches: what does not belong to a sequence goes nowhere. An event of the one may
    // lessen the room after the event before in the other.
    constexpr std::int32_t kPlenty = std::numeric_limits<std::int32_t>::max();
    Event& front_last = front > 0 ? events[front - 1] : nowhere;
    Event& back_last = back > 0 ? others[back - 1] : nowhere;
    front_last.room = std::min(front_last.room, was_done ? kPlenty : event.room);
    back_last.room = std::min(back_last.room, was_done ? left : kPlenty);
    (was_done ? events[front] : nowhere) = {begins ? kBegins : rank_done, event.room};
    (was_done ? nowhere : others[back]) = {begins ? kBegins : job - rank_done, left};
    front += static_cast<std::size_t>(was_done);
    back += static_cast<std::size_t>(!was_done);
  }
}

void JobBisection::found(std::uint32_t machines, std::size_t jobs) {
  constexpr std::size_t kTellEvery = std::size_t{1} << 16;
  if (jobs > 0) (*count_)(machines, jobs);
  jobs_found_ += jobs;
  if (*progress_ && jobs_found_ > told_ + kTellEvery) {
    told_ = jobs_found_;
    (*progress_)(static_cast<double>(jobs_found_) / static_cast<double>(jobs_));
  }
}

// The jobs of `events` need more than `low` machines and at most `high`; their rooms are those that
// `low` machines leave.
void JobBisection::part(std::span<Event> events, std::span<Event> others, std::uint32_t low,
                        std::uint32_t high) {
  while (!events.empty()) {
    const std::size_t jobs = events.size() / 2;
    // Each further machine does at least one more of the jobs, or none are left.
    if (jobs < high - low) high = low + static_cast<std::uint32_t>(jobs);
    if (high - low == 1) {
      found(high, jobs);
      return;
    }
    if (high - low <= most_lanes_) {
      const auto by_lane = lanes_.run(events, high - low);
      for (std::uint32_t i = 0; i < by_lane.size(); ++i) found(low + 1 + i, by_lane[i]);
      return;
    }
    // Halfway on a logarithmic scale, as distances spread.
    const double middle = std::sqrt(static_cast<double>(low + 1) * high);
    const std::uint32_t k = std::clamp(static_cast<std::uint32_t>(middle), low + 1, high - 1);
    const auto machines = static_cast<std::int32_t>(k - low);
    const std::size_t done = run(events, machines);
    if (high - low == 2) {
      found(k, done);
      found(high, jobs - done);
      return;
    }
    separate(events, others.subspan(2 * done), machines);
    part(events.first(2 * done), others.first(2 * done), low, k);
    const std::span<Event> room = events.subspan(2 * done);
    events = others.subspan(2 * done);
    others = room;
    low = k;
  }
}

void JobBisection::solve(std::uint32_t least, const Count& count, const Progress& progress) {
  PW_CHECK(events_.size() % 2 == 0);
  count_ = &count;
  progress_ = &progress;
  jobs_ = events_.size() / 2;
  jobs_found_ = told_ = 0;
  PW_CHECK(jobs_ + least < kTokens);
  others_.resize(events_.size());
  place_.resize(jobs_ + 2);
  done_.resize(jobs_ / 64 + 1);
  done_ranks_.resize(jobs_ / 64 + 1);
  std::span<Event> events(events_.data(), 2 * jobs_);
  std::span<Event> others(others_.data(), 2 * jobs_);
  if (least > 0 && jobs_ > 0) {
    const std::size_t done = run(events, static_cast<std::int32_t>(least));
    found(least, done);
    separate(events, others.subspan(2 * done), static_cast<std::int32_t>(least));
    events = others.subspan(2 * done);
    others = std::span(events_).subspan(2 * done, events.size());
  }
  part(events, others, least, std::max(static_cast<std::uint32_t>(most_), least + 1));
  events_.clear();
  open_ = most_ = 0;
}

}  // namespace pw::analysis
