#include "model/player.hpp"

namespace pw::model {

namespace {
std::string text(Pid pid) { return std::to_string(pid); }
}  // namespace

void Player::spawn(Random& random) {
  if (processes_.size() >= kMaxProcesses) return;
  const auto pid = machine_->spawn();
  note("spawn -> " + (pid ? text(*pid) : "no memory"));
  if (!pid) return expect_errno(pid.error().code, Errno::NoMemory, "spawn");
  const Process& process = *machine_->find(*pid);
  auto space = std::make_shared<Space>();
  space->lowest = process.places.space.lowest.value;
  space->user_end = process.places.space.user_end.value;
  space->heap_begin = address_of(process.places.space.heap_begin).value;
  space->brk = space->heap_begin;
  space->stack_limit_pages = scenario_.config.stack_limit.value / kPageSize;
  space->guard_pages = scenario_.config.stack_guard_gap.value;
  const std::uint64_t pages = 1 + random.below(4);
  const auto stack = machine_->map_stack(*pid, ByteCount(pages * kPageSize));
  expect_ok(stack, "map_stack");
  PageState state;
  state.rights = kReadWrite;
  state.grows_down = true;
  state.origin = next_origin_++;
  for (std::uint64_t i = 0; i < pages; ++i, ++state.origin_index) {
    space->pages[page_of(*stack).value + i] = state;
  }
  processes_.push_back({*pid, std::move(space), 0});
}

void Player::fork(Random& random) {
  Proc* parent = any_process(random);
  if (parent == nullptr || processes_.size() >= kMaxProcesses) return;
  const auto pid = machine_->fork(parent->pid);
  note("fork " + text(parent->pid) + " -> " + (pid ? text(*pid) : "no memory"));
  if (!pid) return expect_errno(pid.error().code, Errno::NoMemory, "fork");
  const Proc child{*pid, std::make_shared<Space>(*parent->space), parent->cpu};
  child.space->torn = true;
  processes_.push_back(child);
}

void Player::vfork(Random& random) {
  Proc* parent = any_process(random);
  if (parent == nullptr || processes_.size() >= kMaxProcesses) return;
  const auto pid = machine_->vfork(parent->pid);
  note("vfork " + text(parent->pid) + " -> " + (pid ? text(*pid) : "failed"));
  expect_ok(pid, "vfork");
  const Proc child{*pid, parent->space, parent->cpu};
  processes_.push_back(child);
}

void Player::exit(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr) return;
  note("exit " + text(process->pid));
  expect_ok(machine_->exit(process->pid, 0), "exit");
  const auto again = machine_->exit(process->pid, 0);
  expect(!again && again.error().code == Errno::NoProcess, "a process ended twice");
  drop(*process);
}

void Player::reap(Random& random) {
  if (zombies_.empty()) return;
  const std::size_t which = random.below(zombies_.size());
  const Pid pid = zombies_[which];
  note("reap " + text(pid));
  expect_ok(machine_->reap(pid), "reap");
  zombies_.erase(zombies_.begin() + static_cast<std::ptrdiff_t>(which));
  expect(machine_->find(pid) == nullptr, "a reaped process can be found");
}

void Player::run_on(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr) return;
  const auto cpu = static_cast<unsigned>(random.below(scenario_.config.cpus));
  note("run_on " + text(process->pid) + " cpu " + std::to_string(cpu));
  expect_ok(machine_->run_on(process->pid, cpu), "run_on");
  process->cpu = cpu;
}

}  // namespace pw::model
