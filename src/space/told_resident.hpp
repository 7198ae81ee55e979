// How many resident pages Linux tells of a process (ru_maxrss of getrusage(2)): get_mm_counter() of
// linux/mm.h, percpu_counter_add_batch() of lib/percpu_counter.c.
//
// Anonymous pages, pages of files and shared memory are counted apart. Each CPU counts for itself
// and adds to the sum once it has 32 or more to add; who asks is told the sum, which is up to 31
// pages behind for each kind and CPU. What is mapped or unmapped in one go (fault-around, a part of
// munmap) is counted in one go. One CPU is taken to have done all of it.
//
// Owned by the space. Invariant: of each kind, sum and rest together are what is mapped, once no
// batch is open.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "phys/frame.hpp"

namespace pw {

class ToldResident {
 public:
  void add(FrameKind kind, std::int64_t pages) {
    Count& count = counts_[index(kind)];
    if (batches_ > 0) {
      count.held += pages;
    } else {
      settle(count, pages);
      note_peak();
    }
  }
  // The greatest that was told so far.
  std::uint64_t peak() const { return peak_; }

  // What is counted while one lives is counted in one go when the last of them ends.
  class Batch {
   public:
    explicit Batch(ToldResident& told) : told_(told) { ++told_.batches_; }
    ~Batch() {
      if (--told_.batches_ == 0) told_.end_batch();
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    ToldResident& told_;
  };

 private:
  static constexpr std::int64_t kEnough = 32;  // percpu_counter_batch of a machine of few CPUs

  struct Count {
    std::int64_t sum = 0, rest = 0, held = 0;
  };
  static constexpr std::size_t index(FrameKind kind) {
    return kind == FrameKind::File ? 1 : kind == FrameKind::Shared ? 2 : 0;
  }
  static void settle(Count& count, std::int64_t pages) {
    count.rest += pages;
    if (count.rest > -kEnough && count.rest < kEnough) return;
    count.sum += count.rest;
    count.rest = 0;
  }
  void end_batch() {
    for (Count& count : counts_) {
      settle(count, count.held);
      count.held = 0;
    }
    note_peak();
  }
  void note_peak() {
    std::int64_t all = 0;
    for (const Count& count : counts_) all += std::max<std::int64_t>(count.sum, 0);
    peak_ = std::max(peak_, static_cast<std::uint64_t>(all));
  }

  std::array<Count, 3> counts_{};
  std::uint64_t peak_ = 0;
  unsigned batches_ = 0;
};

}  // namespace pw
