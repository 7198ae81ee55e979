// The least number of machines for each of many jobs, where few numbers come into question: all of
// them at once, in one pass over the jobs' events. The last levels of the bisection, see
// job_bisection.hpp, whose events, rooms and tokens these are. Owned by JobBisection.
//
// The tokens of k + 1 machines are those of k and one more. So with `low` machines that do none of
// the jobs, and a *lane* for each machine beyond those that holds its one further token, lanes
// 0 .. i are what low + i + 1 machines have beside the tokens of `low`. A job needs as many as up
// to the first lane whose token is in time for it, and takes that. Had there been more machines
// the next lanes would have had a later one in time to give instead: the token is exchanged for the
// first later one that is in time, that for the next, and so on. Where room shrinks, the latest
// token of `low` machines goes, and with more machines whatever is later.
//
// An exchange is a running maximum and leaves the lesser of two tokens behind, so that both steps
// go over a block of lanes without a branch, four at a time. Blocks that change nothing are passed
// over: those with no token later than the one carried, or with none of these in time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pw::analysis {

// What happens at a time: a job begins or ends, and then there is room for so many machines.
struct JobEvent {
  static constexpr std::uint32_t kBegins = 0xFFFF'FFFFU;
  std::uint32_t job;  // that ends here, or kBegins
  std::int32_t room;
};

class JobLanes {
 public:
  static constexpr std::size_t kMost = 128;  // numbers of machines

  // The jobs of `events` need at least one machine more than their rooms and at most `machines`,
  // which are 1 .. kMost. By lane: how many jobs need just that lane's machine.
  std::span<const std::uint32_t> run(std::span<const JobEvent> events, std::size_t machines);

 private:
  static constexpr std::size_t kWidth = 4;
  static constexpr std::size_t kBlock = 16;
  using Places = std::int32_t __attribute__((vector_size(kWidth * sizeof(std::int32_t))));

  std::size_t take(std::int32_t begin, std::int32_t here);
  void lose(std::int32_t latest);

  // A place: of which beginning on a machine can take jobs; 1 and up.
  struct Block {
    std::array<Places, kBlock / kWidth> lanes;
    std::int32_t latest = 0;  // of its lanes
  };
  std::array<Block, kMost / kBlock> blocks_{};
  std::size_t used_ = 0;     // of blocks_
  std::int32_t latest_ = 0;  // no lane has a later one
  struct Tokens {
    std::int32_t place;
    std::int32_t count;
  };
  std::vector<Tokens> tokens_;  // of `low` machines, places rising
  std::array<std::uint32_t, kMost> jobs_{};
};

}  // namespace pw::analysis
