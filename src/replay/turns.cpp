#include "replay/turns.hpp"

#include <algorithm>

namespace pw::replay {

namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};
constexpr std::uint32_t kKernelPid = (1U << 22) - 1;  // a pid without how often it was used before

}  // namespace

Turns::Turns(const record::Recording& recording) : recording_(&recording) {
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
      return lane.open ? lane.time.before(lane.at, lane.clock) : lane.until_ns;
    case Lane::State::Waiting:
      return lane.until_ns;
    default:
      return kNever;  // not born: its parent is earlier; lending: the child is
  }
}

bool Turns::may_go_on(const Lane& lane) {
  if (lane.state == Lane::State::Unborn) {
    // Its parent has ended without it: the fork has failed here.
    const Lane* parent = find(lane.parent);
    return parent == nullptr || parent->state == Lane::State::Ended;
  }
  if (lane.child != nullptr) return lane.child->state == Lane::State::Ended;
  if (lane.state != Lane::State::Waiting) return false;
  return std::all_of(lanes_.begin(), lanes_.end(), [&](const auto& other) {
    return other.second.get() == &lane || place_of(*other.second) >= lane.until_ns;
  });
}

void Turns::wake() {
  for (auto& [pid, lane] : lanes_) {
    if (lane->state == Lane::State::Ready || lane->state == Lane::State::Ended) continue;
    if (!may_go_on(*lane)) continue;
    lane->state = Lane::State::Ready;
    if (lane->child != nullptr) lane->child->waited_for = true;
    lane->child = nullptr;
    queue_.push_front(lane.get());
  }
}

Lane* Turns::next() {
  wake();
  if (queue_.empty()) {
    Lane* first = nullptr;
    for (auto& [pid, lane] : lanes_) {
      if (lane->state == Lane::State::Ended) continue;
      if (first == nullptr || lane->until_ns < first->until_ns) first = lane.get();
    }
    if (first == nullptr) return nullptr;
    first->state = Lane::State::Ready;
    first->child = nullptr;
    return first;
  }
  Lane* lane = queue_.front();
  queue_.pop_front();
  return lane;
}

void Turns::wait(Lane& lane, const record::Event& event) {
  lane.state = Lane::State::Waiting;
  lane.until_ns = event.last_reference;
  lane.child = nullptr;
  if (event.offset == 0) return;
  for (auto& [pid, child] : lanes_) {
    const bool meant = (pid & kKernelPid) == event.offset && child->parent == lane.pid;
    if (!meant || child->waited_for) continue;
    lane.child = child.get();
    return;
  }
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
  lane.state = Lane::State::Ended;
  lane.chunk = {};
  lane.time = {};
  gave_back(lane);
}

void Turns::born(std::uint32_t pid) {
  Lane* child = find(pid);
  if (child == nullptr || child->state != Lane::State::Unborn) return;
  child->state = Lane::State::Ready;
  queue_.push_back(child);
}

void Turns::lend(Lane& lane, std::uint32_t child) {
  Lane* to = find(child);
  if (to == nullptr || to->state == Lane::State::Ended) {
    yield(lane);
    return;
  }
  lane.state = Lane::State::Lending;
  lane.until_ns = kNever;
  lane.child = to;
}

void Turns::gave_back(Lane& lane) {
  for (auto& [pid, other] : lanes_) {
    if (other->state != Lane::State::Lending || other->child != &lane) continue;
    other->state = Lane::State::Ready;
    other->child = nullptr;
    queue_.push_front(other.get());
  }
}

}  // namespace pw::replay
