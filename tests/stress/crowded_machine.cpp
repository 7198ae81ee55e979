#include "stress/crowded_machine.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>
#include <utility>

#include "policy/any_policy.hpp"
#include "ports/sim/memory_store.hpp"

namespace pw::stress {

namespace {

constexpr std::size_t kMembers = 6;
constexpr std::uint64_t kSharedPages = 700;
constexpr std::uint64_t kWindowPages = 192;

// The counters of a struct that has nothing else.
template <class Counters>
void append(std::vector<std::uint64_t>& numbers, const Counters& counters) {
  static_assert(std::has_unique_object_representations_v<Counters>);
  using Numbers = std::array<std::uint64_t, sizeof(Counters) / sizeof(std::uint64_t)>;
  const auto all = std::bit_cast<Numbers>(counters);
  numbers.insert(numbers.end(), all.begin(), all.end());
}

// Somewhere else in each page, across the words of it.
VirtAddr word_at(VirtAddr begin, std::uint64_t page) {
  return begin + bytes_of(PageCount(page)) + ByteCount(page * 40 % 4088);
}

}  // namespace

CrowdedMachine::CrowdedMachine(const CrowdOptions& options)
    : options_(options), random_(options.seed) {}

MachineConfig CrowdedMachine::random_config() {
  const auto policies = policy::policy_names();
  constexpr DeviceModel kDevices[] = {kHdd, kSsd, kNvme, kZram, kFarMemory};
  MachineConfig config;
  config.seed = options_.seed;
  config.ram = ByteCount((8 + random_.below(17)) << 20);
  config.swap = ByteCount(256ULL << 20);
  config.policy = std::string(policies[options_.seed % policies.size()]);
  config.levels = random_.chance(2) ? 5 : 4;
  config.cpus = 1 + static_cast<unsigned>(random_.below(4));
  config.swap_device = kDevices[random_.below(std::size(kDevices))];
  config.file_device = kDevices[random_.below(std::size(kDevices))];
  config.swappiness = random_.chance(2) ? -1 : static_cast<int>(random_.below(201));
  config.lazy_fork = random_.chance(2);
  config.aslr = random_.chance(2);
  config.kernel_map = random_.chance(2);
  config.kpti = config.kernel_map && random_.chance(2);
  if (random_.chance(3)) config.resident_limit_pages = 1000 + random_.below(1000);
  config.writeback_interval_ns = 20'000'000;
  config.dirty_expire_ns = 50'000'000;
  return config;
}

void CrowdedMachine::truth(bool holds, const char* what) {
  if (!holds) wrong(what);
}

void CrowdedMachine::wrong(const std::string& what) {
  if (outcome_.wrong.empty())
    outcome_.wrong = "seed " + std::to_string(options_.seed) + ": " + what;
}

void CrowdedMachine::check(const Result<void>& result, const char* what) {
  if (!result) wrong(std::string(what) + ": " + result.error().message);
}

bool CrowdedMachine::add_region(Member& member, std::uint64_t pages, FileId backing,
                                std::shared_ptr<Words> words) {
  MmapRequest request;
  request.length = bytes_of(PageCount(pages));
  request.shared = words != nullptr;
  if (request.shared) request.backing = &machine_->object(backing);
  const auto at = machine_->mmap(member.pid, request);
  if (!at) return false;
  if (words == nullptr) words = std::make_shared<Words>(pages, 0);
  member.regions.push_back({*at, std::move(words), request.shared});
  return true;
}

bool CrowdedMachine::begin() {
  auto machine = Machine::create(random_config(),
                                 std::make_unique<sim::MemoryStore>(ByteCount(256ULL << 20)));
  if (!machine) return false;
  machine_ = std::move(*machine);
  const ByteCount shared_bytes = bytes_of(PageCount(kSharedPages));
  file_ = machine_->open_file("file", std::make_unique<sim::MemoryStore>(shared_bytes));
  shared_ = machine_->create_shared(shared_bytes);
  file_words_ = std::make_shared<Words>(kSharedPages, 0);
  shared_words_ = std::make_shared<Words>(kSharedPages, 0);
  for (int i = 0; i < 3; ++i) {
    Member member;
    const auto pid = machine_->spawn("crowd");
    if (!pid) return false;
    member.pid = *pid;
    if (!add_region(member, 1500 + random_.below(2500), {}, nullptr) ||
        !add_region(member, kSharedPages, file_, file_words_) ||
        !add_region(member, kSharedPages, shared_, shared_words_)) {
      return false;
    }
    members_.push_back(std::move(member));
  }
  return true;
}

// Three of four references fall into a window that wanders; the rest go anywhere.
std::uint64_t CrowdedMachine::any_page(Member& member, const Region& region) {
  if (random_.chance(40)) member.hot = random_.next();
  const std::uint64_t pages = region.words->size();
  if (random_.chance(4)) return random_.below(pages);
  return (member.hot % pages + random_.below(kWindowPages)) % pages;
}

void CrowdedMachine::write(Member& member, Region& region, std::uint64_t page) {
  const std::uint64_t value = random_.next();
  const VirtAddr at = word_at(region.begin, page);
  truth(machine_->write(member.pid, at, std::as_bytes(std::span(&value, 1))).ok(), "a store fails");
  (*region.words)[page] = value;
}

void CrowdedMachine::read(Member& member, const Region& region, std::uint64_t page) {
  std::uint64_t value = 0;
  const VirtAddr at = word_at(region.begin, page);
  const auto bytes = std::as_writable_bytes(std::span(&value, 1));
  truth(machine_->read(member.pid, at, bytes).ok(), "a load fails");
  truth(value == (*region.words)[page], "a load gives another value than was stored");
  hash_ = (hash_ ^ value) * 0x9E3779B97F4A7C15ULL;
}

void CrowdedMachine::use(Member& member) {
  Region& region = member.regions[random_.chance(3) ? random_.below(member.regions.size()) : 0];
  for (std::uint64_t i = 4 + random_.below(16); i > 0; --i) {
    const std::uint64_t page = any_page(member, region);
    if (random_.chance(2)) {
      write(member, region, page);
    } else {
      read(member, region, page);
    }
  }
}

void CrowdedMachine::fork() {
  if (members_.size() == kMembers) return;
  Member child = any();
  const auto pid = machine_->fork(child.pid);
  truth(pid.has_value(), "fork fails");
  if (!pid) return;
  child.pid = *pid;
  for (Region& region : child.regions) {
    if (!region.shared) region.words = std::make_shared<Words>(*region.words);
  }
  members_.push_back(std::move(child));
}

void CrowdedMachine::leave() {
  if (members_.size() < 3) return;
  const auto at = members_.begin() + static_cast<std::ptrdiff_t>(random_.below(members_.size()));
  check(machine_->exit(at->pid, 0), "exit fails");
  // A child of a process that has ended is nobody's to reap.
  static_cast<void>(machine_->reap(at->pid));
  members_.erase(at);
}

// MADV_DONTNEED of a part of the private region.
void CrowdedMachine::forget(Member& member) {
  Region& region = member.regions[0];
  const std::uint64_t first = random_.below(region.words->size());
  const std::uint64_t pages = 1 + random_.below(
                                      std::min<std::uint64_t>(300, region.words->size() - first));
  check(machine_->discard(member.pid, region.begin + bytes_of(PageCount(first)),
                          bytes_of(PageCount(pages))),
        "discard fails");
  const auto words = region.words->begin() + static_cast<std::ptrdiff_t>(first);
  std::fill_n(words, pages, 0);
}

// mremap of the private region to another place, a little shorter or longer.
void CrowdedMachine::move_region(Member& member) {
  Region& region = member.regions[0];
  const std::uint64_t pages = 1200 + random_.below(2800);
  MremapRequest request;
  request.address = region.begin;
  request.old_length = bytes_of(PageCount(region.words->size()));
  request.new_length = bytes_of(PageCount(pages));
  request.may_move = true;
  const auto at = machine_->mremap(member.pid, request);
  truth(at.has_value(), "mremap fails");
  if (!at) return;
  region.begin = *at;
  region.words->resize(pages, 0);
}

void CrowdedMachine::step() {
  Member& member = any();
  switch (random_.below(256)) {
    case 0:
    case 1:
      return fork();
    case 2:
      return leave();
    case 3:
      return forget(member);
    case 4:
      return check(machine_->sync_file(file_), "sync_file fails");
    case 5:
      return machine_->advance(random_.below(40'000'000));
    case 6:
      if (random_.chance(8)) move_region(member);
      return;
    case 7:
    case 8:
    case 9: {
      const auto cpu = static_cast<unsigned>(random_.below(machine_->config().cpus));
      return check(machine_->run_on(member.pid, cpu), "run_on fails");
    }
    default:
      return use(member);
  }
}

void CrowdedMachine::finish() {
  check(machine_->verify(), "verify");
  for (Member& member : members_) {
    for (Region& region : member.regions) {
      for (std::uint64_t page = 0; page < region.words->size(); ++page) read(member, region, page);
    }
  }
  const MachineCounters before_exits = machine_->counters();
  for (Member& member : members_) check(machine_->exit(member.pid, 0), "exit fails");
  check(machine_->verify(), "verify");
  outcome_.counters = before_exits;
  append(outcome_.numbers, before_exits);
  append(outcome_.numbers, machine_->counters());
  append(outcome_.numbers, machine_->tlb_counters());
  for (const AreaCounters& area : machine_->area_counters()) append(outcome_.numbers, area);
  outcome_.numbers.push_back(machine_->clock().now_ns());
  outcome_.numbers.push_back(hash_);
}

Outcome CrowdedMachine::play() {
  truth(begin(), "the machine cannot be made");
  for (std::uint64_t i = 1; i <= options_.operations && outcome_.wrong.empty(); ++i) {
    step();
    if (i % options_.verify_every == 0) check(machine_->verify(), "verify");
  }
  if (outcome_.wrong.empty()) finish();
  return std::move(outcome_);
}

}  // namespace pw::stress
