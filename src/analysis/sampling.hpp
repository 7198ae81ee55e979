// Samples of a trace: the references to a part of the pages, chosen by a hash of the page's name,
// stand for all.
//
// SHARDS (Waldspurger, Park, Garthwaite, Ahmad, FAST 2015) takes the pages whose hash falls below a
// threshold, a share R of them. Every reference to such a page is kept, so a stack distance in the
// sample is R times that in the trace, and a memory of m pages is one of R m: exact curves of the
// sample, stretched, estimate those of the trace, and any policy may be played on it in R m frames
// (mini-simulation: Waldspurger, Saemundsson, Ahmad, Park, USENIX ATC 2017). The number of misses
// is divided by R, not by the share of references that the sample happens to hold: that is the
// correction SHARDS-adj, since popular pages that were missed or hit upon only add or remove hits.
//
// With a limit on pages in place of a rate, R is what lets exactly that many of the pages in. That
// is the state in which fixed-size SHARDS ends; references to pages that were in on the way and are
// not at the end are left out, so that nothing is rescaled.
//
// A sample is taken of a trace that is there as a whole (Sample), or by its reader, which passes
// over the other references (InputOptions::sample); both take the same. In the second case the
// number of pages, and so of first references, is an estimate too.
//
// The sample is split, by further bits of the hash, into kParts parts, each a sample of R / kParts.
// Their estimates differ by chance as samples of that size do, so the standard error of the whole
// is estimated as their standard deviation divided by sqrt(kParts).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/page_trace.hpp"
#include "analysis/sample_choice.hpp"

namespace pw::analysis {

// What a reader took of a trace: the trace it gives has the pages of the sample alone.
struct TakenSample {
  SampleSize size;               // what was asked for
  double rate = 1;               // what it came to
  std::uint64_t references = 0;  // of the whole trace
};

// The pages chosen of a trace with ids 0 .. ids-1, called `names`; empty: by their ids.
class Sample {
 public:
  static constexpr std::uint8_t kOut = 0xFF;

  Sample(std::uint32_t ids, const SampleSize& size, std::span<const std::uint64_t> names = {});
  Sample(const PageTrace& trace, const SampleSize& size) : Sample(trace.ids, size, trace.names) {}
  Sample(const DenseTrace& trace, const SampleSize& size) : Sample(trace.ids, size) {}

  double rate() const { return rate_; }
  std::uint32_t pages() const { return pages_; }
  std::uint8_t part(PageId id) const { return part_[id]; }  // 0 .. kParts-1, or kOut

  // The references to chosen pages, by new dense ids.
  template <class Trace>
  Trace whole(const Trace& trace) const {
    return taken(trace, part_, kAll);
  }
  // The same, and then those of each part.
  template <class Trace>
  std::vector<Trace> traces(const Trace& trace) const {
    std::vector<Trace> traces{whole(trace)};
    std::vector<std::uint8_t> chosen;  // the parts of the pages chosen, by their new ids
    for (const std::uint8_t part : part_) {
      if (part != kOut) chosen.push_back(part);
    }
    for (std::uint8_t part = 0; part < kParts; ++part) {
      traces.push_back(taken(traces.front(), chosen, part));
    }
    return traces;
  }

 private:
  static constexpr std::uint8_t kAll = 0xFE;
  using Parts = std::vector<std::uint8_t>;

  // What belongs to the part `wanted`; kAll: to any.
  static PageTrace taken(const PageTrace& trace, const Parts& parts, std::uint8_t wanted);
  static DenseTrace taken(const DenseTrace& trace, const Parts& parts, std::uint8_t wanted);
  static std::vector<std::uint32_t> new_ids(const Parts& parts, std::uint8_t wanted,
                                            std::uint32_t& count);

  std::vector<std::uint8_t> part_;
  double rate_ = 1;
  std::uint32_t pages_ = 0;
};

struct Estimate {
  double value = 0;
  double error = 0;  // standard error, see above; 0: exact
};

// From the misses counted in the whole sample and in its parts.
Estimate estimate_of(double rate, std::uint64_t misses, const std::vector<std::uint64_t>& parts);

}  // namespace pw::analysis
