// The views of processes and of the machine, read as tools read /proc: they add up, they say what a
// small example must say, and they are in the format of the running kernel's files.
#include <gtest/gtest.h>
#include <sys/utsname.h>

#include <algorithm>

#include "support/proc_texts.hpp"
#include "support/scripted_machine.hpp"
#include "support/temporary_folder.hpp"
#include "view/areas.hpp"
#include "view/files.hpp"
#include "view/pagemap.hpp"
#include "view/text.hpp"

namespace pw::testing {
namespace {

// A parent and a child that share pages, a file, shared memory, a locked page, the zero page.
constexpr const char* kFamily = R"(machine ram=16M swap=16M
process A
f = open "data file" rdwr|creat
pwrite f "hello"*4000 0
m = mmap 0 4P rw shared f 0
store m "x"
p = mmap 0 8P rw private|anonymous
store p "y"
store p+1P "y"
store p+2P "y"
load p+3P 1
s = mmap 0 4P rw shared|anonymous
store s+1P "z"
mlock p 2P
c = brk heap+8P
store heap "a"
A: B = fork
B: store p+2P "q"
B: load s+1P 1
)";

// Three times the RAM is written, so that most of it is in swap; then a fork.
constexpr const char* kSwapped = R"(machine ram=1M swap=16M
process A
p = mmap 0 600P rw private|anonymous
for i = 0..599 { store p+i*1P "y" }
s = mmap 0 100P rw shared|anonymous
for i = 0..99 { store s+i*1P "z" }
A: B = fork
for i = 0..49 { B: load p+i*1P 1 }
for i = 0..9 { B: store p+i*1P "w" }
)";

std::string view_of(script::SimTarget& target, script::ProcessIndex index, const char* name) {
  const view::ProcessFile* file = view::find_process_file(name);
  return file->text(target.machine(), *target.machine().find(target.pid_of(index)));
}
std::string view_of(script::SimTarget& target, const char* name) {
  return view::find_machine_file(name)->text(target.machine());
}

bool on_linux_6_18() {
  utsname name{};
  return ::uname(&name) == 0 && std::string_view(name.release).rfind("6.18.", 0) == 0;
}

class ProcViewsOf : public ::testing::TestWithParam<const char*> {
 protected:
  const char* script() const { return GetParam() == std::string("family") ? kFamily : kSwapped; }
};
INSTANTIATE_TEST_SUITE_P(Script, ProcViewsOf, ::testing::Values("family", "swapped"));

TEST_P(ProcViewsOf, AreasAddUpToTheProcess) {
  const auto target = after(script());
  for (const script::ProcessIndex index : {0U, 1U}) {
    const auto areas = smaps_of(view_of(*target, index, "smaps"));
    const Numbers rollup = numbers_of(view_of(*target, index, "smaps_rollup"));
    const Numbers status = numbers_of(view_of(*target, index, "status"));
    ASSERT_GE(areas.size(), 2U);
    for (const char* row : {"Rss", "Shared_Clean", "Shared_Dirty", "Private_Clean", "Private_Dirty",
                            "Referenced", "Anonymous", "LazyFree", "Swap"}) {
      EXPECT_EQ(sum_of(areas, row), rollup.at(row)) << row;
    }
    // Each area's share is cut to whole KiB, their sum is not.
    for (const char* row : {"Pss", "Pss_Dirty", "SwapPss", "Locked"}) {
      EXPECT_LE(sum_of(areas, row), rollup.at(row)) << row;
      EXPECT_LE(rollup.at(row), sum_of(areas, row) + areas.size()) << row;
    }
    EXPECT_LE(rollup.at("Pss"), rollup.at("Rss"));
    EXPECT_EQ(sum_of(areas, "Size"), status.at("VmSize"));
    EXPECT_EQ(rollup.at("Rss"), status.at("VmRSS"));
    EXPECT_EQ(rollup.at("Anonymous"), status.at("RssAnon"));
    EXPECT_EQ(status.at("VmRSS"),
              status.at("RssAnon") + status.at("RssFile") + status.at("RssShmem"));
    EXPECT_EQ(rollup.at("Rss"), rollup.at("Shared_Clean") + rollup.at("Shared_Dirty") +
                                    rollup.at("Private_Clean") + rollup.at("Private_Dirty"));
    EXPECT_GE(status.at("VmHWM"), status.at("VmRSS"));
    EXPECT_GE(status.at("VmPeak"), status.at("VmSize"));
    // The machine's own count of translations is another way to the resident set.
    const Process& process = *target->machine().find(target->pid_of(index));
    EXPECT_EQ(process.space->counters().resident_pages * 4, status.at("VmRSS"));
    unsigned long long size = 0, resident = 0, shared = 0, text = 0, data = 0;
    ASSERT_EQ(std::sscanf(view_of(*target, index, "statm").c_str(), "%llu %llu %llu %llu 0 %llu 0",
                          &size, &resident, &shared, &text, &data),
              5);
    EXPECT_EQ(size * 4, status.at("VmSize"));
    EXPECT_EQ(resident * 4, status.at("VmRSS"));
    EXPECT_EQ(shared * 4, status.at("RssFile") + status.at("RssShmem"));
    EXPECT_EQ(data * 4, status.at("VmData") + status.at("VmStk"));
  }
}

TEST_P(ProcViewsOf, ProcessesAddUpToTheMachine) {
  const auto target = after(script());
  const Numbers memory = numbers_of(view_of(*target, "meminfo"));
  // smem: what is mapped is what the processes' proportional shares add up to.
  std::uint64_t pss = 0, shares = 0;
  for (const script::ProcessIndex index : {0U, 1U}) {
    const Numbers rollup = numbers_of(view_of(*target, index, "smaps_rollup"));
    pss += rollup.at("Pss");
    shares += rollup.at("Pss_Anon") + rollup.at("Pss_File") + rollup.at("Pss_Shmem");
  }
  const std::uint64_t mapped = memory.at("AnonPages") + memory.at("Mapped");
  EXPECT_LE(pss, mapped);
  EXPECT_GE(pss + 2, mapped);
  EXPECT_LE(shares, mapped);
  EXPECT_GE(shares + 6, mapped);
  // free(1): every frame is one of these. One holds the zeros.
  constexpr std::uint64_t kZeroPage = 4;
  const Numbers vmstat = numbers_of(view_of(*target, "vmstat"));
  const std::uint64_t unmapped_anonymous = (vmstat.at("nr_inactive_anon") +
                                            vmstat.at("nr_inactive_file") +
                                            vmstat.at("nr_unevictable") -
                                            vmstat.at("nr_anon_pages")) *
                                               4 -
                                           memory.at("Cached");
  EXPECT_EQ(memory.at("MemTotal"), memory.at("MemFree") + memory.at("Cached") +
                                       memory.at("AnonPages") + unmapped_anonymous +
                                       memory.at("PageTables") + kZeroPage);
  EXPECT_LE(memory.at("MemAvailable"), memory.at("MemTotal"));
  EXPECT_EQ(memory.at("Inactive"), memory.at("Inactive(anon)") + memory.at("Inactive(file)"));
  EXPECT_EQ(vmstat.at("nr_free_pages") * 4, memory.at("MemFree"));
  EXPECT_EQ(vmstat.at("nr_shmem") * 4, memory.at("Shmem"));
  EXPECT_EQ(vmstat.at("nr_mapped") * 4, memory.at("Mapped"));
  const Numbers group = numbers_of(view_of(*target, "memory.stat"));
  EXPECT_EQ(group.at("anon"), memory.at("AnonPages") * 1024);
  EXPECT_EQ(group.at("file"), (memory.at("Cached") + memory.at("SwapCached")) * 1024);
  EXPECT_EQ(group.at("pgfault"), vmstat.at("pgfault"));
  // buddyinfo
  const std::string buddies = view_of(*target, "buddyinfo");
  ASSERT_EQ(buddies.rfind("Node 0, zone   Normal ", 0), 0U);
  std::uint64_t pages = 0, order = 0;
  for (const char* at = buddies.c_str() + 22; *at != '\n'; ++order) {
    char* end = nullptr;
    pages += std::strtoull(at, &end, 10) << order;
    ASSERT_EQ(*end, ' ');
    at = end + 1;
  }
  EXPECT_EQ(order, 11U);
  EXPECT_EQ(pages * 4, memory.at("MemFree"));
}

TEST_P(ProcViewsOf, SwapIsToldTheSameEverywhere) {
  const auto target = after(script());
  const Numbers memory = numbers_of(view_of(*target, "meminfo"));
  const std::string swaps = view_of(*target, "swaps");
  char name[64] = "", type[16] = "";
  unsigned long long size = 0, used = 0;
  int priority = 0;
  ASSERT_EQ(std::sscanf(lines_of(swaps).at(1).c_str(), "%63s %15s %llu %llu %d", name, type, &size,
                        &used, &priority),
            5);
  EXPECT_EQ(size, memory.at("SwapTotal"));
  EXPECT_EQ(size - used, memory.at("SwapFree"));
  for (const script::ProcessIndex index : {0U, 1U}) {
    const Numbers status = numbers_of(view_of(*target, index, "status"));
    Process& process = *target->machine().find(target->pid_of(index));
    std::uint64_t present = 0, swapped = 0, of_files = 0, zeros = 0, exclusive = 0;
    const std::uint64_t zero = target->machine().core().zero_frame.value;
    for (const view::PagemapEntry& entry : view::pagemap(target->machine(), process)) {
      const bool here = (entry.bits & view::kPagemapPresent) != 0;
      const bool is_zero = here && (entry.bits & view::kPagemapFrame) == zero;
      present += here ? 1U : 0U;
      zeros += is_zero ? 1U : 0U;
      swapped += (entry.bits & view::kPagemapSwapped) != 0 ? 1U : 0U;
      of_files += (entry.bits & view::kPagemapFile) != 0 ? 1U : 0U;
      exclusive += (entry.bits & view::kPagemapExclusive) != 0 ? 1U : 0U;
    }
    const Numbers rollup = numbers_of(view_of(*target, index, "smaps_rollup"));
    EXPECT_EQ((present - zeros) * 4, status.at("VmRSS"));
    EXPECT_EQ(swapped * 4, status.at("VmSwap"));
    EXPECT_EQ(of_files * 4, status.at("RssFile") + status.at("RssShmem"));
    EXPECT_EQ(exclusive * 4, rollup.at("Private_Clean") + rollup.at("Private_Dirty"));
  }
}

TEST(ProcViews, SwappedPagesOfAFamilyAreShared) {
  const auto target = after(kSwapped);
  const Numbers parent = numbers_of(view_of(*target, 0, "smaps_rollup"));
  const Numbers child = numbers_of(view_of(*target, 1, "smaps_rollup"));
  EXPECT_GT(parent.at("Swap"), 1000U);
  EXPECT_LT(parent.at("SwapPss"), parent.at("Swap"));
  EXPECT_GE(parent.at("SwapPss") * 2 + 1, numbers_of(view_of(*target, 0, "status")).at("VmSwap"));
  EXPECT_GT(child.at("Swap"), 0U);
}

TEST(ProcViews, TheFamilysTexts) {
  const auto target = after(kFamily);
  EXPECT_EQ(view_of(*target, 0, "maps"),
            "555556554000-55555655c000 rw-p 00000000 00:00 0                          [heap]\n"
            "7ffff7fef000-7ffff7ff3000 rw-s 00000000 00:01 3                          "
            "/dev/zero (deleted)\n"
            "7ffff7ff3000-7ffff7ff5000 rw-p 00000000 00:00 0 \n"
            "7ffff7ff5000-7ffff7ffb000 rw-p 00000000 00:00 0 \n"
            "7ffff7ffb000-7ffff7fff000 rw-s 00000000 08:01 2                          data file\n"
            "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]\n");
  const auto areas = smaps_of(view_of(*target, 0, "smaps"));
  ASSERT_EQ(areas.size(), 6U);
  const SmapsArea& locked = areas[2];  // two pages, both shared with the child
  EXPECT_EQ(locked.rows.at("Rss"), 8U);
  EXPECT_EQ(locked.rows.at("Pss"), 4U);
  EXPECT_EQ(locked.rows.at("Shared_Dirty"), 8U);
  EXPECT_EQ(locked.rows.at("Locked"), 4U);
  EXPECT_EQ(locked.flags, "rd wr mr mw me lo ac ");
  const SmapsArea& copied = areas[3];  // the child has its own copy; the zero page does not count
  EXPECT_EQ(copied.rows.at("Rss"), 4U);
  EXPECT_EQ(copied.rows.at("Pss"), 4U);
  EXPECT_EQ(copied.rows.at("Private_Dirty"), 4U);
  EXPECT_EQ(lines_of(view_of(*target, 0, "numa_maps")).at(2),
            "7ffff7ff3000 default anon=2 dirty=2 mapmax=2 N0=2 kernelpagesize_kB=4");
  EXPECT_EQ(lines_of(view_of(*target, 0, "numa_maps")).at(1),
            "7ffff7fef000 default file=/dev/zero\\040(deleted) dirty=1 mapmax=2 active=0 N0=1 "
            "kernelpagesize_kB=4");
  EXPECT_EQ(numbers_of(view_of(*target, 0, "status")).at("VmLck"), 8U);
  EXPECT_EQ(numbers_of(view_of(*target, 1, "status")).at("VmLck"), 0U);  // fork drops locks
}

TEST(ProcViews, NamesKeysAndLockedSegments) {
  const auto target = after(R"(process A
p = mmap 0 1P rw private|anonymous
prctl set_vma 0 p 1P "pool"
s = mmap 0 1P rw shared|anonymous
prctl set_vma 0 s 1P "ring"
k = pkey_alloc
pkey_mprotect p 1P rw k
)");
  const auto areas = smaps_of(view_of(*target, 0, "smaps"));
  ASSERT_EQ(areas.size(), 3U);
  EXPECT_EQ(areas[0].name, "[anon_shmem:ring]");
  EXPECT_EQ(areas[0].rows.at("ProtectionKey"), 0U);
  EXPECT_EQ(areas[1].name, "[anon:pool]");
  EXPECT_EQ(areas[1].rows.at("ProtectionKey"), 1U);
  EXPECT_EQ(lines_of(view_of(*target, 0, "numa_maps")).at(0),
            "7ffff7ffd000 default file=/dev/zero\\040(deleted)");
}

TEST(ProcViews, AProcessThatHasEndedHasNoMemory) {
  const auto target = after("process A\nA: B = fork\nB: exit 0\n");
  EXPECT_EQ(view_of(*target, 1, "maps"), "");
  EXPECT_EQ(view_of(*target, 1, "smaps_rollup"), "");
  EXPECT_EQ(view_of(*target, 1, "statm"), "0 0 0 0 0 0 0\n");
  const std::string status = view_of(*target, 1, "status");
  EXPECT_NE(status.find("State:\tZ (zombie)\n"), std::string::npos);
  EXPECT_EQ(status.find("VmSize"), std::string::npos);
}

TEST(ProcViews, ScriptsShowTheSameTexts) {
  std::string shown;
  const auto target = after(
      "process A\nstore stack_end-8 \"x\"\nshow A smaps_rollup\n"
      "show A statm\nshow A numa_maps\nshow meminfo\nshow vmstat\n",
      &shown);
  EXPECT_EQ(shown, "--- A smaps_rollup\n" + view_of(*target, 0, "smaps_rollup") + "--- A statm\n" +
                       view_of(*target, 0, "statm") + "--- A numa_maps\n" +
                       view_of(*target, 0, "numa_maps") + "--- meminfo\n" +
                       view_of(*target, "meminfo") + "--- vmstat\n" + view_of(*target, "vmstat"));
}

// The kernel's own texts, taken apart and put together again, and read by the same consumers.

TEST(ProcViews, MapsOfTheKernelAreWrittenByteForByte) {
  const std::string text = read_file("/proc/self/maps");
  if (text.empty()) GTEST_SKIP() << "no /proc here";
  std::string again;
  for (const std::string& line : lines_of(text)) {
    SmapsArea read;
    ASSERT_TRUE(read_heading(line, read)) << line;
    view::AreaLine made;
    made.begin = read.begin;
    made.end = read.end;
    made.rights = read.rights;
    made.offset = read.offset;
    made.major = read.major;
    made.minor = read.minor;
    made.inode = read.inode;
    made.name = read.name;
    again += view::maps_line(made);
  }
  EXPECT_EQ(again, text);
}

TEST(ProcViews, RowsOfTheKernelAreWrittenByteForByte) {
  for (const char* path : {"/proc/self/smaps", "/proc/self/smaps_rollup", "/proc/meminfo"}) {
    const std::string text = read_file(path);
    if (text.empty()) GTEST_SKIP() << "no " << path;
    for (const std::string& line : lines_of(text)) {
      SmapsArea heading;
      NamedNumber number;
      if (read_heading(line, heading) || line.rfind("VmFlags", 0) == 0) continue;
      ASSERT_TRUE(read_number(line, number)) << line;
      const std::string unit = number.unit.empty() ? "" : " " + number.unit;
      EXPECT_EQ(view::row(number.name + ':', number.value, unit), line + '\n') << path;
    }
  }
}

std::vector<std::string> common_names(const std::vector<std::string>& names,
                                      const std::vector<std::string>& others) {
  std::vector<std::string> common;
  for (const std::string& name : names) {
    if (std::find(others.begin(), others.end(), name) != others.end()) common.push_back(name);
  }
  return common;
}

TEST(ProcViews, NamesStandInTheOrderOfLinux) {
  if (!on_linux_6_18()) GTEST_SKIP() << "the names are those of Linux 6.18";
  const auto target = after(kFamily);
  const auto areas = smaps_of(read_file("/proc/self/smaps"));
  ASSERT_FALSE(areas.empty());
  std::vector<std::string> rows = areas.front().row_names;
  // Of CPUs that have them, as the machine's has.
  if (std::find(rows.begin(), rows.end(), "ProtectionKey") == rows.end()) {
    rows.insert(rows.end() - 1, "ProtectionKey");
  }
  EXPECT_EQ(smaps_of(view_of(*target, 0, "smaps")).front().row_names, rows);
  const auto same = [](const std::string& ours, const char* path) {
    const auto ours_named = names_of(ours);
    const auto kernels = names_of(read_file(path));
    if (ours_named.size() == kernels.size()) {
      EXPECT_EQ(ours_named, kernels) << path;
      return;
    }
    // A kernel with other options: the names that both have.
    const auto common = common_names(ours_named, kernels);
    EXPECT_EQ(common, common_names(kernels, ours_named)) << path;
    EXPECT_GT(common.size() * 4, ours_named.size() * 3) << path;
  };
  same(view_of(*target, "meminfo"), "/proc/meminfo");
  same(view_of(*target, "vmstat"), "/proc/vmstat");
  same(view_of(*target, 0, "status"), "/proc/self/status");
  const auto rollup = names_of(view_of(*target, 0, "smaps_rollup"));
  const auto kernels = names_of(read_file("/proc/self/smaps_rollup"));
  EXPECT_EQ(std::vector(rollup.begin() + 1, rollup.end()),
            std::vector(kernels.begin() + 1, kernels.end()));
}

// The digits and the rest of a text apart: lines of the same shape.
std::string shape_of(const std::string& line) {
  std::string shape;
  for (const char c : line) shape += c >= '0' && c <= '9' ? '0' : c;
  return shape;
}

TEST(ProcViews, TablesHaveTheColumnsOfLinux) {
  const auto target = after(kFamily);
  const std::string swaps = read_file("/proc/swaps"), buddies = read_file("/proc/buddyinfo");
  const std::string types = read_file("/proc/pagetypeinfo");
  if (swaps.empty() || buddies.empty() || types.empty()) GTEST_SKIP() << "no /proc/pagetypeinfo";
  EXPECT_EQ(lines_of(view_of(*target, "swaps")).front(), lines_of(swaps).front());
  EXPECT_EQ(lines_of(view_of(*target, "buddyinfo")).front().size(),
            lines_of(buddies).front().size());
  const auto ours = lines_of(view_of(*target, "pagetypeinfo"));
  const auto kernels = lines_of(types);
  ASSERT_GE(kernels.size(), 5U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(ours.at(i), kernels[i]);
  EXPECT_EQ(ours.at(4).size(), kernels[4].size());
  EXPECT_EQ(shape_of(ours.at(4)).substr(0, 14), shape_of(kernels[4]).substr(0, 14));
  EXPECT_EQ(ours.at(ours.size() - 1).size(), kernels.back().size());
}

}  // namespace
}  // namespace pw::testing
