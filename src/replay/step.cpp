// What the events of a recording that do not refer to memory mean for the machine: calls, forks,
// new images, ends.
#include <memory>

#include "replay/fork_call.hpp"
#include "replay/replayer.hpp"

namespace pw::replay {

using record::Chunk;
using record::Event;
using record::EventKind;

RecordedProcess& Replayer::adopt(std::uint32_t recorded_pid, Pid pid) {
  auto& place = processes_[recorded_pid];
  if (place == nullptr) order_.push_back(recorded_pid);
  place = std::make_unique<RecordedProcess>(machine_, names_, call_sites_, transcript_, pid);
  return *place;
}

// The call stack that the recorder noted for the system call of event `at`.
std::uint32_t Replayer::stack_of_call(const Chunk& chunk, std::size_t at) {
  const Event* stack = stack_behind(chunk, at, record::StackCause::Syscall);
  return stack != nullptr ? stack->index : RecordedProcess::kNoStack;
}

Result<void> Replayer::step(const Chunk& chunk, std::size_t at, Stream& stream) {
  const Event& event = chunk.events[at];
  tell_stays();
  before_look_.cpu = nullptr;
  switch (event.kind) {
    case EventKind::FilterGone:
      if (FilterStays::until_now(event)) current_->leave_filter(Vpn(event.page));
      break;
    case EventKind::Syscall:
      current_->apply(chunk.syscalls[event.index], stack_of_call(chunk, at));
      break;
    case EventKind::Transfer:
      current_->transfer(event);
      break;
    case EventKind::Fork:
      PW_TRY(fork(chunk, at));
      break;
    case EventKind::Exec: {
      stream.in_run = false;
      if (current_->running()) PW_TRY(current_->start_image(chunk.images[event.index]));
      break;
    }
    case EventKind::Exit:
      if (!current_->running()) break;
      current_->close_all();
      PW_TRY(machine_.exit(current_->pid(), static_cast<int>(event.index)));
      child_ended(chunk.info.pid);
      if (transcript_ != nullptr) {
        transcript_->exited(current_->pid(), static_cast<int>(event.index));
      }
      break;
    case EventKind::Thread: {
      const auto cpus = static_cast<std::size_t>(machine_.config().cpus);
      const auto next = static_cast<unsigned>(cpu_of_thread_.size() % cpus);
      const auto place = cpu_of_thread_.try_emplace(event.index, next).first;
      if (current_->running()) PW_TRY(machine_.run_on(current_->pid(), place->second));
      break;
    }
    default:
      break;
  }
  return {};
}

Result<void> Replayer::fork(const Chunk& chunk, std::size_t at) {
  last_fork_ = {};
  const Event& event = chunk.events[at];
  if (!current_->running() || event.index == chunk.info.pid) return {};
  const record::SyscallRecord* call = call_of_fork(chunk, at);
  RecordedProcess& parent = *current_;
  const bool lends = parent.native() && lends_memory(call);
  const Result<Pid> child = lends ? machine_.vfork(parent.pid()) : machine_.fork(parent.pid());
  if (!child) return {};  // no memory: the child, and what it would have done, is missing
  if (transcript_ != nullptr) transcript_->forked(parent.pid(), *child, event.index);
  last_fork_ = {true, lends};
  RecordedProcess& made = adopt(event.index, *child);
  const std::uint32_t tid = call != nullptr ? call->tid : 0;
  made.inherit(parent);
  made.inherit(parent, tid, event.index);
  if (lends || !parent.native()) return {};
  made.write_rseq(event.index);
  parent.wait_for_child(tid);
  parents_[event.index] = chunk.info.pid;
  return {};
}

void Replayer::child_ended(std::uint32_t recorded_pid) {
  const auto parent = parents_.find(recorded_pid);
  if (parent == parents_.end()) return;
  if (const auto it = processes_.find(parent->second); it != processes_.end()) it->second->go_on();
  parents_.erase(parent);
}

}  // namespace pw::replay
