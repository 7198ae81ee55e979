// Random calls on memory with huge pages, memory scarce, against a naive model: a page reads as
// what was written last, or as zeros after it was given up (MADV_FREE may take its time about
// that), whatever is split, moved, copied, swapped or collapsed meanwhile. The machine verifies
// itself after each call.
#include <map>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "support/small_machine.hpp"

namespace pw::test {
namespace {

constexpr std::uint64_t kHuge = HugeBlocks::kFrames;
constexpr std::uint64_t kPages = 5 * kHuge;
constexpr std::uint64_t kBase = std::uint64_t{1} << 32;

struct Known {
  std::uint64_t value = 0;
  bool mapped = true, may_be_zero = false, writable = true;
};
using Region = std::vector<Known>;

class Player {
 public:
  Player(const MachineConfig& config, std::uint64_t seed)
      : machine_(make_machine(config)), random_(seed) {
    const Pid pid = *machine_->spawn();
    EXPECT_TRUE(map_at(*machine_, pid, kBase, bytes_of(PageCount(kPages))));
    regions_[pid] = Region(kPages);
  }

  void play(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      const std::string what = step();
      const auto sound = machine_->verify();
      ASSERT_TRUE(sound) << "step " << i << ", " << what << ": " << sound.error().message;
    }
    for (auto& [pid, region] : regions_) {
      for (std::uint64_t i = 0; i < kPages; i += 1 + random_.below(9)) check(pid, region, i);
    }
  }
  const MachineCounters& counters() { return machine_->counters(); }

 private:
  VirtAddr at(std::uint64_t i) { return page(VirtAddr(kBase), i); }
  struct Part {
    std::uint64_t first, pages;
    ByteCount bytes() const { return bytes_of(PageCount(pages)); }
  };
  Part part() {
    if (random_.below(5) < 3) {  // whole huge pages
      const std::uint64_t first = random_.below(5);
      return {first * kHuge, (1 + random_.below(std::min<std::uint64_t>(2, 5 - first))) * kHuge};
    }
    const std::uint64_t first = random_.below(kPages);
    const std::uint64_t most = random_.below(3) == 0 ? kPages : 40;
    return {first, 1 + random_.below(std::min(most, kPages - first))};
  }

  void check(Pid pid, Region& region, std::uint64_t i) {
    Known& known = region[i];
    if (!known.mapped) return;
    const std::uint64_t value = load(*machine_, pid, at(i));
    if (known.may_be_zero && value == 0) known.value = 0;
    ASSERT_EQ(value, known.value) << "process " << pid << ", page " << i;
  }
  void write(Pid pid, Region& region, std::uint64_t i) {
    if (!region[i].mapped || !region[i].writable) return;
    region[i].value = ++last_;
    region[i].may_be_zero = false;
    ASSERT_TRUE(store(*machine_, pid, at(i), last_).ok());
  }
  bool all(const Region& region, Part part, bool Known::*what) {
    for (std::uint64_t i = 0; i < part.pages; ++i) {
      if (!(region[part.first + i].*what)) return false;
    }
    return true;
  }
  void zero(Region& region, Part part) {
    for (std::uint64_t i = 0; i < part.pages; ++i) {
      region[part.first + i].value = 0;
      region[part.first + i].may_be_zero = false;
    }
  }

  std::string step() {
    auto chosen = regions_.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(random_.below(regions_.size())));
    const Pid pid = chosen->first;
    Region& region = chosen->second;
    const Part part = this->part();
    switch (random_.below(20)) {
      case 0:
      case 1:
      case 2:
        for (std::uint64_t i = 0; i < part.pages; i += 1 + random_.below(30)) {
          write(pid, region, part.first + i);
        }
        return "write";
      case 3:
      case 4:
        for (std::uint64_t i = 0; i < part.pages; i += 1 + random_.below(30)) {
          check(pid, region, part.first + i);
        }
        return "read";
      case 5:
      case 14:
      case 15:
        return give_up(pid, region, part);
      case 6:
        return advise(pid, region, part);
      case 7:
      case 8:
        return protect(pid, region, part);
      case 9:
        return unmap(pid, region, part);
      case 10:
        return move(pid, region, part);
      case 11:
        return family(pid, region);
      case 12:
        if (random_.below(3) == 0) machine_->advance(10'000'000'000);  // khugepaged
        (void)machine_->reclaimer().reclaim(1 + random_.below(300));
        return "reclaim";
      case 13:
        return lock(pid, region, part);
      default:
        return map_again(pid, region, part);
    }
  }

  std::string give_up(Pid pid, Region& region, Part part) {
    if (!all(region, part, &Known::mapped)) return "nothing";
    const bool lazily = random_.below(3) == 0;
    const Advice advice = lazily ? Advice::Free : Advice::DontNeed;
    const bool done = machine_->madvise(pid, at(part.first), part.bytes(), advice).has_value();
    if (done && !lazily) {
      zero(region, part);
      return "dontneed";
    }
    // Lazily; or up to the first area that is locked.
    for (std::uint64_t i = 0; i < part.pages; ++i) region[part.first + i].may_be_zero = true;
    return "free";
  }
  std::string advise(Pid pid, Region& region, Part part) {
    if (!all(region, part, &Known::mapped)) return "nothing";
    constexpr Advice kSorts[] = {Advice::HugePage, Advice::NoHugePage, Advice::PageOut,
                                 Advice::Cold, Advice::Collapse};
    (void)machine_->madvise(pid, at(part.first), part.bytes(), kSorts[random_.below(5)]);
    return "advice";
  }
  std::string protect(Pid pid, Region& region, Part part) {
    if (!all(region, part, &Known::mapped)) return "nothing";
    const bool writable = random_.below(3) != 0;
    EXPECT_TRUE(
        machine_->mprotect(pid, at(part.first), part.bytes(), writable ? kReadWrite : kReadOnly));
    for (std::uint64_t i = 0; i < part.pages; ++i) region[part.first + i].writable = writable;
    return "protect";
  }
  std::string unmap(Pid pid, Region& region, Part part) {
    EXPECT_TRUE(machine_->munmap(pid, at(part.first), part.bytes()));
    zero(region, part);
    for (std::uint64_t i = 0; i < part.pages; ++i) region[part.first + i].mapped = false;
    return "unmap";
  }
  std::string map_again(Pid pid, Region& region, Part part) {
    for (std::uint64_t i = 0; i < part.pages; ++i) {
      if (region[part.first + i].mapped) continue;
      const std::uint64_t first = part.first + i;
      std::uint64_t end = first;
      while (end < kPages && !region[end].mapped) region[end++] = Known{};
      EXPECT_TRUE(map_at(*machine_, pid, at(first).value, bytes_of(PageCount(end - first))));
    }
    return "map";
  }
  // Elsewhere and back again, or to another part of the region.
  std::string move(Pid pid, Region& region, Part part) {
    if (!all(region, part, &Known::mapped)) return "nothing";
    const VirtAddr away = page(VirtAddr(2 * kBase), random_.below(3) == 0 ? 5 : 0);
    if (!moved(pid, at(part.first), away, part)) {
      // Of several areas those before the one that could not be moved have gone.
      EXPECT_TRUE(machine_->munmap(pid, away, part.bytes()));
      for (std::uint64_t i = part.first; i < part.first + part.pages; ++i) {
        if (machine_->find(pid)->space->find(page_of(at(i))) == nullptr) {
          region[i] = {0, false, false, true};
        }
      }
      return "refused";
    }
    const std::uint64_t to = random_.below(2) == 0 ? part.first
                                                   : random_.below(kPages - part.pages + 1);
    EXPECT_TRUE(moved(pid, away, at(to), part));
    const Region before = region;
    for (std::uint64_t i = 0; i < part.pages; ++i) region[part.first + i] = {0, false, false, true};
    for (std::uint64_t i = 0; i < part.pages; ++i) region[to + i] = before[part.first + i];
    return "move";
  }
  bool moved(Pid pid, VirtAddr from, VirtAddr to, Part part) {
    MremapRequest request;
    request.address = from;
    request.old_length = request.new_length = part.bytes();
    request.may_move = request.fixed = true;
    request.new_address = to;
    return machine_->mremap(pid, request).has_value();  // not if locks, several areas forbid it
  }
  std::string family(Pid pid, Region& region) {
    if (regions_.size() < 4 && random_.below(2) == 0) {
      const Region copy = region;
      const auto child = machine_->fork(pid);
      EXPECT_TRUE(child);
      regions_[*child] = copy;
      return "fork";
    }
    if (regions_.size() == 1) return "nothing";
    regions_.erase(pid);
    EXPECT_TRUE(machine_->exit(pid, 0));
    return "exit";
  }
  std::string lock(Pid pid, Region& region, Part part) {
    if (random_.below(3) != 0 || !all(region, part, &Known::mapped)) {
      (void)machine_->munlockall(pid);
      return "unlock";
    }
    (void)machine_->mlock(pid, at(part.first),
                          bytes_of(PageCount(std::min<std::uint64_t>(part.pages, 100))));
    return "lock";
  }

  std::unique_ptr<Machine> machine_;
  Random random_;
  std::map<Pid, Region> regions_;
  std::uint64_t last_ = 0;
};

MachineConfig scarce(std::uint64_t seed) {
  MachineConfig config = exact_config(32_MiB);
  config.verify_each_operation = false;  // done by the player, who knows what it was
  config.swap = 64_MiB;
  config.linux_options.huge_pages = seed % 3 == 0 ? HugePages::Madvise : HugePages::Always;
  config.resident_limit_pages = seed % 2 == 0 ? 0 : 3 * kHuge + 100;
  config.lazy_fork = seed % 5 == 4;
  constexpr const char* kPolicies[] = {"clock", "lru", "2q", "arc"};
  config.policy = kPolicies[seed % 4];
  if (seed % 4 == 2) {
    config.model = MemoryModel::Linux;
    config.ram = 64_MiB;
    if (seed % 8 == 2) config.swap_device = kZram;
    config.resident_limit_pages = 0;
    config.linux_options.limit_pages = 3 * kHuge + 100;
    config.linux_options.ageing = seed % 8 == 6 ? Ageing::Generations : Ageing::Lists;
  }
  return config;
}

class HugeModel : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(HugeModel, EveryPageIsWhatWasWrittenLast) {
  Player player(scarce(GetParam()), GetParam());
  player.play(500);
}

INSTANTIATE_TEST_SUITE_P(Seeds, HugeModel, ::testing::Range<std::uint64_t>(1, 25));

TEST(HugeModelCoverage, TheGamesReachEveryCorner) {
  HugeCounters sum;
  std::uint64_t copied = 0, swapped = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Player player(scarce(seed), seed);
    player.play(400);
    const HugeCounters& now = player.counters().huge;
    sum.fault_alloc += now.fault_alloc;
    sum.fault_fallback += now.fault_fallback;
    sum.swapped_out += now.swapped_out;
    sum.split_page += now.split_page;
    sum.deferred_split_page += now.deferred_split_page;
    sum.split_translation += now.split_translation;
    sum.collapse_alloc += now.collapse_alloc;
    sum.zero_page_faults += now.zero_page_faults;
    copied += player.counters().faults.copy_on_write;
    swapped += player.counters().reclaim.pswpout;
  }
  EXPECT_GT(sum.fault_alloc, 50U);
  EXPECT_GT(sum.fault_fallback, 5U);
  EXPECT_GT(sum.swapped_out, 0U);
  EXPECT_GT(sum.split_page, 20U);
  EXPECT_GT(sum.deferred_split_page, 20U);
  EXPECT_GT(sum.split_translation, 50U);
  EXPECT_GT(sum.collapse_alloc, 8U);
  EXPECT_GT(sum.zero_page_faults, 20U);
  EXPECT_GT(copied, 50U);
  EXPECT_GT(swapped, 1000U);
}

}  // namespace
}  // namespace pw::test
