#include "model/player.hpp"

#include <algorithm>

#include "ports/sim/memory_store.hpp"

namespace pw::model {

Player::Player(const Scenario& scenario, Log log) : scenario_(scenario), log_(std::move(log)) {
  auto machine = Machine::create(scenario.config, std::make_unique<sim::MemoryStore>(ByteCount(0)));
  expect_ok(machine, "Machine::create");
  machine_ = std::move(*machine);
}

void Player::expect(bool truth, const std::string& what) {
  if (!truth) throw Mismatch{what};
}

void Player::expect_errno(Errno got, Errno wanted, const char* call) {
  expect(got == wanted, std::string(call) + " failed with errno " +
                            std::to_string(static_cast<int>(got)) + " instead of " +
                            std::to_string(static_cast<int>(wanted)));
}

void Player::note(const std::string& text) {
  if (log_) log_(text);
}

void Player::verify(const char* when) {
  const Result<void> sound = machine_->verify();
  expect(sound.has_value(), std::string(when) + ": " + (sound ? "" : sound.error().message));
}

void Player::play() {
  Random setup(scenario_.seed + 1);
  open_file(setup);
  open_file(setup);
  create_shared(setup);
  spawn(setup);
  std::uint64_t since_verify = 0;
  for (const Op& op : scenario_.ops) {
    step(op);
    if (++since_verify >= scenario_.verify_every) {
      verify("after an operation");
      since_verify = 0;
    }
  }
  finish();
}

void Player::step(const Op& op) {
  using Method = void (Player::*)(Random&);
  static constexpr Method kMethods[kOpKinds] = {
      &Player::spawn,         &Player::fork,      &Player::vfork,      &Player::exit,
      &Player::reap,          &Player::mmap,      &Player::munmap,     &Player::mprotect,
      &Player::mremap,        &Player::brk,       &Player::discard,    &Player::msync,
      &Player::read,          &Player::write,     &Player::touch,      &Player::wild_access,
      &Player::wait,          &Player::advance,   &Player::run_on,     &Player::reclaim,
      &Player::add_swap,      &Player::bad_call,  &Player::open_file,  &Player::close_file,
      &Player::create_shared, &Player::read_file, &Player::write_file, &Player::sync_file,
      &Player::truncate,
  };
  Random random(op.seed);
  bury();
  if (processes_.empty()) spawn(random);
  (this->*kMethods[static_cast<std::size_t>(op.kind)])(random);
}

void Player::finish() {
  verify("before the end");
  for (bury(); !processes_.empty(); bury()) {
    const Pid pid = processes_.back().pid;
    check_all(processes_.back());
    if (processes_.empty() || processes_.back().pid != pid) continue;  // killed meanwhile
    expect_ok(machine_->exit(pid, 0), "exit");
    processes_.pop_back();
  }
  for (const auto& object : objects_) {
    if (object->open) expect_ok(machine_->sync_file(object->id), "sync_file");
    if (!object->file) continue;
    expect(*object->store == object->bytes,
           "the store of file " + std::to_string(object->id) + " differs after all was written");
  }
  verify("after every process ended");
  for (const auto& object : objects_) {
    if (object->open) expect_ok(machine_->close_file(object->id), "close_file");
  }
  verify("after every file was closed");
  expect(machine_->frames().user_frames() == 0, "user frames are left");
  expect(machine_->frames().table_frames() == 0, "page tables are left");
  expect(machine_->swap().used_slots() == 0, "swap slots are left");
}

Player::Proc* Player::any_process(Random& random) {
  return processes_.empty() ? nullptr : &processes_[random.below(processes_.size())];
}

std::shared_ptr<Object> Player::any_object(Random& random, bool open_only) {
  std::vector<std::shared_ptr<Object>> choices;
  for (const auto& object : objects_) {
    if (object->open || !open_only) choices.push_back(object);
  }
  return choices.empty() ? nullptr : choices[random.below(choices.size())];
}

std::uint64_t Player::any_page(Space& space, Random& random) {
  auto it = space.pages.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(random.below(space.pages.size())));
  return it->first;
}

// A page number for new pages: near something, in a region of its own, or far away, so that tables
// of every level come and go.
std::uint64_t Player::far_page(Space& space, Random& random, std::uint64_t pages) const {
  const std::uint64_t levels = static_cast<std::uint64_t>(scenario_.config.levels);
  const std::uint64_t step = 1ULL << (9 * (1 + random.below(levels - 1)));
  std::uint64_t page = step * (1 + random.below(6)) + random.below(40);
  if (random.chance(3) && !space.pages.empty()) {
    page = any_page(space, random) + random.below(24);
    page = page > 12 ? page - 12 : page;
  }
  page = std::max(page, space.lowest);
  return std::min(page, space.user_end - pages);
}

// Some pages of the space, perhaps with holes, perhaps beyond what is mapped.
Player::PageRun Player::any_run(Space& space, Random& random, std::uint64_t most) {
  const std::uint64_t pages = 1 + random.below(most);
  if (space.pages.empty()) return {far_page(space, random, pages), pages};
  std::uint64_t page = any_page(space, random);
  page = page > random.below(4) + space.lowest ? page - random.below(3) : page;
  return {std::min(page, space.user_end - pages), pages};
}

VirtAddr Player::any_address(Space& space, Random& random) {
  std::uint64_t page = space.pages.empty() ? space.lowest : any_page(space, random);
  if (random.chance(12)) page += random.below(5);
  if (random.chance(12)) page -= std::min(page, random.below(24));
  std::uint64_t offset = random.below(kPageSize);
  if (random.chance(4)) offset = kPageSize - 1 - random.below(8);
  return VirtAddr((page << kPageShift) + offset);
}

// The process is gone; true if it was there. References to it end.
bool Player::drop(Proc& process) {
  const Pid pid = process.pid;
  const auto it = std::find_if(processes_.begin(), processes_.end(),
                               [pid](const Proc& p) { return p.pid == pid; });
  if (it == processes_.end()) return false;
  zombies_.push_back(pid);
  processes_.erase(it);
  return true;
}

// Processes that ended so that another could go on, with the memory that they had: the kernel's way
// (src/machine/oom.cpp), if nothing else was left.
void Player::bury() {
  for (std::size_t i = processes_.size(); i-- > 0;) {
    const Process* there = machine_->find(processes_[i].pid);
    if (there == nullptr || there->state != ProcessState::Zombie) continue;
    expect(scenario_.tight && scenario_.config.model == MemoryModel::Linux &&
               there->cause == ExitCause::OutOfMemory,
           "a process ended by itself");
    (void)drop(processes_[i]);
  }
}

void Player::advance(Random& random) {
  const std::uint64_t ns = random.below(1ULL << (10 + random.below(16)));
  note("advance " + std::to_string(ns));
  machine_->advance(ns);
}

void Player::reclaim(Random& random) {
  const std::uint64_t frames = 1 + random.below(random.chance(4) ? 200 : 10);
  note("reclaim " + std::to_string(frames));
  machine_->reclaimer().reclaim(frames);
}

void Player::add_swap(Random& random) {
  if (added_swap_ >= 3) return;
  ++added_swap_;
  const ByteCount size((8 + random.below(64)) * kPageSize);
  note("add_swap " + std::to_string(size.value));
  expect_ok(machine_->add_swap(std::make_unique<sim::MemoryStore>(ByteCount(0)), size,
                               static_cast<int>(random.below(3)), kZram),
            "add_swap");
}

}  // namespace pw::model
