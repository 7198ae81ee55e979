// The n-th allocation, swap write, swap read, file read or file write fails, for n = 1, 2, ...
// until a run is clean (the way SQLite is tested): every time the one who asked gets a defined
// answer, and nobody else loses a byte.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <string>

#include "machine/machine.hpp"
#include "ports/sim/memory_store.hpp"
#include "support/stores.hpp"

namespace pw {
namespace {

enum class Inject { Allocation, SwapWrite, SwapRead, FileRead, FileWrite };

constexpr std::uint64_t kFilePages = 10, kSharedPages = 8, kAnonPages = 40;

// A page's contents, from one number; 0 is a page of zeros.
std::array<std::byte, kPageSize> page_of_seed(std::uint64_t seed) {
  std::array<std::byte, kPageSize> page{};
  if (seed == 0) return page;
  Random random(seed);
  for (std::size_t at = 0; at < kPageSize; at += sizeof seed) {
    const std::uint64_t word = random.next();
    std::memcpy(page.data() + at, &word, sizeof word);
  }
  return page;
}

// Under sanitizers not every number is tried.
#ifdef PW_CHECKING
constexpr std::uint64_t kStride = 7;
#else
constexpr std::uint64_t kStride = 1;
#endif

struct Actor {
  std::string name;
  Pid pid = 0;
  bool alive = false;
  std::map<std::uint64_t, std::uint64_t> own;  // page address -> seed of private pages
};

// A fixed story with everything in it: fork, copy on write, shared memory, a file mapped shared and
// private, more memory than there is. What should be in memory is written down as the story goes.
class Story {
 public:
  Story(Inject what, std::uint64_t n) : what_(what) {
    MachineConfig config;
    config.ram = ByteCount(56 * kPageSize);
    config.swap = ByteCount(512 * kPageSize);
    config.min_free_pages = 0;
    config.cpus = 2;
    auto swap = std::make_unique<test::FailingStore>(
        std::make_unique<sim::MemoryStore>(ByteCount(0)), swap_faults_);
    auto machine = Machine::create(config, std::move(swap));
    PW_CHECK(machine);
    machine_ = std::move(*machine);
    file_bytes_ = std::make_shared<std::vector<std::byte>>();
    for (std::uint64_t i = 0; i < kFilePages; ++i) {
      file_[i] = 1000 + i;
      const auto page = page_of_seed(file_[i]);
      file_bytes_->insert(file_bytes_->end(), page.begin(), page.end());
    }
    file_id_ = machine_->open_file(
        "file", std::make_unique<test::FailingStore>(std::make_unique<test::KeptStore>(file_bytes_),
                                                     file_faults_));
    shared_id_ = machine_->create_shared(ByteCount(kSharedPages * kPageSize));
    arm(n);
  }

  // True if the failure has happened.
  bool play() {
    begin(bystander_);
    for (std::uint64_t i = 0; i < kAnonPages / 2; ++i) write(bystander_, kAnon, i, 10 + i);
    begin(parent_);
    for (std::uint64_t i = 0; i < kAnonPages; ++i) write(parent_, kAnon, i, 100 + i);
    for (std::uint64_t i = 0; i < kFilePages; i += 2) write(parent_, kFileShared, i, 200 + i);
    for (std::uint64_t i = 1; i < kFilePages; i += 3) write(parent_, kFilePrivate, i, 300 + i);
    for (std::uint64_t i = 0; i < kSharedPages; ++i) write(parent_, kShared, i, 400 + i);
    fork(parent_, child_);
    for (std::uint64_t i = 0; i < kAnonPages; i += 2) write(child_, kAnon, i, 500 + i);
    for (std::uint64_t i = 0; i < kAnonPages; i += 3) write(parent_, kAnon, i, 600 + i);
    write(child_, kShared, 2, 700);
    write(child_, kFileShared, 3, 701);
    write(child_, kFilePrivate, 4, 702);
    read_all(child_);
    write(child_, kFileShared, 7, 704);
    sync();
    machine_->advance(40'000'000'000);  // periodic writeback
    read_all(parent_);
    write(parent_, kFileShared, 5, 703);
    read_file_call();
    end(child_);
    read_all(parent_);
    const bool happened = !armed();
    arm(0);
    check_everything();
    return happened;
  }
  int refusals() const { return refusals_; }

 private:
  static constexpr std::uint64_t kAnon = 0x10000000, kFileShared = 0x20000000,
                                 kFilePrivate = 0x8030000000, kShared = 0x40000000;

  void arm(std::uint64_t n) {
    *swap_faults_ = {};
    *file_faults_ = {};
    machine_->reclaimer().fail_allocation(what_ == Inject::Allocation ? n : 0);
    if (what_ == Inject::SwapWrite) swap_faults_->fail_write = n;
    if (what_ == Inject::SwapRead) swap_faults_->fail_read = n;
    if (what_ == Inject::FileRead) file_faults_->fail_read = n;
    if (what_ == Inject::FileWrite) file_faults_->fail_write = n;
  }
  bool armed() const {
    return machine_->reclaimer().failure_due() || swap_faults_->writes < swap_faults_->fail_write ||
           swap_faults_->reads < swap_faults_->fail_read ||
           file_faults_->reads < file_faults_->fail_read ||
           file_faults_->writes < file_faults_->fail_write;
  }
  // What happens before the failure is the same for every n, and checked by the run without one.
  void verify(const char* after) {
    if (armed()) return;
    const auto sound = machine_->verify();
    ASSERT_TRUE(sound) << "after " << after << ": " << sound.error().message;
  }

  // A call that failed: only with the errno that fits, and once.
  void refused(Errno got) {
    ++refusals_;
    const bool io = what_ == Inject::FileRead || what_ == Inject::FileWrite ||
                    what_ == Inject::SwapRead;
    EXPECT_EQ(got, io ? Errno::Io : Errno::NoMemory);
  }

  void begin(Actor& actor) {
    const auto pid = machine_->spawn(actor.name);
    verify("spawn");
    if (!pid) return refused(pid.error().code);
    actor.pid = *pid;
    actor.alive = true;
    VmObject* file = &machine_->object(file_id_);
    VmObject* shared = &machine_->object(shared_id_);
    map(actor, kAnon, kAnonPages, nullptr, false);
    map(actor, kFileShared, kFilePages, file, true);
    map(actor, kFilePrivate, kFilePages, file, false);
    map(actor, kShared, kSharedPages, shared, true);
  }
  void map(Actor& actor, std::uint64_t at, std::uint64_t pages, VmObject* object, bool shared) {
    MmapRequest request;
    request.address = VirtAddr(at);
    request.length = ByteCount(pages * kPageSize);
    request.fixed = true;
    request.backing = object;
    request.shared = shared;
    ASSERT_TRUE(machine_->mmap(actor.pid, request));
  }
  void fork(Actor& from, Actor& to) {
    if (!from.alive) return;
    const auto pid = machine_->fork(from.pid);
    verify("fork");
    if (!pid) return refused(pid.error().code);
    to.pid = *pid;
    to.alive = true;
    to.own = from.own;
    EXPECT_TRUE(machine_->run_on(to.pid, 1));
  }
  void end(Actor& actor) {
    if (!actor.alive) return;
    EXPECT_TRUE(machine_->exit(actor.pid, 0));
    actor.alive = false;
    verify("exit");
  }

  // An access that failed has ended the process that made it, with the signal that fits.
  bool survived(Actor& actor, const AccessResult& got, std::uint64_t address) {
    if (got.ok()) return true;
    ++refusals_;
    const bool io = what_ == Inject::FileRead || what_ == Inject::SwapRead;
    EXPECT_EQ(got.kind, io ? AccessResult::Kind::Bus : AccessResult::Kind::Oom);
    EXPECT_EQ(got.address.value, address);
    EXPECT_EQ(machine_->find(actor.pid)->state, ProcessState::Zombie);
    actor.alive = false;
    return false;
  }
  void write(Actor& actor, std::uint64_t region, std::uint64_t index, std::uint64_t seed) {
    if (!actor.alive) return;
    const std::uint64_t address = region + index * kPageSize;
    const auto got = machine_->write(actor.pid, VirtAddr(address), page_of_seed(seed));
    verify("write");
    if (!survived(actor, got, address)) return;
    if (region == kShared) {
      shared_[index] = seed;
    } else if (region == kFileShared) {
      file_[index] = seed;
    } else {
      actor.own[address] = seed;
    }
  }
  std::uint64_t expected(const Actor& actor, std::uint64_t region, std::uint64_t index) const {
    if (region == kShared) return shared_[index];
    if (region == kFileShared) return file_[index];
    const auto it = actor.own.find(region + index * kPageSize);
    if (it != actor.own.end()) return it->second;
    return region == kFilePrivate ? file_[index] : 0;
  }
  void read_region(Actor& actor, std::uint64_t region, std::uint64_t pages) {
    for (std::uint64_t i = 0; i < pages && actor.alive; ++i) {
      const std::uint64_t address = region + i * kPageSize;
      std::array<std::byte, kPageSize> bytes;
      const auto got = machine_->read(actor.pid, VirtAddr(address), bytes);
      verify("read");
      if (!survived(actor, got, address)) return;
      ASSERT_EQ(bytes, page_of_seed(expected(actor, region, i)))
          << actor.name << " at " << std::hex << address;
    }
  }
  void read_all(Actor& actor) {
    read_region(actor, kAnon, kAnonPages);
    read_region(actor, kFileShared, kFilePages);
    read_region(actor, kFilePrivate, kFilePages);
    read_region(actor, kShared, kSharedPages);
  }
  void sync() {
    const auto done = machine_->sync_file(file_id_);
    verify("sync");
    if (!done) refused(done.error().code);
  }
  void read_file_call() {
    std::vector<std::byte> bytes(kFilePages * kPageSize);
    const auto got = machine_->read_file(file_id_, ByteCount(0), bytes);
    verify("read_file");
    if (!got) return refused(got.error().code);
    for (std::uint64_t i = 0; i < kFilePages; ++i) {
      const auto page = page_of_seed(file_[i]);
      EXPECT_TRUE(
          std::equal(page.begin(), page.end(), bytes.begin() + static_cast<long>(i * kPageSize)));
    }
  }

  // Nothing fails any more: whoever is left sees every byte, and the file gets them all.
  void check_everything() {
    const int before = refusals_;
    for (Actor* actor : {&bystander_, &parent_, &child_}) read_all(*actor);
    sync();
    read_file_call();
    EXPECT_EQ(refusals_, before) << "something still fails";
    for (std::uint64_t i = 0; i < kFilePages; ++i) {
      const auto page = page_of_seed(file_[i]);
      EXPECT_TRUE(std::equal(page.begin(), page.end(),
                             file_bytes_->begin() + static_cast<long>(i * kPageSize)))
          << "page " << i << " of the file's store";
    }
    for (Actor* actor : {&bystander_, &parent_}) end(*actor);
    EXPECT_EQ(machine_->swap().used_slots(), kSharedPages - resident_shared());
    EXPECT_EQ(machine_->frames().table_frames(), 0U);
  }
  std::uint64_t resident_shared() {
    std::uint64_t without_swap = 0;
    machine_->object(shared_id_)
        .slots.for_each(PageOffset(0), PageOffset(kSharedPages), [&](PageOffset, PageSlot slot) {
          const bool copy = slot.is_resident() &&
                            swap_copy(machine_->frames().frame(slot.pfn())).valid();
          without_swap += slot.is_resident() && !copy ? 1 : 0;
        });
    std::uint64_t empty = kSharedPages;
    machine_->object(shared_id_)
        .slots.for_each(PageOffset(0), PageOffset(kSharedPages),
                        [&](PageOffset, PageSlot) { --empty; });
    return without_swap + empty;
  }

  Inject what_;
  std::shared_ptr<test::Faults> swap_faults_ = std::make_shared<test::Faults>();
  std::shared_ptr<test::Faults> file_faults_ = std::make_shared<test::Faults>();
  std::unique_ptr<Machine> machine_;
  test::SharedBytes file_bytes_;
  FileId file_id_ = 0, shared_id_ = 0;
  Actor bystander_{"bystander", 0, false, {}}, parent_{"parent", 0, false, {}},
      child_{"child", 0, false, {}};
  std::array<std::uint64_t, kFilePages> file_{};
  std::array<std::uint64_t, kSharedPages> shared_{};
  int refusals_ = 0;
};

struct Tally {
  std::uint64_t failures = 0;  // injected
  std::uint64_t visible = 0;   // seen by whoever asked
};

// At most one process or call is refused for one failure.
Tally fail_each(Inject what) {
  Tally tally;
  for (std::uint64_t n = 1;; n += kStride) {
    SCOPED_TRACE("failure number " + std::to_string(n));
    Story story(what, n);
    if (!story.play()) break;
    EXPECT_LE(story.refusals(), 1);
    ++tally.failures;
    tally.visible += static_cast<std::uint64_t>(story.refusals());
    if (testing::Test::HasFailure()) break;
  }
  testing::Test::RecordProperty("failures", std::to_string(tally.failures));
  testing::Test::RecordProperty("visible", std::to_string(tally.visible));
  return tally;
}

TEST(FaultInjection, NoFailureNoRefusal) {
  Story story(Inject::Allocation, 0);
  story.play();
  EXPECT_EQ(story.refusals(), 0);
}

TEST(FaultInjection, EveryAllocation) {
  const Tally tally = fail_each(Inject::Allocation);
  EXPECT_GT(tally.failures, 150U / kStride);
  EXPECT_GT(tally.visible, 50U / kStride);
}

// A page that cannot be written stays, and another one goes.
TEST(FaultInjection, EverySwapWriteIsSurvivedByAll) {
  const Tally tally = fail_each(Inject::SwapWrite);
  EXPECT_GT(tally.failures, 50U / kStride);
  EXPECT_EQ(tally.visible, 0U);
}

TEST(FaultInjection, EverySwapRead) {
  const Tally tally = fail_each(Inject::SwapRead);
  EXPECT_GT(tally.failures, 50U / kStride);
  EXPECT_GT(tally.visible, 10U / kStride);
}

TEST(FaultInjection, EveryFileRead) {
  const Tally tally = fail_each(Inject::FileRead);
  EXPECT_GT(tally.failures, 10U / kStride);
  EXPECT_GT(tally.visible, 0U);
}

// The page stays dirty and reaches the file with the next attempt.
TEST(FaultInjection, EveryFileWrite) {
  const Tally tally = fail_each(Inject::FileWrite);
  EXPECT_GT(tally.failures, 5U / kStride);
  if (kStride == 1) {
    EXPECT_GT(tally.visible, 0U) << "sync_file did not say that it failed";
  }
}

}  // namespace
}  // namespace pw
