// The traces of a report page as its core holds them: what the tool put into the page
// (src/report/page_sample.cpp), one for each page size, and the part of it that lies in the window
// of time that the reader chose.
//
// A window is counted as a run of its own that begins with an empty memory; what its first
// references would have found there is not known to be there.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/sampling.hpp"
#include "analysis/stack_curve.hpp"
#include "policy/any_policy.hpp"

namespace pw::page {

struct Window {
  std::uint32_t begin = 0;  // bins, half-open
  std::uint32_t end = 0;

  friend bool operator==(const Window&, const Window&) = default;
};

// Of one page size. Owned by the page's core.
class Trace {
 public:
  // What the page holds: operations as page_sample.cpp writes them, the part of each page.
  // False if they make no trace.
  bool load(std::string_view operations, std::string_view parts, std::uint32_t bins, double rate,
            std::uint32_t filter_pages);
  // An exact curve of the whole run.
  void set_exact(std::string_view policy, analysis::StackCurve curve);

  // Misses in a memory of so many pages during the window, first references included. A negative
  // value: the sample is too coarse for that size, or the recording does not tell.
  analysis::Estimate misses(const policy::PolicySpec& policy, std::uint64_t pages, Window window);
  analysis::Estimate cold(Window window);
  // The smallest memory of which LRU's misses are known, and the smallest that has first ones only.
  double known_from(Window window);
  double fits_in(Window window);
  // Misses under a policy by page of the sample, first references included; in the order of ids.
  std::vector<std::uint32_t> misses_by_page(const policy::PolicySpec& policy, std::uint64_t pages,
                                            Window window);

  double rate() const { return rate_; }
  std::uint32_t bins() const { return static_cast<std::uint32_t>(first_op_.size()) - 1; }

 private:
  struct Part {  // the window's references: all of the sample, then those of each part
    analysis::DenseTrace trace;
    std::optional<analysis::StackCurve> lru, opt;
  };
  const analysis::StackCurve* exact(std::string_view policy, Window window) const;
  void choose(Window window);
  analysis::DenseTrace cut(Window window) const;
  std::uint64_t count(Part& part, const policy::PolicySpec& policy, std::uint32_t frames);

  analysis::DenseTrace whole_;
  std::vector<std::uint8_t> parts_of_;  // by page
  std::vector<std::size_t> first_op_;   // by bin, and one more
  double rate_ = 1;
  std::uint32_t filter_pages_ = 0;
  std::optional<analysis::StackCurve> exact_lru_, exact_opt_;
  Window window_;
  std::vector<Part> chosen_;
};

}  // namespace pw::page
