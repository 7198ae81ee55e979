#include "diff/step_generator.hpp"

#include <algorithm>

#include "sys/abi.hpp"

namespace pw::diff {

using sys::Call;

namespace {

constexpr std::size_t kMostProcesses = 5;
constexpr std::uint64_t kMostBytes = 40 * kPageSize;
constexpr std::uint64_t kHugeBytes = 512 * kPageSize;

}  // namespace

std::uint64_t StepGenerator::one_of(std::initializer_list<std::uint64_t> values) {
  return *(values.begin() + random_.below(values.size()));
}

const script::AreaView* StepGenerator::any_area() {
  const auto& areas = duel_->view(who_).areas;
  return areas.empty() ? nullptr : &areas[random_.below(areas.size())];
}

bool StepGenerator::meets_shared(std::uint64_t address, std::uint64_t length) {
  const auto& areas = duel_->view(who_).areas;
  return std::any_of(areas.begin(), areas.end(), [&](const script::AreaView& area) {
    if (area.rights.back() != 's' || area.end <= address) return false;
    return area.begin <= address || area.begin - address < length;
  });
}

std::uint64_t StepGenerator::any_address() {
  std::uint64_t address = 0;
  const script::AreaView* area = any_area();
  if (area != nullptr && !random_.chance(6)) {
    const std::uint64_t pages = (area->end - area->begin) / kPageSize;
    const std::uint64_t near = random_.chance(2) ? area->begin : area->end;
    address = random_.chance(2) ? area->begin + random_.below(pages) * kPageSize
                                : near + random_.below(7) * kPageSize - 3 * kPageSize;
  } else if (random_.chance(3)) {
    address = one_of({0, kPageSize, 0x10000, duel_->layout().heap_begin.value, ~0ULL << 12,
                      1ULL << 47, (1ULL << 47) - kPageSize, 0x8000'0000'0000'0000});
  } else {
    address = duel_->layout().mmap_top.value - random_.below(64) * kPageSize;
  }
  if (duel_->huge() && random_.chance(3)) address &= ~(kHugeBytes - 1);
  return random_.chance(25) ? address + 1 + random_.below(kPageSize - 1) : address;
}

std::uint64_t StepGenerator::huge_length() {
  return one_of({1, 1, 1, 2, 2, 3}) * kHugeBytes +
         (random_.chance(3) ? (random_.below(7) - 3) * kPageSize : 0);
}

std::uint64_t StepGenerator::any_length() {
  if (duel_->huge() && random_.chance(3)) return huge_length();
  if (random_.chance(25))
    return one_of({0, 1, ~0ULL, ~0ULL - kPageSize + 1, 1ULL << 47, 1ULL << 63});
  if (random_.chance(30)) return (510 + random_.below(5)) * kPageSize;
  const std::uint64_t pages = 1 + random_.below(random_.chance(4) ? 20 : 6);
  return random_.chance(12) ? pages * kPageSize - random_.below(kPageSize) : pages * kPageSize;
}

std::uint64_t StepGenerator::any_protection() {
  if (random_.chance(40)) return one_of({8, 16, 1ULL << 32, 0x0100'0003, 0x0200'0001});
  return random_.chance(2) ? 3 : random_.below(8);
}

std::uint64_t StepGenerator::any_fd() {
  if (fds_.empty() || random_.chance(15)) return one_of({3, 4, 99, ~0ULL, 1ULL << 32});
  return fds_[random_.below(fds_.size())];
}

std::uint64_t StepGenerator::any_offset() {
  if (random_.chance(20)) return one_of({1, kPageSize - 1, ~0ULL << 12, 1ULL << 50});
  return random_.below(8) * kPageSize;
}

DuelStep StepGenerator::call(Call which, std::initializer_list<std::uint64_t> args,
                             std::string text) {
  DuelStep step;
  step.who = who_;
  step.request.call = which;
  std::copy(args.begin(), args.end(), step.request.args.begin());
  step.request.text = std::move(text);
  return step;
}

DuelStep StepGenerator::map() {
  std::uint64_t flags = random_.chance(3) ? sys::kMapShared : sys::kMapPrivate;
  if (random_.chance(30)) flags = one_of({0, sys::kMapSharedValidate, sys::kMapDroppable, 7});
  const bool file = !fds_.empty() && random_.chance(3);
  if (!file) flags |= sys::kMapAnonymous;
  const std::uint64_t extra[] = {sys::kMapFixed,     sys::kMapFixedNoReplace, sys::kMapPopulate,
                                 sys::kMapNoReserve, sys::kMapLocked,         sys::kMapGrowsDown,
                                 sys::kMapStack};
  for (const std::uint64_t one : extra) {
    if (random_.chance(one == sys::kMapFixed ? 3 : 14)) flags |= one;
  }
  if (duel_->huge() && !random_.chance(3)) {  // what may have huge pages
    return call(Call::Mmap, {0, huge_length(), 3, sys::kMapPrivate | sys::kMapAnonymous, ~0ULL, 0});
  }
  const std::uint64_t where = (flags & sys::kMapFixed) != 0 || random_.chance(3) ? any_address()
                                                                                 : 0;
  return call(Call::Mmap, {where, any_length(), any_protection(), flags, file ? any_fd() : ~0ULL,
                           file || random_.chance(20) ? any_offset() : 0});
}

DuelStep StepGenerator::access() {
  DuelStep step;
  step.who = who_;
  step.address = VirtAddr(any_address() + (random_.chance(3) ? random_.below(kPageSize) : 0));
  const std::uint64_t kind = random_.below(10);
  if (kind == 0) {
    step.kind = DuelStep::Kind::Fetch;  // of an instruction that ends in its page
    step.address = VirtAddr(step.address.value & ~std::uint64_t{0x83f});
  } else if (kind < 5) {
    step.kind = DuelStep::Kind::Load;
    step.count = random_.chance(5) ? 1 + random_.below(2 * kPageSize) : 1 + random_.below(8);
  } else {
    step.kind = DuelStep::Kind::Store;
    step.bytes.assign(random_.chance(8) ? 1 + random_.below(2 * kPageSize) : 1 + random_.below(4),
                      static_cast<char>('h' + random_.below(15)));
  }
  return step;
}

DuelStep StepGenerator::protect() {
  if (random_.chance(25))
    return call(Call::Mseal, {any_address(), any_length(), random_.below(20) == 0});
  // The host's processes have an area of the runner's own above mmap's range: nothing that
  // stretches down to the next area may meet it.
  const std::uint64_t protection = any_protection();
  const bool stretches = (protection & (sys::kProtGrowsDown | sys::kProtGrowsUp)) != 0;
  const std::uint64_t length = stretches ? 2 * kPageSize : any_length();
  return call(Call::Mprotect, {any_address(), length, protection});
}

DuelStep StepGenerator::remap() {
  std::uint64_t flags = random_.chance(4) ? 0 : sys::kRemapMayMove;
  if (random_.chance(3)) flags |= sys::kRemapFixed;
  if (random_.chance(6)) flags |= sys::kRemapDontUnmap;
  if (random_.chance(40)) flags |= 8;
  const std::uint64_t from = any_length();
  const std::uint64_t to = random_.chance(3) ? from : any_length();
  return call(Call::Mremap, {any_address(), random_.chance(30) ? 0 : from, to, flags,
                             random_.chance(2) ? any_address()
                                               : duel_->layout().mmap_top.value -
                                                     (200 + random_.below(100)) * kPageSize});
}

DuelStep StepGenerator::advise() {
  if (duel_->huge() && random_.chance(2)) {
    const script::AreaView* area = any_area();
    if (area != nullptr && random_.chance(2)) {
      return call(Call::Madvise, {area->begin, area->end - area->begin, sys::kAdviseHugePage});
    }
    const std::uint64_t address = any_address();
    const std::uint64_t length = any_length();
    // Of shared memory the machine has no huge pages.
    const std::uint64_t collapse = meets_shared(address, length) ? sys::kAdviseNormal
                                                                 : sys::kAdviseCollapse;
    return call(Call::Madvise, {address, length,
                                one_of({sys::kAdviseHugePage, sys::kAdviseHugePage,
                                        sys::kAdviseNoHugePage, sys::kAdviseDontNeed, collapse})});
  }
  switch (random_.below(8)) {
    case 0:
      return call(Call::Mincore, {any_address(), std::min(any_length(), 512 * kPageSize)});
    case 1:
      return call(Call::Msync, {any_address(), any_length(), one_of({4, 1, 2, 6, 5, 0, 8})});
    default:
      return call(Call::Madvise, {any_address(), any_length(),
                                  one_of({0,  1,  2,  3,  4,  4,  4,  8,  8,  9,  10, 11, 12,
                                          13, 14, 15, 16, 17, 18, 19, 22, 23, 24, 7,  99})});
  }
}

DuelStep StepGenerator::lock() {
  switch (random_.below(6)) {
    case 0:
      return call(Call::Mlock2, {any_address(), any_length(), random_.below(3)});
    case 1: {
      // Counted with all of the process, the runner's area of 4 MiB among it.
      std::uint64_t mapped = 0;
      for (const script::AreaView& area : duel_->view(who_).areas) mapped += area.end - area.begin;
      constexpr std::uint64_t kMost = 3ULL << 20;
      return call(Call::MlockAll, {mapped > kMost ? 2 : one_of({1, 2, 3, 4, 5, 6, 7, 0, 8})});
    }
    case 2:
      return call(Call::MunlockAll, {});
    case 3:
      return call(Call::Mlock, {any_address(), any_length()});
    default:
      return call(Call::Munlock, {any_address(), any_length()});
  }
}

DuelStep StepGenerator::file() {
  const std::string name(1, static_cast<char>('a' + random_.below(3)));
  // Two pages at once or more would make a large folio, which a fault maps whole.
  const std::string bytes(1 + random_.below(random_.chance(3) ? 2 * kPageSize - 1 : 20), 'F');
  switch (random_.below(14)) {
    case 0:
    case 1: {
      const std::uint64_t flags = random_.chance(4) ? random_.below(3) : sys::kOpenReadWrite;
      return call(Call::Open,
                  {flags | (random_.chance(4) ? 0 : sys::kOpenCreate) |
                       (random_.chance(8) ? sys::kOpenTruncate : 0) |
                       (random_.chance(20) ? sys::kOpenExclusive : 0),
                   0600},
                  name);
    }
    case 2:
      return call(Call::Close, {any_fd()});
    case 3:
    case 4:
    case 5:
      return call(Call::Ftruncate,
                  {any_fd(), random_.chance(20) ? ~0ULL << 12 : random_.below(kMostBytes)});
    case 6:
    case 7:
      return call(Call::Pwrite, {any_fd(), random_.below(kMostBytes)}, bytes);
    case 8:
      return call(Call::Pread, {any_fd(), random_.below(2 * kPageSize), random_.below(kMostBytes)});
    case 9:
      return call(Call::Fsync, {any_fd()});
    case 10:
      return call(Call::Fallocate, {any_fd(), one_of({0, 1, 3, 2}), random_.below(kMostBytes),
                                    random_.below(4 * kPageSize)});
    case 11:
      return call(Call::Fsync, {any_fd()});
    case 12:
      return call(Call::Dup, {any_fd()});
    default:
      return call(Call::Fadvise, {any_fd(), 0, 0, random_.below(4)});
  }
}

DuelStep StepGenerator::shared() {
  const std::string name = "/s" + std::to_string(random_.below(2));
  const std::uint64_t id = segments_.empty() ? 0 : segments_[random_.below(segments_.size())];
  switch (random_.below(9)) {
    case 0:
      return call(Call::MemfdCreate, {one_of({0, 2, 2, 1, 8, 16})}, "m");
    case 1:
      return call(Call::Fcntl, {any_fd(), sys::kFcntlAddSeals, one_of({1, 2, 4, 8, 16, 6, 64})});
    case 2:
      return call(Call::Fcntl, {any_fd(), sys::kFcntlGetSeals, 0});
    case 3:
      return call(Call::ShmOpen, {sys::kOpenReadWrite | sys::kOpenCreate, 0600}, name);
    case 4:
      return call(Call::ShmUnlink, {}, name);
    case 5:
      return call(Call::Shmget, {0, (1 + random_.below(6)) * kPageSize - random_.below(2), 01600});
    case 6:
      return call(Call::Shmat, {id, random_.chance(2) ? 0 : any_address(),
                                one_of({0, 0, sys::kShmReadOnly, sys::kShmRound, sys::kShmRemap})});
    case 7:
      return call(Call::Shmdt, {any_address()});
    default:
      return call(Call::Shmctl, {id, random_.chance(2) ? sys::kIpcRemove : sys::kIpcStat});
  }
}

DuelStep StepGenerator::birth_or_death() {
  const std::size_t alive = duel_->running().size();
  if (alive < kMostProcesses && !random_.chance(4)) {
    const Call which = random_.chance(6) ? (random_.chance(2) ? Call::Clone : Call::Vfork)
                                         : Call::Fork;
    DuelStep step = call(which, {});
    if (which == Call::Clone) step.request.args[0] = sys::kCloneVm;
    step.child = next_process_++;
    return step;
  }
  // Under a limit on its size a program may not survive its own start.
  if (!limited_ && random_.chance(5)) return call(Call::Exec, {}, "program");
  if (random_.chance(3)) {
    return call(Call::ProcessVmReadv, {random_.below(next_process_), any_address(), 16});
  }
  if (alive > 1) return call(Call::Exit, {random_.below(3)});
  return call(Call::Wait, {random_.below(next_process_)});
}

DuelStep StepGenerator::limits() {
  if (random_.chance(2)) {
    const std::uint64_t base = duel_->layout().heap_begin.value;
    return call(Call::Brk, {random_.chance(5) ? any_address() : base + random_.below(kMostBytes)});
  }
  if (random_.chance(3)) return call(Call::Getrlimit, {one_of({2, 3, 8, 9})});
  limited_ = true;
  return call(Call::Setrlimit, {one_of({2, 8, 9, 3}),
                                random_.chance(2) ? 8ULL << 20 : random_.below(200) * kPageSize});
}

DuelStep StepGenerator::draw() {
  const std::uint64_t kind = random_.below(100);
  if (kind < 16) return map();
  if (kind < 46) return access();
  if (kind < 53) return call(Call::Munmap, {any_address(), any_length()});
  if (kind < 61) return protect();
  if (kind < 68) return remap();
  if (kind < 77) return advise();
  if (kind < 80) return lock();
  if (kind < 90) return file();
  if (kind < 94) return shared();
  if (kind < 97) return birth_or_death();
  return limits();
}

DuelStep StepGenerator::next() {
  // What the last answers brought: descriptors and segments are small numbers either way.
  fds_ = {3, 4, 5, 6, 7};
  segments_ = {0, 1, 2};
  const auto& running = duel_->running();
  if (running.count(who_) == 0 || random_.chance(6)) {
    auto it = running.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random_.below(running.size())));
    who_ = *it;
  }
  const script::AreaView* area = duel_->huge() && random_.chance(6) ? any_area() : nullptr;
  if (area == nullptr) return draw();
  return call(Call::Madvise, {area->begin, area->end - area->begin, sys::kAdviseHugePage});
}

}  // namespace pw::diff
