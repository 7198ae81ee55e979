// Exact OPT miss counts for every memory size at once.
//
// OPT (Belady, IBM Systems Journal 5(2), 1966) lets as many references hit as any policy can. A
// reference hits if its page stayed in a frame since its last one, so the time between is a *job*
// for one of k machines, and OPT does as many jobs as k machines can. Taken in the order of their
// ends, a job is done if at no time of it all k machines have a job that was taken before; that is
// optimal for every k, and what k machines do, k + 1 do as well. So each job has a least number of
// machines, one more than which is its reference's stack distance.
//
// The numbers are found by bisection, for all jobs together: the jobs known to need more than `lo`
// machines and at most `hi` are run on a number between, with the room that the jobs of `lo`
// machines leave at each time, and part in those done and those not done. Near-linear in the jobs
// at each of some log2(pages) levels, whatever the trace; the last of them are one pass over a few
// numbers at once. Decision note 0007 proves it, and says what else there is and what it costs.
//
// Why a filtered recording is enough for every memory of more than K pages. Between two hidden
// references of a page fewer than K other pages are referenced. So while a page is in use (Use to
// Rest), at most K-1 other pages have a nearer next reference; a memory of more than K pages holds
// another one whose next reference is farther, and OPT takes that: pages in use are never evicted
// and count as pinned. They take machines from the jobs at their time. A page at rest is next
// referenced at its next Use, which the trace has. Pages in the filter when the recording ends have
// no Rest and stay pinned; they are the K last referenced pages, so what is fetched after the last
// reference of any of them is itself among them, and a page outside that never comes again is there
// to go instead. A dropped page has no next reference, so no job.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/page_trace.hpp"
#include "analysis/stack_curve.hpp"

namespace pw::analysis {

// Known for more than filter_pages pages. `progress` gets the part done, 0..1; may be empty.
// Memory: some 36 bytes a reference that is not a page's first.
StackCurve opt_curve(const DenseTrace& trace, const std::function<void(double)>& progress = {});
StackCurve opt_curve(const PageTrace& trace, const std::function<void(double)>& progress = {});

}  // namespace pw::analysis
