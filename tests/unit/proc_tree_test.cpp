// `pagewright show --proc`: where the files go, and what is refused.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

#include "support/scripted_machine.hpp"
#include "support/temporary_folder.hpp"
#include "tools/proc_tree.hpp"
#include "view/areas.hpp"
#include "view/memory.hpp"
#include "view/pagemap.hpp"

namespace pw::tools {
namespace {

namespace fs = std::filesystem;
using testing::after;
using testing::read_file;
using testing::TemporaryFolder;

constexpr const char* kTwo = "process A\nstore stack_end-8 \"x\"\nA: B = fork\n";

std::size_t entries_of(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(ProcTree, HasTheFilesOfProc) {
  const TemporaryFolder folder;
  const auto target = after(kTwo);
  Machine& machine = target->machine();
  const std::string made = folder / "views";
  const Result<void> written = write_proc_tree(machine, made + "/", false);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(read_file(made + "/1/smaps"), view::smaps(machine, *machine.find(1)));
  EXPECT_EQ(read_file(made + "/2/maps"), view::maps(machine, *machine.find(2)));
  EXPECT_EQ(read_file(made + "/meminfo"), view::meminfo(machine));
  for (const char* name :
       {"1/maps", "1/smaps_rollup", "1/status", "1/statm", "1/numa_maps", "1/pagemap", "vmstat",
        "swaps", "buddyinfo", "pagetypeinfo", "memory.stat"}) {
    EXPECT_GT(fs::file_size(made + "/" + name), 0U) << name;
  }
  EXPECT_EQ(entries_of(folder.path()), 1U);  // nothing temporary stays
}

TEST(ProcTree, PagemapIsReadAtThePagesPlace) {
  const TemporaryFolder folder;
  const auto target = after(kTwo);
  Machine& machine = target->machine();
  ASSERT_TRUE(write_proc_tree(machine, folder / "views", false));
  const auto entries = view::pagemap(machine, *machine.find(1));
  ASSERT_EQ(entries.size(), 1U);
  std::ifstream in(folder / "views/1/pagemap", std::ios::binary);
  std::uint64_t bits[2] = {1, 1};
  in.seekg(static_cast<std::streamoff>((entries[0].page.value - 1) * 8));
  in.read(reinterpret_cast<char*>(bits), sizeof bits);
  ASSERT_TRUE(in);
  EXPECT_EQ(bits[0], 0U);
  EXPECT_EQ(bits[1], entries[0].bits);
  EXPECT_NE(bits[1] & view::kPagemapPresent, 0U);
  EXPECT_EQ(bits[1] & view::kPagemapExclusive, 0U);  // the child has it too
}

TEST(ProcTree, AFolderWithOtherThingsIsLeftAloneWithoutForce) {
  const TemporaryFolder folder;
  testing::write_file(folder / "letter", "dear");
  const auto target = after(kTwo);
  const Result<void> written = write_proc_tree(target->machine(), folder.path(), false);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errno::Exists);
  EXPECT_NE(written.error().message.find("--force"), std::string::npos);
  EXPECT_EQ(entries_of(folder.path()), 1U);

  const Result<void> on_file = write_proc_tree(target->machine(), folder / "letter", true);
  ASSERT_FALSE(on_file);
  EXPECT_NE(on_file.error().message.find("is no folder"), std::string::npos);
  EXPECT_EQ(read_file(folder / "letter"), "dear");
}

TEST(ProcTree, ForceReplacesTheViewsAndKeepsTheRest) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_proc_tree(after(kTwo)->machine(), folder.path(), false));  // empty
  testing::write_file(folder / "letter", "dear");
  fs::create_directory(folder / "77");
  testing::write_file(folder / "77/letter", "sir");
  const auto target = after("process A\n");
  const Result<void> written = write_proc_tree(target->machine(), folder.path(), true);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(read_file(folder / "letter"), "dear");
  EXPECT_EQ(read_file(folder / "77/letter"), "sir");  // not a process of a machine
  EXPECT_TRUE(fs::exists(folder / "1/status"));
  EXPECT_FALSE(fs::exists(folder / "2"));
  EXPECT_EQ(read_file(folder / "meminfo"), view::meminfo(target->machine()));
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    EXPECT_NE(entry.path().filename().string().front(), '.') << entry.path();
  }
}

TEST(ProcTree, NothingStaysWhenAFileMayNotBeSoLong) {
  const TemporaryFolder folder;
  const auto target = after(kTwo);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit low{1U << 20, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
  const Result<void> written = write_proc_tree(target->machine(), folder / "views", false);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errno::FileTooBig);
  EXPECT_EQ(entries_of(folder.path()), 0U);
}

TEST(ProcTree, AMissingParentIsAnErrorWithItsName) {
  const TemporaryFolder folder;
  const Result<void> written = write_proc_tree(after(kTwo)->machine(), folder / "a/b", false);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("a/b: No such file"), std::string::npos);
}

}  // namespace
}  // namespace pw::tools
