#include "analysis/job_lanes.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace pw::analysis {
namespace {

// Of four places each; their type is private to JobLanes.
auto larger(auto a, auto b) { return a > b ? a : b; }
auto smaller(auto a, auto b) { return a < b ? a : b; }

// By lane: the largest of all lanes up to it.
auto running_largest(auto places) {
  decltype(places) zero{};
  places = larger(places, __builtin_shufflevector(zero, places, 0, 4, 5, 6));
  return larger(places, __builtin_shufflevector(zero, places, 0, 1, 4, 5));
}

std::int32_t largest(auto places) {
  places = larger(places, __builtin_shufflevector(places, places, 2, 3, 0, 1));
  return std::max(places[0], places[1]);
}

bool holds(auto mask) {
  using Words = std::int64_t __attribute__((vector_size(16)));
  const auto words = reinterpret_cast<Words>(mask);
  return (words[0] | words[1]) != 0;
}

}  // namespace

// A job that began at `begin` is done, and its token comes back at `here`. Returns its lane.
std::size_t JobLanes::take(std::int32_t begin, std::int32_t here) {
  const Places begins = begin - Places{};
  const Places heres = here - Places{};
  const Places none{};
  Places carried{};  // the token that the lanes so far give, in all four; 0 before the first
  std::size_t lane = kMost;
  for (std::size_t b = 0; b < used_; ++b) {
    Block& block = blocks_[b];
    if (block.latest <= carried[0]) continue;
    Places any{};
    for (const Places had : block.lanes) any |= (had > carried) & ~(had > begins);
    if (!holds(any)) continue;
    Places before{};  // counts, negative, lanes before the first
    Places most{};
    for (Places& place : block.lanes) {
      const Places had = place;
      const Places late = had > begins;
      const Places in_time = had & ~late;
      const Places up_to = larger(running_largest(in_time), carried);
      const Places up_to_last = __builtin_shufflevector(carried, up_to, 3, 4, 5, 6);
      before += up_to == none;
      const Places given = smaller(in_time, up_to_last) | (heres & (up_to_last == none));
      place = late ? had : given;
      most = larger(most, place);
      carried = __builtin_shufflevector(up_to, up_to, 3, 3, 3, 3);
    }
    block.latest = largest(most);
    const Places half = before + __builtin_shufflevector(before, before, 2, 3, 0, 1);
    const auto first = b * kBlock + static_cast<std::size_t>(-(half[0] + half[1]));
    lane = std::min(lane, first);
  }
  return lane;
}

// `low` machines lose a token of the place `latest`, their latest.
void JobLanes::lose(std::int32_t latest) {
  Places carried = latest - Places{};
  latest_ = 0;
  for (std::size_t b = 0; b < used_; ++b) {
    Block& block = blocks_[b];
    if (block.latest > carried[0]) {
      Places most{};
      for (Places& place : block.lanes) {
        const Places up_to = larger(running_largest(place), carried);
        place = smaller(place, __builtin_shufflevector(carried, up_to, 3, 4, 5, 6));
        most = larger(most, place);
        carried = __builtin_shufflevector(up_to, up_to, 3, 3, 3, 3);
      }
      block.latest = largest(most);
    }
    latest_ = std::max(latest_, block.latest);
  }
}

std::span<const std::uint32_t> JobLanes::run(std::span<const JobEvent> events,
                                             std::size_t machines) {
  PW_CHECK(machines > 0 && machines <= kMost);
  used_ = (machines + kBlock - 1) / kBlock;
  for (std::size_t b = 0; b < used_; ++b) {
    blocks_[b].lanes.fill(1 - Places{});
    blocks_[b].latest = 1;
  }
  latest_ = 1;
  tokens_.clear();
  jobs_.fill(0);
  std::int32_t here = 1;
  std::int32_t free = 0;
  for (const JobEvent event : events) {
    const std::int32_t next = here + static_cast<std::int32_t>(event.job == JobEvent::kBegins);
    if (event.job != JobEvent::kBegins) {
      const std::size_t lane = take(static_cast<std::int32_t>(event.job) + 1, here);
      PW_CHECK(lane < machines);
      ++jobs_[lane];
      latest_ = here;
    }
    std::int32_t more = event.room - free;
    free = event.room;
    if (more > 0) tokens_.push_back({here, more});
    while (more < 0) {
      Tokens& last = tokens_.back();
      if (latest_ > last.place) {
        lose(last.place);
        ++more;
        --last.count;
      } else {
        const std::int32_t gone = std::min(-more, last.count);
        more += gone;
        last.count -= gone;
      }
      if (last.count == 0) tokens_.pop_back();
    }
    here = next;
  }
  return std::span(jobs_).first(machines);
}

}  // namespace pw::analysis
