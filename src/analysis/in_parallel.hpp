// The same work for each of many numbers, on several threads (oneTBB's).
//
// Whoever calls owns what the work reads and writes: no two numbers may write the same place
// without a lock of their own. All that happened before the call is seen by the work, and all that
// the work did by who called. The distribution's oneTBB is not built with the thread sanitizer,
// which therefore does not see that order; it is told of it here, so that it can tell of true races
// (<sanitizer/tsan_interface.h>; tests/support/thread_sanitizer.supp has the library's own).
#pragma once

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PW_THREAD_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(PW_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

namespace pw::analysis {

// Who has passed it has seen what all did who left it before. Nothing without the sanitizer.
class KnownOrder {
 public:
#if defined(__SANITIZE_THREAD__) || defined(PW_THREAD_SANITIZER)
  void leave() { __tsan_release(this); }
  void pass() { __tsan_acquire(this); }
#else
  void leave() {}
  void pass() {}
#endif
};

// Calls work(i) for each i in [0, count), in any order, several at a time.
template <class Work>
void in_parallel(std::size_t count, const Work& work) {
  KnownOrder begin, end;
  begin.leave();
  tbb::parallel_for(
      tbb::blocked_range<std::size_t>(0, count, 1),
      [&](const tbb::blocked_range<std::size_t>& part) {
        begin.pass();
        for (std::size_t i = part.begin(); i < part.end(); ++i) work(i);
        end.leave();
      },
      tbb::simple_partitioner());
  end.pass();
}

}  // namespace pw::analysis
