#include "replay/turns.hpp"

#include <algorithm>
#include <tuple>

namespace pw::replay {

namespace {

constexpr std::uint32_t kKernelPid = (1U << 22) - 1;  // a pid without how often it was used before

}  // namespace

Turns::Turns(const record::Recording& recording)
    : recording_(&recording), ends_(recording.wait_ends()) {
  for (const record::ProcessInfo& info : recording.processes()) {
    auto lane = std::make_unique<Lane>();
    lane->pid = info.pid;
    lane->parent = info.parent;
    lanes_.emplace(info.pid, std::move(lane));
  }
  for (std::size_t i = 0; i < recording.chunks().size(); ++i) {
    const record::ChunkInfo& info = recording.chunks()[i];
    Lane& lane = *lanes_.at(info.pid);
    if (lane.chunks.empty()) {
      lane.until_ns = info.begin_ns;
      // Nobody will tell of its birth.
      if (info.gap || find(lane.parent) == nullptr) lane.state = Lane::State::Waiting;
    }
    lane.chunks.push_back(i);
  }
  for (auto& [pid, lane] : lanes_) {
    if (lane->chunks.empty()) lane->state = Lane::State::Ended;
  }
}

Lane* Turns::find(std::uint32_t pid) {
  const auto it = lanes_.find(pid);
  return it == lanes_.end() ? nullptr : it->second.get();
}

// In recorded time, how far the lane has come: nothing of it lies before.
std::uint64_t Turns::place_of(Lane& lane) {
  switch (lane.state) {
    case Lane::State::Ready:
    case Lane::State::Paused:
      return lane.open ? lane.time.before(lane.at, lane.clock) : lane.until_ns;
    case Lane::State::Waiting:
      return lane.until_ns;
    default:
      return kNever;  // not born: its parent is earlier; lending: the child is
  }
}

// The other one has done what ended the wait.
bool Turns::has_come(const record::WaitEnd& end) {
  const Lane* waker = find(end.waker);
  return waker == nullptr || waker->state == Lane::State::Ended || waker->woke_ns >= end.wake_ns;
}

bool Turns::may_go_on(const Lane& lane) {
  if (lane.state == Lane::State::Unborn) {
    // Its parent has ended without it: the fork has failed here.
    const Lane* parent = find(lane.parent);
    return parent == nullptr || parent->state == Lane::State::Ended;
  }
  if (lane.state == Lane::State::Paused) return lane.due_ns <= wall_ns_ || is_written(lane);
  if (lane.child != nullptr) return lane.child->state == Lane::State::Ended;
  if (lane.state != Lane::State::Waiting) return false;
  if (lane.timed || lane.end != nullptr) {
    return (lane.timed && lane.due_ns <= wall_ns_) || (lane.end != nullptr && has_come(*lane.end));
  }
  return std::all_of(lanes_.begin(), lanes_.end(), [&](const auto& other) {
    return other.second.get() == &lane || place_of(*other.second) >= lane.until_ns;
  });
}

void Turns::at(std::uint64_t now_ns, std::uint64_t waited_ns, std::uint64_t writes_ended) {
  const std::uint64_t ran_ns = now_ns - now_ns_ - std::min(waited_ns, now_ns - now_ns_);
  share_.pass(static_cast<std::int64_t>(ran_ns));
  wall_ns_ += ran_ns;
  now_ns_ = now_ns;
  writes_ended_ = writes_ended;
}

void Turns::stop(Lane& lane, Lane::State state) {
  lane.state = state;
  share_.sleep(lane.share);
}

void Turns::go_on(Lane& lane) {
  lane.state = Lane::State::Ready;
  if (lane.child != nullptr) lane.child->waited_for = true;
  lane.child = nullptr;
  lane.end = nullptr;
  lane.timed = false;
  if (!lane.share.queued) share_.wake(lane.share);
}

// Whether there was anybody.
bool Turns::wake() {
  bool any = false;
  for (auto& [pid, lane] : lanes_) {
    if (lane->share.queued || lane->state == Lane::State::Ended || !may_go_on(*lane)) continue;
    go_on(*lane);
    any = true;
  }
  return any;
}

// If anybody waits for a device: whose time is the first to be over, that one's or another's.
Lane* Turns::first_due() {
  Lane* first = nullptr;
  bool paused = false;
  for (auto& [pid, lane] : lanes_) {
    paused = paused || lane->state == Lane::State::Paused;
    if (lane->state != Lane::State::Paused && !lane->timed) continue;
    if (first == nullptr || lane->due_ns < first->due_ns) first = lane.get();
  }
  if (!paused) return nullptr;
  wall_ns_ = std::max(wall_ns_, first->due_ns);
  return first;
}

Lane* Turns::first_when_recorded() {
  Lane* first = nullptr;
  for (auto& [pid, lane] : lanes_) {
    if (lane->state == Lane::State::Ended) continue;
    if (first == nullptr || lane->until_ns < first->until_ns) first = lane.get();
  }
  return first;
}

Lane* Turns::lane_of(const FairShare::Task* task) {
  for (auto& [pid, lane] : lanes_) {
    if (&lane->share == task) return lane.get();
  }
  return nullptr;
}

Lane* Turns::next() {
  if (wake()) share_.preempted();
  Lane* lane = lane_of(share_.next());
  if (lane != nullptr) return lane;
  Lane* first = first_due();
  if (first == nullptr) first = first_when_recorded();
  if (first == nullptr) return nullptr;
  first->child = nullptr;
  go_on(*first);
  return lane_of(share_.next());
}

std::uint64_t Turns::next_due_ns() const {
  std::uint64_t due_ns = kNever;
  for (const auto& [pid, lane] : lanes_) {
    const bool due = lane->timed || lane->state == Lane::State::Paused;
    if (due) due_ns = std::min(due_ns, lane->due_ns);
  }
  return due_ns == kNever ? kNever : now_ns_ + due_ns - wall_ns_;
}

void Turns::pause(Lane& lane, std::uint64_t waited_ns, std::uint64_t until_written) {
  lane.due_ns = wall_ns_ + waited_ns;
  lane.until_written = until_written;
  stop(lane, Lane::State::Paused);
}

// Who ends the first wait of the lane that ended at `ns` or later; null: nobody.
const record::WaitEnd* Turns::find_end(const Lane& lane, std::uint64_t ns) const {
  const record::WaitEnd wanted{lane.pid, ns, 0, 0};
  const auto end = std::lower_bound(ends_->begin(), ends_->end(), wanted,
                                    [](const auto& a, const auto& b) {
                                      return std::tie(a.pid, a.end_ns) < std::tie(b.pid, b.end_ns);
                                    });
  return end != ends_->end() && end->pid == lane.pid ? &*end : nullptr;
}

bool Turns::wait(Lane& lane, const record::Event& event) {
  lane.until_ns = event.last_reference;
  lane.child = nullptr;
  lane.end = nullptr;
  lane.timed = false;
  if (event.offset != 0) {
    for (auto& [pid, child] : lanes_) {
      const bool meant = (pid & kKernelPid) == event.offset && child->parent == lane.pid;
      if (!meant || child->waited_for) continue;
      lane.child = child.get();
      break;
    }
  }
  if (ends_ != nullptr && lane.child == nullptr) {
    lane.end = find_end(lane, event.last_reference);
    lane.timed = event.size != 0;
    lane.due_ns = wall_ns_ + event.length;
    // Nobody of the recording has ended it.
    const bool of_another = lane.end != nullptr && lane.end->end_ns != event.last_reference;
    if (!lane.timed && (lane.end == nullptr || of_another)) return false;
  }
  return stand(lane);
}

bool Turns::leave(Lane& lane, std::uint64_t ns) {
  lane.until_ns = ns;
  lane.child = nullptr;
  lane.end = nullptr;
  lane.timed = false;
  return stand(lane);
}

// Whether the lane has to wait, for what has just been said.
bool Turns::stand(Lane& lane) {
  lane.state = Lane::State::Waiting;
  if (may_go_on(lane)) {
    go_on(lane);
    return false;
  }
  stop(lane, Lane::State::Waiting);
  return true;
}

bool Turns::woke(Lane& lane, const record::Event& event) {
  lane.woke_ns = std::max(lane.woke_ns, event.last_reference);
  const bool preempted = wake() && share_.preempted();
  if (ends_ == nullptr) return preempted;
  const std::uint64_t ns = event.last_reference + event.length;
  const record::WaitEnd* const end = find_end(lane, ns);
  if (end == nullptr || end->end_ns != ns || has_come(*end)) return preempted;
  lane.until_ns = ns;
  lane.child = nullptr;
  lane.end = end;
  lane.timed = false;
  stop(lane, Lane::State::Waiting);
  return true;
}

void Turns::close_chunk(Lane& lane) {
  lane.open = false;
  if (lane.next == lane.chunks.size()) return;
  lane.until_ns = std::max(lane.until_ns, recording_->chunks()[lane.chunks[lane.next]].begin_ns);
}

std::uint64_t Turns::chunks_begun() const {
  std::uint64_t count = 0;
  for (const auto& [pid, lane] : lanes_) count += lane->next;
  return count;
}

void Turns::ended(Lane& lane) {
  stop(lane, Lane::State::Ended);
  lane.chunk = {};
  lane.time = {};
  gave_back(lane);
}

void Turns::born(std::uint32_t pid) {
  Lane* child = find(pid);
  if (child == nullptr || child->state != Lane::State::Unborn) return;
  child->state = Lane::State::Ready;
  share_.add_new(child->share);
}

void Turns::lend(Lane& lane, std::uint32_t child) {
  Lane* to = find(child);
  if (to == nullptr || to->state == Lane::State::Ended) return;
  stop(lane, Lane::State::Lending);
  lane.until_ns = kNever;
  lane.child = to;
}

void Turns::gave_back(Lane& lane) {
  for (auto& [pid, other] : lanes_) {
    if (other->state != Lane::State::Lending || other->child != &lane) continue;
    other->child = nullptr;
    go_on(*other);
  }
}

}  // namespace pw::replay
