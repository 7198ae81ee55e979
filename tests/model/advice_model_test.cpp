// Random advice, locks and forks under memory pressure, against a naive model of what must hold
// whatever reclaim does: a page reads as what was written last, or as zeros after it was given up
// (and MADV_FREE may take its time about that); pages of locked areas that were in memory stay;
// areas are what a byte map says. The machine verifies itself after each operation.
#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "support/kernel_calls.hpp"

namespace pw::test {

namespace {

using sys::Call;
constexpr std::uint64_t kPage = kPageSize, kPages = 48;

// What is known of one page of the region.
struct Known {
  std::uint64_t value = 0;
  bool may_be_zero = false;  // freed lazily, not written since
  bool locked = false, on_fault = false, wiped = false, left_out = false;
  bool in_core = false;     // seen there while locked
  std::uint8_t advice = 0;  // Normal, Random, Sequential
};
using Region = std::array<Known, kPages>;

class Player {
 public:
  Player(const MachineConfig& config, std::uint64_t seed) : program_(config), random_(seed) {
    base_ = program_.map(kPages);
    regions_[program_.pid()] = {};
  }

  void play(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) step();
  }

 private:
  struct Run {
    std::uint64_t begin, end, address, bytes;
  };

  Region& region() { return regions_[program_.pid()]; }
  Run choose() {
    const std::uint64_t begin = random_.below(kPages);
    const std::uint64_t pages = 1 + random_.below(std::min<std::uint64_t>(kPages - begin, 12));
    return {begin, begin + pages, base_ + begin * kPage, pages * kPage};
  }
  template <class Fn>
  void each(const Run& run, Fn&& fn) {
    for (std::uint64_t i = run.begin; i < run.end; ++i) fn(region()[i]);
  }
  bool any_locked(const Run& run) {
    bool any = false;
    each(run, [&](const Known& page) { any = any || page.locked; });
    return any;
  }

  void step() {
    switch (random_.below(16)) {
      case 0:
      case 1:
      case 2:
        return write();
      case 3:
      case 4:
        return read();
      case 5:
        return give_up();
      case 6:
        return free_lazily();
      case 7:
      case 8:
        return lock();
      case 9:
        return change_area();
      case 10:
        return harmless();
      case 11:
        return press();
      case 12:
        return fork();
      case 13:
        return leave();
      case 14:
        return change_process();
      default:
        return compare();
    }
  }

  void write() {
    const std::uint64_t i = random_.below(kPages);
    Known& page = region()[i];
    page.value = ++last_;
    page.may_be_zero = false;
    program_.poke(base_ + i * kPage, page.value);
  }

  void read() {
    const std::uint64_t i = random_.below(kPages);
    Known& page = region()[i];
    const std::uint64_t value = program_.peek(base_ + i * kPage);
    if (value == 0 && page.may_be_zero) page = forgotten(page);
    EXPECT_EQ(value, page.value) << "page " << i;
  }
  static Known forgotten(Known page) {
    page.value = 0;
    page.may_be_zero = false;
    return page;
  }

  // MADV_DONTNEED stops at the first locked area, MADV_DONTNEED_LOCKED does not.
  void give_up() {
    const Run run = choose();
    const bool even_locked = random_.below(2) == 0;
    const std::int64_t answer = program_.madvise(
        run.address, run.bytes / kPage, even_locked ? Advice::DontNeedLocked : Advice::DontNeed);
    EXPECT_EQ(answer, even_locked || !any_locked(run) ? 0 : -22);
    for (std::uint64_t i = run.begin; i < run.end; ++i) {
      Known& page = region()[i];
      if (page.locked && !even_locked) break;
      page = forgotten(page);
      page.in_core = false;
    }
  }

  void free_lazily() {
    const Run run = choose();
    const std::int64_t answer = program_.madvise(run.address, run.bytes / kPage, Advice::Free);
    EXPECT_EQ(answer, any_locked(run) ? -22 : 0);
    for (std::uint64_t i = run.begin; i < run.end && !region()[i].locked; ++i) {
      region()[i].may_be_zero = true;
    }
  }

  void lock() {
    const Run run = choose();
    const std::uint64_t how = random_.below(4);
    if (how == 3) {
      EXPECT_EQ(program_(Call::Munlock, {run.address, run.bytes}), 0);
    } else {
      const std::int64_t answer = program_(Call::Mlock2, {run.address, run.bytes, how / 2});
      EXPECT_TRUE(answer == 0 || answer == -11) << answer;
    }
    each(run, [&](Known& page) {
      page.locked = how < 3;
      page.on_fault = how == 2;
      page.in_core = false;
    });
  }

  void change_area() {
    const Run run = choose();
    const auto pages = run.bytes / kPage;
    const std::uint64_t what = random_.below(7);
    constexpr Advice kWhat[] = {Advice::WipeOnFork, Advice::KeepOnFork, Advice::DontFork,
                                Advice::DoFork,     Advice::Normal,     Advice::Random,
                                Advice::Sequential};
    EXPECT_EQ(program_.madvise(run.address, pages, kWhat[what]), 0);
    each(run, [&](Known& page) {
      if (what < 2) page.wiped = what == 0;
      if (what == 2 || what == 3) page.left_out = what == 2;
      if (what > 3) page.advice = static_cast<std::uint8_t>(what - 4);
    });
  }

  // Advice that changes nothing that a program can see in its bytes.
  void harmless() {
    const Run run = choose();
    constexpr Advice kWhat[] = {Advice::Cold, Advice::PageOut, Advice::WillNeed,
                                Advice::PopulateRead, Advice::PopulateWrite};
    const Advice advice = kWhat[random_.below(5)];
    const std::int64_t answer = program_.madvise(run.address, run.bytes / kPage, advice);
    if (advice == Advice::Cold || advice == Advice::PageOut) {
      EXPECT_EQ(answer, any_locked(run) ? -22 : 0);
    } else {
      EXPECT_TRUE(answer == 0 || answer == -12) << answer;
    }
  }

  void press() {
    (void)program_.machine().reclaimer().reclaim(1 + random_.below(48));
    if (random_.below(4) == 0) (void)program_.machine().swap_out(program_.pid());
    program_.machine().advance(1'000'000);
  }

  void fork() {
    if (regions_.size() >= 3) return;
    const std::int64_t child = program_(Call::Fork);
    if (child < 0) return;
    Region copy = region();
    for (Known& page : copy) {
      page.locked = page.on_fault = page.in_core = false;
      if (page.wiped) page = forgotten(page);
    }
    regions_[static_cast<Pid>(child)] = copy;
    const Pid parent = program_.pid();
    program_.become(static_cast<Pid>(child));
    for (std::uint64_t i = 0; i < kPages; ++i) {  // the child fills what it did not get
      Known& page = region()[i];
      if (!page.left_out) continue;
      page = {};
      const auto at = static_cast<std::int64_t>(base_ + i * kPage);
      EXPECT_EQ(program_(Call::Mmap, {base_ + i * kPage, kPage, 3, 0x32, ~0ULL, 0}), at);
    }
    program_.become(parent);
  }

  void leave() {
    if (regions_.size() < 2) return;
    regions_.erase(program_.pid());
    EXPECT_EQ(program_(Call::Exit, {0}), 0);
    program_.become(regions_.begin()->first);
  }

  void change_process() {
    auto it = regions_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random_.below(regions_.size())));
    program_.become(it->first);
  }

  void compare() {
    std::uint64_t locked = 0;
    for (std::uint64_t i = 0; i < kPages; ++i) {
      const Known& page = region()[i];
      const AreaTraits& traits = program_.space().find(Vpn(base_ / kPage + i))->traits;
      EXPECT_EQ(traits.locked, page.locked) << i;
      EXPECT_EQ(traits.lock_on_fault, page.on_fault) << i;
      EXPECT_EQ(traits.wipe_on_fork, page.wiped) << i;
      EXPECT_EQ(traits.dont_fork, page.left_out) << i;
      EXPECT_EQ(traits.random, page.advice == 1) << i;
      EXPECT_EQ(traits.sequential, page.advice == 2) << i;
      locked += page.locked ? 1 : 0;
    }
    EXPECT_EQ(program_.space().counters().locked_pages, locked);
    for (std::uint64_t i = 0; i < kPages; ++i) {
      Known& page = region()[i];
      if (!page.locked) continue;
      // A page that is only cached, not mapped, is not locked yet (MLOCK_ONFAULT).
      const VirtAddr at(base_ + i * kPage);
      const bool mapped = frame_at(program_.machine(), program_.pid(), at) != kNoFrame;
      EXPECT_TRUE(!page.in_core || mapped) << "locked page " << i << " has left";
      page.in_core = mapped;
    }
  }

  Program program_;
  Random random_;
  std::uint64_t base_ = 0, last_ = 0;
  std::map<Pid, Region> regions_;
};

void play(MachineConfig config, std::uint64_t seeds, int steps) {
  for (std::uint64_t seed = 1; seed <= seeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", policy " + config.policy);
    Player(config, seed).play(steps);
  }
}

MachineConfig small(std::uint64_t frames, ByteCount swap) {
  MachineConfig config = exact_config(bytes_of(PageCount(frames)));
  config.swap = swap;
  config.overcommit = Overcommit::Always;
  return config;
}

TEST(AdviceModel, WithRoomToSpare) { play(small(1024, 4_MiB), 20, 600); }

TEST(AdviceModel, UnderPressureWithEachKindOfPolicy) {
  for (const char* policy : {"clock", "lru", "arc", "working-set", "linux-lists"}) {
    MachineConfig config = small(220, 4_MiB);
    config.policy = policy;
    play(config, 6, 600);
  }
}

TEST(AdviceModel, WithoutSwap) { play(small(320, 0_KiB), 15, 600); }

TEST(AdviceModel, WithReadaheadClustersAndLocalReplacement) {
  MachineConfig config = small(240, 4_MiB);
  config.prefetch = {};
  config.page_out_cluster = 4;
  config.prefer_clean = 4;
  play(config, 8, 600);
  config.swappiness = 60;
  config.min_free_pages = 6;
  play(config, 8, 600);
  config.swappiness = -1;
  config.lazy_fork = true;
  play(config, 8, 600);
  config.replacement = Replacement::Local;
  play(config, 8, 600);
}

}  // namespace

}  // namespace pw::test
