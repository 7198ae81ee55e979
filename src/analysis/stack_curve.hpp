// Miss counts of a stack algorithm at every memory size, from the references' stack distances.
//
// The pages that a stack algorithm keeps in m frames are among those it keeps in m + 1 (Mattson,
// Gecsei, Slutz, Traiger, IBM Systems Journal 9(2), 1970), so that each reference has one distance:
// it misses in memories smaller than that and hits in all others. A histogram of distances is the
// whole curve. Owned by whoever asked for it.
#pragma once

#include <cstdint>
#include <vector>

namespace pw::analysis {

struct StackCurve {
  std::uint32_t known_from = 1;            // pages; smaller memories are not known
  std::uint64_t cold = 0;                  // first references: missed at every size
  std::vector<std::uint64_t> by_distance;  // references by stack distance
  std::vector<std::uint64_t> beyond;       // beyond[m]: distance > m; index 0 .. largest distance
  std::uint64_t inferred = 0;  // see DenseTrace: counts are off by about as much at most

  bool exact() const { return inferred == 0; }
  bool known(std::uint64_t pages) const { return pages >= known_from; }
  // Misses of a memory of `pages`; known(pages).
  std::uint64_t misses(std::uint64_t pages) const;
  // The smallest memory that misses only what every memory misses.
  std::uint64_t fits_in() const;

  void count(std::uint64_t distance, std::uint64_t references = 1) {
    if (distance >= by_distance.size()) by_distance.resize(distance + 1, 0);
    by_distance[distance] += references;
  }
  void sum_up();  // fills `beyond`, once every reference is counted
};

}  // namespace pw::analysis
