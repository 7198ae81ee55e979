// What simulated programs do: streams of references, seeded and without end unless a length is
// given.
//
// A Workload belongs to whoever runs it. Each of those here walks `pages` pages from `base`, one
// reference a page, and computes for `compute_ns` after each. Pure: no machine, no clock.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/access.hpp"
#include "base/random.hpp"

namespace pw::sim {

// One reference, and how long the program computes after it without telling of more.
struct WorkStep {
  Reference reference;
  std::uint64_t compute_ns = 0;
};

class Workload {
 public:
  virtual ~Workload() = default;
  // nullopt: the program is done.
  virtual std::optional<WorkStep> next() = 0;
};

struct Region {
  VirtAddr base;
  std::uint64_t pages = 1;
  std::uint64_t compute_ns = 0;
  std::uint64_t write_one_in = 0;  // 0: reads only
  std::uint64_t steps = ~std::uint64_t{0};
};

// What they share: counting steps, turning a page into a reference.
class RegionWorkload : public Workload {
 public:
  RegionWorkload(const Region& region, std::uint64_t seed) : random_(seed), region_(region) {}

  std::optional<WorkStep> next() final {
    if (done_ == region_.steps) return std::nullopt;
    ++done_;
    const std::uint64_t one_in = region_.write_one_in;
    const bool write = one_in != 0 && random_.chance(one_in);
    const VirtAddr at = region_.base + bytes_of(PageCount(choose()));
    return WorkStep{{at, write ? Access::Write : Access::Read}, region_.compute_ns};
  }

 protected:
  virtual std::uint64_t choose() = 0;  // a page of the region
  std::uint64_t pages() const { return region_.pages; }
  Random random_;

 private:
  Region region_;
  std::uint64_t done_ = 0;
};

// Page after page, round and round: the worst case of LRU when memory is a page too small.
class Loop final : public RegionWorkload {
 public:
  explicit Loop(const Region& region, std::uint64_t seed = 1) : RegionWorkload(region, seed) {}

 private:
  std::uint64_t choose() override {
    const std::uint64_t page = at_;
    at_ = at_ + 1 == pages() ? 0 : at_ + 1;
    return page;
  }
  std::uint64_t at_ = 0;
};

// Once from the first page to the last.
class Sequential final : public Workload {
 public:
  explicit Sequential(Region region, std::uint64_t seed = 1) : loop_(once(region), seed) {}
  std::optional<WorkStep> next() override { return loop_.next(); }

 private:
  static Region once(Region region) {
    region.steps = std::min(region.steps, region.pages);
    return region;
  }
  Loop loop_;
};

class Uniform final : public RegionWorkload {
 public:
  using RegionWorkload::RegionWorkload;

 private:
  std::uint64_t choose() override { return random_.below(pages()); }
};

// Page k is referenced in proportion to 1 / (k + 1)^exponent.
class Zipf final : public RegionWorkload {
 public:
  Zipf(const Region& region, double exponent, std::uint64_t seed) : RegionWorkload(region, seed) {
    double sum = 0;
    for (std::uint64_t k = 0; k < region.pages; ++k) {
      sum += std::pow(static_cast<double>(k + 1), -exponent);
      share_.push_back(sum);
    }
  }

 private:
  std::uint64_t choose() override {
    constexpr double kUnit = 0x1p-53;
    const double at = static_cast<double>(random_.next() >> 11) * kUnit * share_.back();
    const auto it = std::upper_bound(share_.begin(), share_.end() - 1, at);
    return static_cast<std::uint64_t>(it - share_.begin());
  }
  std::vector<double> share_;  // cumulative
};

// Denning's model of locality: for `phase_steps` steps the program stays in a set of `locality`
// pages, uniformly, then moves to another place (Denning, "The working set model for program
// behavior", CACM 11(5), 1968).
class Phases final : public RegionWorkload {
 public:
  Phases(const Region& region, std::uint64_t locality, std::uint64_t phase_steps,
         std::uint64_t seed)
      : RegionWorkload(region, seed),
        locality_(std::min(locality, region.pages)),
        phase_steps_(phase_steps) {}

 private:
  std::uint64_t choose() override {
    if (left_ == 0) {
      left_ = phase_steps_;
      first_ = random_.below(pages() - locality_ + 1);
    }
    --left_;
    return first_ + random_.below(locality_);
  }
  std::uint64_t locality_, phase_steps_;
  std::uint64_t left_ = 0, first_ = 0;
};

}  // namespace pw::sim
