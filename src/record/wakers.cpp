#include "record/wakers.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

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

// The last wake of another process before the wait was over that fits; if none does, and
// `whatever`, the last one.
const Wakers::Moment* Wakers::last_before(const Moment& wait, bool whatever) const {
  const auto end = std::lower_bound(wakes_.begin(), wakes_.end(), Moment{wait.ns, 0, 0});
  const Moment* last = nullptr;
  for (auto wake = end; wake != wakes_.begin() && end - wake < kFarthest;) {
    --wake;
    if (wake->pid == wait.pid) continue;
    if (fits(wait.channel, wake->channel)) return &*wake;
    if (last == nullptr && whatever) last = &*wake;
  }
  return last;
}

// What went through each pipe, byte by byte. Where more was taken than is known to have been sent,
// nothing is known of the rest.
class Wakers::Pipes {
 public:
  explicit Pipes(const std::vector<Moment>& wakes) {
    for (const Moment& wake : wakes) {
      if (wake.bytes == 0 || (wake.channel & kWays) != PW_WAKE_SENDS) continue;
      Pipe& pipe = pipes_[wake.channel >> 2];
      pipe.sent += wake.bytes;
      pipe.sends.push_back({pipe.sent, &wake});
    }
  }

  // Which call sent the last byte of `take`, the next one of its pipe by the times of their ends.
  const Moment* next(const Moment& take) {
    Pipe& pipe = pipes_[take.channel >> 2];
    pipe.taken += take.bytes;
    while (!pipe.sends.empty() && pipe.sends.front().first < pipe.taken) pipe.sends.pop_front();
    if (pipe.sends.empty()) return nullptr;
    const Moment* const send = pipe.sends.front().second;
    return send->ns <= take.end_ns ? send : nullptr;
  }

 private:
  struct Pipe {
    std::uint64_t sent = 0, taken = 0;
    std::deque<std::pair<std::uint64_t, const Moment*>> sends;  // bytes up to its end
  };
  std::unordered_map<std::uint64_t, Pipe> pipes_;
};

// Who gave what was taken; null: not known, or nobody else.
const Wakers::Moment* Wakers::giver_of(const Moment& take, Pipes& pipes) const {
  const bool of_pipe = take.channel >> 2 >= PW_CHANNEL_FIRST_PIPE;
  if (of_pipe && take.bytes != 0) {
    const Moment* const giver = pipes.next(take);
    return giver != nullptr && giver->pid != take.pid ? giver : nullptr;
  }
  const std::uint64_t ns = of_pipe ? take.end_ns : take.ns;  // the end of a pipe has been closed
  return last_before({ns, take.pid, take.channel}, false);
}

bool Wakers::was_wait(const Moment& take) const {
  const auto it = std::lower_bound(waits_.begin(), waits_.end(), Moment{take.end_ns, take.pid, 0});
  return it != waits_.end() && it->ns == take.end_ns && it->pid == take.pid;
}

// Takes that were no waits, behind the waits.
void Wakers::add_takes(std::vector<WaitEnd>& ends) const {
  std::vector<const Moment*> takes;
  for (const Moment& wake : wakes_) {
    const bool takes_only = (wake.channel & kWays) == PW_WAKE_TAKES;
    if (takes_only && wake.channel >> 2 != PW_CHANNEL_ANY) takes.push_back(&wake);
  }
  std::sort(takes.begin(), takes.end(),
            [](auto* a, auto* b) { return std::tie(a->end_ns, *a) < std::tie(b->end_ns, *b); });
  Pipes pipes(wakes_);
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> known;  // who of whom: how far
  const std::size_t waits = ends.size();
  std::size_t told = 0;  // of the waits
  for (const Moment* take : takes) {
    for (; told < waits && ends[told].end_ns < take->end_ns; ++told) {
      std::uint64_t& far = known[{ends[told].pid, ends[told].waker}];
      far = std::max(far, ends[told].wake_ns);
    }
    const Moment* const giver = giver_of(*take, pipes);
    if (giver == nullptr || was_wait(*take)) continue;
    std::uint64_t& far = known[{take->pid, giver->pid}];
    if (giver->ns <= far) continue;
    far = giver->ns;
    ends.push_back({take->pid, take->end_ns, giver->pid, giver->ns});
  }
}

std::vector<WaitEnd> Wakers::ends() {
  std::sort(waits_.begin(), waits_.end());
  std::sort(wakes_.begin(), wakes_.end());
  find_channels();
  std::vector<WaitEnd> ends;
  for (const Moment& wait : waits_) {
    const Moment* const wake = last_before(wait, true);
    if (wake != nullptr) ends.push_back({wait.pid, wait.ns, wake->pid, wake->ns});
  }
  add_takes(ends);
  std::sort(ends.begin(), ends.end(), [](const WaitEnd& a, const WaitEnd& b) {
    return std::tie(a.end_ns, a.pid) < std::tie(b.end_ns, b.pid);
  });
  return ends;
}

}  // namespace pw::record
