// Where groups can be made and what their files mean, on folders that look like control groups of
// either version.
#include "ports/host/memory_group.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/units.hpp"
#include "ports/host/temporary_swap.hpp"
#include "support/temporary_folder.hpp"

namespace pw::host {
namespace {

namespace fs = std::filesystem;
using pw::testing::read_file;
using pw::testing::TemporaryFolder;
using pw::testing::write_file;

class FakeGroups : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& text) {
    const fs::path path = folder_.path() / name;
    fs::create_directories(path.parent_path());
    write_file(path.string(), text);
  }
  std::string at(const std::string& name) { return folder_ / name; }
  void mount(const std::string& lines) { mounts_ += lines; }
  Result<GroupParent> find() {
    put("mounts", mounts_);
    put("own", own_);
    return find_group_parent({at("mounts"), at("own")});
  }

  TemporaryFolder folder_;
  std::string mounts_ = "proc /proc proc rw 0 0\n";
  std::string own_;
};

TEST_F(FakeGroups, Version2WithMemoryIsTaken) {
  put("v2/cgroup.controllers", "cpuset cpu io memory pids\n");
  put("v2/cgroup.subtree_control", "cpu memory\n");
  mount("cgroup2 " + at("v2") + " cgroup2 rw,nosuid 0 0\n");
  own_ = "0::/user.slice/run-1.scope\n";
  const auto parent = find();
  ASSERT_TRUE(parent) << parent.error().message;
  EXPECT_EQ(parent->version, GroupVersion::V2);
  EXPECT_EQ(parent->path, at("v2"));
  EXPECT_FALSE(parent->make_room);
}

TEST_F(FakeGroups, Version2ThatDoesNotHandOutMemoryYetNeedsRoom) {
  put("v2/cgroup.controllers", "memory\n");
  put("v2/cgroup.subtree_control", "\n");
  mount("cgroup2 " + at("v2") + " cgroup2 rw 0 0\n");
  const auto parent = find();
  ASSERT_TRUE(parent) << parent.error().message;
  EXPECT_TRUE(parent->make_room);
}

TEST_F(FakeGroups, TheOwnGroupIsTakenWhereTheRootCannotBeWritten) {
  put("v2/cgroup.controllers", "cpu memory\n");  // and no subtree_control to write to
  put("v2/a/b.scope/cgroup.controllers", "memory\n");
  put("v2/a/b.scope/cgroup.subtree_control", "");
  mount("cgroup2 " + at("v2") + " cgroup2 rw 0 0\n");
  own_ = "5:memory:/elsewhere\n0::/a/b.scope\n";
  const auto parent = find();
  ASSERT_TRUE(parent) << parent.error().message;
  EXPECT_EQ(parent->path, at("v2/a/b.scope"));
  EXPECT_TRUE(parent->make_room);
}

TEST_F(FakeGroups, Version1IsTakenWhereVersion2LacksMemory) {
  put("unified/cgroup.controllers", "cpu pids\n");
  put("mem ory/memory.stat", "");
  mount("cgroup2 " + at("unified") + " cgroup2 rw 0 0\n");
  mount("cgroup " + at("cpu") + " cgroup rw,cpu 0 0\n");
  mount("cgroup " + at("mem\\040ory") + " cgroup rw,nosuid,memory 0 0\n");
  const auto parent = find();
  ASSERT_TRUE(parent) << parent.error().message;
  EXPECT_EQ(parent->version, GroupVersion::V1);
  EXPECT_EQ(parent->path, at("mem ory"));
}

TEST_F(FakeGroups, WhatIsMissingIsSaid) {
  auto parent = find();
  ASSERT_FALSE(parent);
  EXPECT_EQ(parent.error().code, Errno::NotSupported);
  EXPECT_NE(parent.error().message.find("mount -t cgroup2"), std::string::npos);

  put("unified/cgroup.controllers", "cpu pids\n");
  mount("cgroup2 " + at("unified") + " cgroup2 rw 0 0\n");
  parent = find();
  ASSERT_FALSE(parent);
  EXPECT_EQ(parent.error().code, Errno::NotSupported);
  EXPECT_NE(parent.error().message.find("cgroup_enable=memory"), std::string::npos);

  put("unified/cgroup.controllers", "cpu memory\n");  // nothing there can be written
  parent = find();
  ASSERT_FALSE(parent);
  EXPECT_EQ(parent.error().code, Errno::Access);
  EXPECT_NE(parent.error().message.find("Delegate=yes"), std::string::npos);
}

TEST_F(FakeGroups, KnobsGoToTheFilesOfTheirVersion) {
  for (const char* name : {"memory.limit_in_bytes", "memory.swappiness", "memory.max",
                           "memory.memsw.limit_in_bytes", "memory.swap.max"}) {
    put(std::string("group/") + name, "");
  }
  std::vector<std::string> notes;
  ASSERT_TRUE(MemoryGroup(GroupVersion::V1, at("group")).set({8192, 33, true}, notes));
  EXPECT_EQ(read_file(at("group/memory.limit_in_bytes")), "8192");
  EXPECT_EQ(read_file(at("group/memory.swappiness")), "33");
  EXPECT_EQ(read_file(at("group/memory.memsw.limit_in_bytes")), "");
  EXPECT_TRUE(notes.empty());
  ASSERT_TRUE(MemoryGroup(GroupVersion::V1, at("group")).set({8192, 33, false}, notes));
  EXPECT_EQ(read_file(at("group/memory.memsw.limit_in_bytes")), "8192");

  ASSERT_TRUE(MemoryGroup(GroupVersion::V2, at("group")).set({4096, 201, true}, notes));
  EXPECT_EQ(read_file(at("group/memory.max")), "4096");
  EXPECT_EQ(read_file(at("group/memory.swap.max")), "");
  ASSERT_EQ(notes.size(), 1U);  // no system has a swappiness of 201
  EXPECT_NE(notes[0].find("not at 201"), std::string::npos);
  ASSERT_TRUE(MemoryGroup(GroupVersion::V2, at("group")).set({4096, 60, false}, notes));
  EXPECT_EQ(read_file(at("group/memory.swap.max")), "0");

  put("group/memory.zswap.max", "max\n");
  ASSERT_TRUE(MemoryGroup(GroupVersion::V1, at("group")).set({4096, 60, true}, notes));
  EXPECT_EQ(read_file(at("group/memory.zswap.max")), "max\n");
  ASSERT_TRUE(MemoryGroup(GroupVersion::V2, at("group")).set({4096, 60, true}, notes));
  EXPECT_EQ(read_file(at("group/memory.zswap.max")).substr(0, 1), "0");

  const auto missing = MemoryGroup(GroupVersion::V1, at("nowhere")).set({8192, 60, true}, notes);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find(at("nowhere/memory.limit_in_bytes")), std::string::npos);
}

TEST_F(FakeGroups, CountersHaveTheNamesOfVersion2) {
  put("one/memory.stat",
      "workingset_refault_anon 1\nworkingset_refault_file 2\nhierarchical_memory_limit 4096\n"
      "total_workingset_refault_anon 11\ntotal_workingset_refault_file 12\ntotal_pgfault 13\n");
  put("one/memory.max_usage_in_bytes", "123456\n");
  put("one/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  const MemoryGroup one(GroupVersion::V1, at("one"));
  EXPECT_EQ(value_of(one.stat(), "workingset_refault_anon"), 11U);
  EXPECT_EQ(value_of(one.stat(), "workingset_refault_file"), 12U);
  EXPECT_EQ(value_of(one.stat(), "pgfault"), 13U);
  EXPECT_EQ(one.peak_bytes(), 123'456U);
  EXPECT_EQ(one.oom_kills(), 3U);

  put("two/memory.stat", "anon 0\npgscan 77\nworkingset_refault_anon 5\n");
  put("two/memory.peak", "8192\n");
  put("two/memory.events", "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\n");
  put("two/cgroup.procs", "12\n345\n");
  const MemoryGroup two(GroupVersion::V2, at("two"));
  EXPECT_EQ(value_of(two.stat(), "pgscan"), 77U);
  EXPECT_EQ(two.peak_bytes(), 8192U);
  EXPECT_EQ(two.oom_kills(), 1U);
  EXPECT_EQ(two.processes(), (std::vector<int>{12, 345}));
}

TEST(MemoryGroupCounters, OtherLinesArePassedOver) {
  const Counters counters = parse_counters("a 1\n\nb\nc x\nd 4 5\n e 6\nf 18446744073709551615\n");
  EXPECT_EQ(counters, (Counters{{"a", 1}, {"f", ~0ULL}}));
}

TEST(MemoryGroupCounters, WhatTheGroupDoesNotCountIsOfTheMachine) {
  const Counters group{{"workingset_refault_anon", 7}, {"pswpin", 9}};
  const Counters before{{"pswpin", 100}, {"pswpout", 50}, {"pgscan_anon", 10}, {"pgscan_file", 5}};
  const Counters after{{"pswpin", 200}, {"pswpout", 80}, {"pgscan_anon", 20}, {"pgscan_file", 6}};
  const CounterChange result = change(group, before, after);
  EXPECT_EQ(value_of(result.counts, "workingset_refault_anon"), 7U);
  EXPECT_EQ(value_of(result.counts, "pswpin"), 9U);
  EXPECT_EQ(value_of(result.counts, "pswpout"), 30U);
  EXPECT_EQ(value_of(result.counts, "pgscan"), 11U);
  const auto& machine = result.of_machine;
  EXPECT_EQ(std::count(machine.begin(), machine.end(), "pswpin"), 0);
  EXPECT_EQ(std::count(machine.begin(), machine.end(), "pswpout"), 1);
}

// Linux 6.1 has no swpin_zero; nor has a group of version 2 there pswpin.
TEST(MemoryGroupCounters, WhatNobodyCountsIsLeftOut) {
  const Counters before{{"pswpin", 100}}, after{{"pswpin", 140}};
  const CounterChange result = change({{"pgscan", 3}}, before, after);
  EXPECT_EQ(result.counts, (Counters{{"pgscan", 3}, {"pswpin", 40}}));
  EXPECT_EQ(result.of_machine, std::vector<std::string>{"pswpin"});
}

TEST(MemoryGroupLog, VictimsAreThoseOfTheGroup) {
  constexpr std::string_view kLog =
      "6,1,1,-;memory: usage 32768kB, limit 32768kB, failcnt 20\n"
      "6,2,1,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
      "oom_memcg=/pagewright-7-1,task_memcg=/pagewright-7-1,task=a,b c,pid=12,uid=0\n"
      "6,3,1,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
      "oom_memcg=/x/pagewright-7-11,task_memcg=/x/pagewright-7-11,task=other,pid=13,uid=0\n";
  EXPECT_EQ(oom_victims(kLog, "pagewright-7-1"), std::vector<std::string>{"a,b c"});
  EXPECT_EQ(oom_victims(kLog, "pagewright-7-11"), std::vector<std::string>{"other"});
  EXPECT_TRUE(oom_victims(kLog, "pagewright-7").empty());
}

TEST(TemporarySwap, AreasAreRead) {
  const auto areas = parse_swaps(
      "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
      "/dev/zram1                              partition\t524284\t\t12\t\t32767\n"
      "/swap\\040file                           file\t\t1048572\t\t0\t\t-2\n");
  ASSERT_EQ(areas.size(), 2U);
  EXPECT_EQ(areas[0].path, "/dev/zram1");
  EXPECT_TRUE(areas[0].zram);
  EXPECT_EQ(areas[0].bytes, 524'284ULL << 10);
  EXPECT_EQ(areas[0].used_bytes, 12ULL << 10);
  EXPECT_EQ(areas[0].priority, 32'767);
  EXPECT_FALSE(areas[1].zram);
  EXPECT_EQ(areas[1].priority, -2);
}

// Offsets of union swap_header.
TEST(TemporarySwap, TheHeaderIsTheKernels) {
  const std::string page = swap_header(64 << 20);
  ASSERT_EQ(page.size(), kPageSize);
  const auto word = [&](std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, page.data() + at, sizeof value);
    return value;
  };
  EXPECT_EQ(page.substr(4086), "SWAPSPACE2");
  EXPECT_EQ(word(1024), 1U);
  EXPECT_EQ(word(1028), (64U << 20) / 4096 - 1);
  EXPECT_EQ(word(1032), 0U);
}

}  // namespace
}  // namespace pw::host
