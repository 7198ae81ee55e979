#include "record/wakers.hpp"

#include <algorithm>

namespace pw::record {

std::vector<WaitEnd> Wakers::ends() {
  std::sort(waits_.begin(), waits_.end());
  std::sort(wakes_.begin(), wakes_.end());
  std::vector<WaitEnd> ends;
  for (const auto& [end_ns, pid] : waits_) {
    auto wake = std::lower_bound(wakes_.begin(), wakes_.end(), Moment{end_ns, 0});
    while (wake != wakes_.begin() && std::prev(wake)->second == pid) --wake;
    if (wake == wakes_.begin()) continue;
    --wake;
    ends.push_back({pid, end_ns, wake->second, wake->first});
  }
  return ends;
}

}  // namespace pw::record
