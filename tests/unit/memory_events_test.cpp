// What a machine tells of evictions, writes to swap, switches and shootdowns: each once, so that
// sums are the machine's counters; with the page, its owner, and where it went.
#include "port/memory_events.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "machine/machine.hpp"

namespace pw {
namespace {

using Kind = MemoryEvent::Kind;
using To = MemoryEvent::To;

struct Told final : MemoryListener {
  void happened(const MemoryEvent& event) override { events.push_back(event); }
  std::uint64_t count(Kind kind) const {
    std::uint64_t n = 0;
    for (const MemoryEvent& event : events) n += event.kind == kind ? 1 : 0;
    return n;
  }
  std::uint64_t interrupted() const {
    std::uint64_t n = 0;
    for (const MemoryEvent& event : events) n += event.cpus;
    return n;
  }
  std::vector<MemoryEvent> events;
};

struct Kinds {
  const char* name;
  void (*set)(MachineConfig&);
};
constexpr Kinds kKinds[] = {
    {"clock", [](MachineConfig& c) { c.resident_limit_pages = 200; }},
    {"clusters",
     [](MachineConfig& c) {
       c.resident_limit_pages = 200;
       c.page_out_cluster = 8;
     }},
    {"lists",
     [](MachineConfig& c) {
       c.model = MemoryModel::Linux;
       c.linux_options.limit_pages = 256;
     }},
    {"lists_disk",
     [](MachineConfig& c) {
       c.model = MemoryModel::Linux;
       c.linux_options.limit_pages = 256;
       c.swap_device = kSsd;
     }},
    {"generations",
     [](MachineConfig& c) {
       c.model = MemoryModel::Linux;
       c.linux_options.ageing = Ageing::Generations;
       c.linux_options.limit_pages = 256;
     }},
};

class MemoryEvents : public ::testing::TestWithParam<Kinds> {
 protected:
  void SetUp() override {
    MachineConfig config;
    config.contents = Contents::MetadataOnly;
    config.ram = ByteCount(64ULL << 20);
    config.swap = ByteCount(64ULL << 20);
    config.swap_device = kZram;
    config.cold_page_cache = true;
    config.min_free_pages = 0;
    config.cpus = 2;
    GetParam().set(config);
    machine_ = std::move(*Machine::create(config));
    machine_->listen(&told_);
    parent_ = *machine_->spawn();
    MmapRequest request;
    request.length = ByteCount(kPages * kPageSize);
    request.rights = kReadWrite;
    base_ = *machine_->mmap(parent_, request);
  }
  void access(Pid pid, std::uint64_t page, Access kind) {
    ASSERT_TRUE(machine_->touch(pid, base_ + ByteCount(page * kPageSize), kind).ok());
  }
  void use(Pid pid) {
    for (std::uint64_t page = 0; page < kPages; ++page) access(pid, page, Access::Write);
    for (std::uint64_t page = 0; page < kPages; ++page) access(pid, page, Access::Read);
  }

  static constexpr std::uint64_t kPages = 600;
  Told told_;
  std::unique_ptr<Machine> machine_;
  Pid parent_ = 0;
  VirtAddr base_;
};

TEST_P(MemoryEvents, AreTheCountersOneByOne) {
  use(parent_);
  const Pid child = *machine_->fork(parent_);
  ASSERT_TRUE(machine_->run_on(child, 1));
  use(child);
  use(parent_);
  const FileId file = machine_->open_file("f", ByteCount(kPages * kPageSize));
  ASSERT_TRUE(machine_->file_read(file, ByteCount(0), ByteCount(kPages * kPageSize), file));
  const MachineCounters& counters = machine_->counters();
  const ReclaimCounters& reclaim = counters.reclaim;
  EXPECT_GT(reclaim.pswpout, 500U);
  EXPECT_EQ(told_.count(Kind::Evicted),
            reclaim.pgsteal_kswapd + reclaim.pgsteal_direct + reclaim.local_evictions);
  EXPECT_EQ(told_.count(Kind::SwapWrite), reclaim.pswpout);
  EXPECT_EQ(told_.count(Kind::Switch), machine_->tlb_counters().space_switches);
  EXPECT_EQ(told_.count(Kind::Shootdown), counters.shootdowns);
  EXPECT_EQ(told_.interrupted(), counters.shootdown_ipis);
  EXPECT_GT(counters.shootdowns, 0U);
}

// Of each page its writes to swap and its going are in order; a page that had to be written goes
// to the slot that was written.
TEST_P(MemoryEvents, TellWhichPageWentWhere) {
  use(parent_);
  const SpaceId space = machine_->find(parent_)->space->id();
  std::map<std::uint64_t, std::uint32_t> slot_of;  // page -> slot that has its bytes
  std::uint64_t dirty = 0, clean = 0;
  for (const MemoryEvent& event : told_.events) {
    if (event.kind != Kind::Evicted && event.kind != Kind::SwapWrite) continue;
    EXPECT_EQ(event.page.space, space);
    EXPECT_EQ(event.page.kind, FrameKind::Anon);
    EXPECT_GE(event.page.index, page_of(base_).value);
    EXPECT_LT(event.page.index, page_of(base_).value + kPages);
    ASSERT_TRUE(event.slot.valid());
    if (event.kind == Kind::SwapWrite) {
      slot_of[event.page.index] = event.slot.value;
      continue;
    }
    EXPECT_EQ(event.to, To::Swap);
    EXPECT_EQ(slot_of[event.page.index], event.slot.value);
    ++(event.written ? dirty : clean);
  }
  const std::string name = GetParam().name;
  if (name == "lists_disk") {
    EXPECT_EQ(dirty, 0U);  // each went once its write had ended
  } else if (name == "clusters") {
    EXPECT_EQ(dirty * 8, kPages);  // the other seven were written along with the first
  } else {
    EXPECT_GT(dirty, 500U);
  }
  EXPECT_GT(clean + dirty, 500U);
}

TEST_P(MemoryEvents, NobodyListensAnyMore) {
  use(parent_);
  machine_->listen(nullptr);
  const std::size_t told = told_.events.size();
  use(parent_);
  EXPECT_EQ(told_.events.size(), told);
}

INSTANTIATE_TEST_SUITE_P(All, MemoryEvents, ::testing::ValuesIn(kKinds),
                         [](const auto& named) { return std::string(named.param.name); });

TEST(MemoryEventsOfFiles, DirtyOrClean) {
  MachineConfig config;
  config.contents = Contents::MetadataOnly;
  config.ram = ByteCount(64ULL << 20);
  config.resident_limit_pages = 64;
  config.min_free_pages = 0;
  config.cold_page_cache = true;
  const auto machine = std::move(*Machine::create(config));
  Told told;
  machine->listen(&told);
  const FileId read = machine->open_file("read", ByteCount(256 * kPageSize));
  const FileId made = machine->open_file("made", ByteCount(0));
  ASSERT_TRUE(machine->file_read(read, ByteCount(0), ByteCount(256 * kPageSize), read));
  ASSERT_TRUE(machine->file_written(made, ByteCount(0), ByteCount(256 * kPageSize)));
  ASSERT_TRUE(machine->file_read(read, ByteCount(0), ByteCount(256 * kPageSize), read));
  std::set<bool> how[2];
  for (const MemoryEvent& event : told.events) {
    if (event.kind != Kind::Evicted) continue;
    EXPECT_EQ(event.to, To::File);
    EXPECT_EQ(event.page.kind, FrameKind::File);
    EXPECT_FALSE(event.slot.valid());
    const std::string& name = machine->core().objects.object(event.page.owner).name;
    how[name == "made" ? 1 : 0].insert(event.written);
  }
  EXPECT_EQ(how[0], std::set<bool>{false});
  EXPECT_EQ(how[1], std::set<bool>{true});
}

}  // namespace
}  // namespace pw
