#include "record/wakers.hpp"

#include <algorithm>
#include <map>

#include "recorder/common/encoding.h"

namespace pw::record {

namespace {

constexpr std::uint64_t kWays = PW_WAKE_SENDS | PW_WAKE_TAKES;
constexpr std::ptrdiff_t kFarthest = 4'096;  // of the wakes before a wait, those that are looked at

// Whether who waits by way of `wait` may have gone on because of what another did by way of `wake`.
bool fits(std::uint64_t wait, std::uint64_t wake) {
  const std::uint64_t its = wait >> 2, other = wake >> 2;
  if (its == PW_CHANNEL_ANY || other == PW_CHANNEL_ANY) return true;
  const std::uint64_t wanted = (wait & PW_WAKE_TAKES) != 0 ? PW_WAKE_SENDS : PW_WAKE_TAKES;
  return its == other && (wake & wanted) != 0;
}

}  // namespace

// Of waits for several things at once.
void Wakers::find_channels() {
  std::map<std::uint32_t, Moment*> open;  // by process: its last wait, as long as it may be found
  auto wait = waits_.begin();
  for (const Moment& wake : wakes_) {
    for (; wait != waits_.end() && wait->ns <= wake.ns; ++wait) {
      open[wait->pid] = wait->channel >> 2 == PW_CHANNEL_ANY ? &*wait : nullptr;
    }
    Moment*& its = open[wake.pid];
    if (its == nullptr || (wake.channel & kWays) != PW_WAKE_TAKES) continue;
    its->channel = wake.channel;
    its = nullptr;
  }
}

const Wakers::Moment* Wakers::waker_of(const Moment& wait) const {
  const auto end = std::lower_bound(wakes_.begin(), wakes_.end(), Moment{wait.ns, 0, 0});
  const Moment* last = nullptr;
  for (auto wake = end; wake != wakes_.begin() && end - wake < kFarthest;) {
    --wake;
    if (wake->pid == wait.pid) continue;
    if (fits(wait.channel, wake->channel)) return &*wake;
    if (last == nullptr) last = &*wake;
  }
  return last;
}

std::vector<WaitEnd> Wakers::ends() {
  std::sort(waits_.begin(), waits_.end());
  std::sort(wakes_.begin(), wakes_.end());
  find_channels();
  std::vector<WaitEnd> ends;
  for (const Moment& wait : waits_) {
    const Moment* const wake = waker_of(wait);
    if (wake != nullptr) ends.push_back({wait.pid, wait.ns, wake->pid, wake->ns});
  }
  return ends;
}

}  // namespace pw::record
