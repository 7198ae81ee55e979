// What protection promises, over random machines: a process reaches its own memory, with the rights
// it has, and nothing else; and no CPU goes on using a translation that was taken away.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "machine/machine.hpp"
#include "ports/sim/memory_store.hpp"

namespace pw {
namespace {

constexpr std::uint64_t kPages = 24;

MachineConfig random_config(Random& random, int levels) {
  MachineConfig config;
  config.levels = levels;
  config.ram = ByteCount((64 + random.below(200)) * kPageSize);
  config.swap = ByteCount(2048 * kPageSize);
  config.cpus = static_cast<unsigned>(2 + random.below(3));
  config.cpu.tlb.pcid = !random.chance(3);
  config.aslr = random.chance(2);
  config.signals_kill = false;
  config.seed = random.next();
  const auto names = policy::policy_names();
  config.policy = std::string(names[random.below(names.size())]);
  return config;
}

class Isolation : public testing::TestWithParam<int> {
 protected:
  std::unique_ptr<Machine> machine(Random& random) {
    auto made = Machine::create(random_config(random, GetParam()),
                                std::make_unique<sim::MemoryStore>(ByteCount(0)));
    PW_CHECK(made);
    return std::move(*made);
  }
  static VirtAddr map(Machine& machine, Pid pid, std::uint64_t pages, Rights rights = kReadWrite) {
    MmapRequest request;
    request.length = ByteCount(pages * kPageSize);
    request.rights = rights;
    return *machine.mmap(pid, request);
  }
  static AccessResult fill(Machine& machine, Pid pid, VirtAddr at, std::byte tag) {
    const std::vector<std::byte> bytes(kPageSize, tag);
    return machine.write(pid, at, bytes);
  }
  // The byte at an address, or how reading it fails.
  static AccessResult get(Machine& machine, Pid pid, VirtAddr at, std::byte& out) {
    return machine.read(pid, at, {&out, 1});
  }
  static VirtAddr page(VirtAddr base, std::uint64_t n) { return base + ByteCount(n * kPageSize); }

  VirtAddr user_end() const { return VirtAddr(std::uint64_t{1} << (GetParam() == 4 ? 47 : 56)); }

  // Somewhere, with a liking for edges: of the user half, of the canonical halves, of what is
  // mapped.
  VirtAddr anywhere(Random& random, const std::vector<VirtAddr>& bases) const {
    const std::uint64_t near = random.below(3 * kPageSize);
    switch (random.below(6)) {
      case 0:
        return VirtAddr(user_end().value - kPageSize - random.below(64) + random.below(64));
      case 1:
        return VirtAddr(user_end().value + random.next() % (~user_end().value + 1));
      case 2:
        return VirtAddr(~(user_end().value - 1) + near);
      case 3:
        return VirtAddr(random.next() >> random.below(64));
      case 4:
        return VirtAddr(~near);
      default:
        break;
    }
    return VirtAddr(bases[random.below(bases.size())].value - kPageSize +
                    random.below((kPages + 2) * kPageSize));
  }
};

// Every process fills its memory with its own mark. Whatever address is read, by whomever: the
// reader's own mark, or zero, or a signal; and writes that were refused have changed nobody's
// bytes.
TEST_P(Isolation, NobodyReachesAnothersMemoryOrTheKernelHalf) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const auto m = machine(random);
    std::vector<Pid> pids;
    std::vector<VirtAddr> bases;
    for (unsigned i = 0; i < 4; ++i) {
      pids.push_back(*m->spawn());
      bases.push_back(map(*m, pids[i], kPages));
      for (std::uint64_t n = 0; n < kPages; ++n) {
        ASSERT_TRUE(fill(*m, pids[i], page(bases[i], n), std::byte(0x10 + i)).ok());
      }
      ASSERT_TRUE(m->run_on(pids[i], i % m->config().cpus));
    }
    for (int turn = 0; turn < 2000; ++turn) {
      const auto who = static_cast<unsigned>(random.below(pids.size()));
      const VirtAddr at = anywhere(random, bases);
      const std::uint64_t own_end = page(bases[who], kPages).value;
      const bool own = at >= bases[who] && at.value < own_end;
      const auto access = static_cast<Access>(random.below(2));
      const std::byte mark{static_cast<unsigned char>(0x10 + who)};
      std::byte byte = access == Access::Write ? mark : std::byte{0xEE};
      const AccessResult got = access == Access::Write ? m->write(pids[who], at, {&byte, 1})
                                                       : get(*m, pids[who], at, byte);
      ASSERT_EQ(got.ok(), own) << std::hex << at.value;
      if (got.ok()) {
        ASSERT_EQ(byte, mark);
        continue;
      }
      EXPECT_EQ(got.kind, AccessResult::Kind::Segv);
      const unsigned sign_bit = GetParam() == 5 ? 56 : 47;
      const std::uint64_t upper = at.value >> sign_bit;
      const bool canonical = upper == 0 || upper == ~std::uint64_t{0} >> sign_bit;
      EXPECT_EQ(got.code, canonical ? SignalCode::MapErr : SignalCode::Kernel);
      EXPECT_EQ(got.address, canonical ? at : VirtAddr(0));
      EXPECT_EQ(byte, access == Access::Write ? mark : std::byte{0xEE});
      EXPECT_FALSE(m->touch(pids[who], at, Access::Execute).ok());
    }
    for (unsigned i = 0; i < pids.size(); ++i) {
      for (std::uint64_t at = 0; at < kPages * kPageSize; at += 97) {
        std::byte byte{};
        ASSERT_TRUE(get(*m, pids[i], bases[i] + ByteCount(at), byte).ok());
        ASSERT_EQ(byte, std::byte(0x10 + i));
      }
    }
    ASSERT_TRUE(m->verify());
  }
}

// Mappings cannot be made there either.
TEST_P(Isolation, NothingCanBeMappedBeyondTheUserHalf) {
  Random random(7);
  const auto m = machine(random);
  const Pid pid = *m->spawn();
  for (int i = 0; i < 2000; ++i) {
    MmapRequest request;
    request.fixed = true;
    request.length = ByteCount((1 + random.below(8)) * kPageSize);
    const std::uint64_t beyond = user_end().value - random.below(8) * kPageSize;
    request.address = VirtAddr(random.chance(2) ? beyond : (random.next() | user_end().value));
    request.address = VirtAddr(request.address.value & ~(kPageSize - 1));
    const auto got = m->mmap(pid, request);
    ASSERT_TRUE(!got || got->value + request.length.value <= user_end().value - kPageSize);
  }
  EXPECT_TRUE(m->verify());
}

// Two CPUs run in one space, one changes it: the other must not use what its TLB had.
TEST_P(Isolation, NoCpuUsesATranslationThatWasTakenAway) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const auto m = machine(random);
    const Pid first = *m->spawn();
    const Pid second = *m->vfork(first);
    ASSERT_TRUE(m->run_on(second, 1));
    for (int turn = 0; turn < 60; ++turn) {
      const VirtAddr base = map(*m, first, kPages);
      for (std::uint64_t n = 0; n < kPages; ++n) {
        ASSERT_TRUE(fill(*m, first, page(base, n), std::byte{0x11}).ok());
        ASSERT_TRUE(fill(*m, second, page(base, n), std::byte{0x22}).ok());
      }
      const VirtAddr at = page(base, random.below(kPages));
      const ByteCount one(kPageSize);
      std::byte byte{};
      ASSERT_TRUE(fill(*m, second, at, std::byte{0x33}).ok());
      switch (random.below(5)) {
        case 0:
          ASSERT_TRUE(m->munmap(first, at, one));
          EXPECT_EQ(get(*m, second, at, byte).code, SignalCode::MapErr);
          EXPECT_FALSE(get(*m, second, at, byte).ok());
          break;
        case 1:
          ASSERT_TRUE(m->mprotect(first, at, one, kReadOnly));
          EXPECT_EQ(fill(*m, second, at, std::byte{0x44}).code, SignalCode::AccErr);
          ASSERT_TRUE(get(*m, second, at, byte).ok());
          EXPECT_EQ(byte, std::byte{0x33});
          break;
        case 2:
          ASSERT_TRUE(m->discard(first, at, one));
          ASSERT_TRUE(get(*m, second, at, byte).ok());
          EXPECT_EQ(byte, std::byte{0});
          break;
        case 3: {  // a write of the second CPU must not reach the child
          const Pid child = *m->fork(first);
          ASSERT_TRUE(fill(*m, second, at, std::byte{0x55}).ok());
          ASSERT_TRUE(get(*m, child, at, byte).ok());
          EXPECT_EQ(byte, std::byte{0x33});
          ASSERT_TRUE(m->exit(child, 0));
          break;
        }
        default:  // the frame goes to somebody else
          m->reclaimer().reclaim(m->frames().total().value);
          const Pid other = *m->spawn();
          const VirtAddr theirs = map(*m, other, kPages);
          for (std::uint64_t n = 0; n < kPages; ++n) {
            ASSERT_TRUE(fill(*m, other, page(theirs, n), std::byte{0x66}).ok());
          }
          ASSERT_TRUE(fill(*m, second, at, std::byte{0x77}).ok());
          for (std::uint64_t n = 0; n < kPages; ++n) {
            ASSERT_TRUE(get(*m, other, page(theirs, n), byte).ok());
            EXPECT_EQ(byte, std::byte{0x66});
          }
          ASSERT_TRUE(m->exit(other, 0));
      }
      ASSERT_TRUE(m->verify());
      ASSERT_TRUE(m->munmap(first, base, ByteCount(kPages * kPageSize)));
    }
  }
}

// Rights change at random, on two CPUs; each access is allowed exactly if the page's rights say so.
// x86 cannot forbid reading what may be written or executed.
TEST_P(Isolation, EveryAccessHasTheRightItNeeds) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const auto m = machine(random);
    const std::array<Pid, 2> pids{*m->spawn(), *m->vfork(1)};
    ASSERT_TRUE(m->run_on(pids[1], 1));
    const VirtAddr base = map(*m, pids[0], kPages);
    std::array<Rights, kPages> rights;
    rights.fill(kReadWrite);
    for (int turn = 0; turn < 3000; ++turn) {
      const std::uint64_t n = random.below(kPages);
      if (random.chance(4)) {
        const Rights fresh{random.chance(2), random.chance(2), random.chance(2)};
        const std::uint64_t pages = 1 + random.below(kPages - n);
        ASSERT_TRUE(
            m->mprotect(pids[random.below(2)], page(base, n), ByteCount(pages * kPageSize), fresh));
        for (std::uint64_t i = n; i < n + pages; ++i) rights[i] = fresh;
        continue;
      }
      const Rights& now = rights[n];
      const auto access = static_cast<Access>(random.below(3));
      const bool allowed = access == Access::Write     ? now.write
                           : access == Access::Execute ? now.execute
                                                       : now.read || now.write || now.execute;
      const AccessResult got = m->touch(pids[random.below(2)], page(base, n), access);
      ASSERT_EQ(got.ok(), allowed);
      ASSERT_TRUE(allowed || got.code == SignalCode::AccErr);
    }
    ASSERT_TRUE(m->verify());
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, Isolation, testing::Values(4, 5),
                         [](const auto& levels) { return "of" + std::to_string(levels.param); });

}  // namespace
}  // namespace pw
