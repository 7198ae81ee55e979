// Who writes pages that a fork has shared: a recorded program whose writes are known.
#include "replay/fork_bill.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "record/recording.hpp"
#include "replay/replay.hpp"
#include "report/stack_names.hpp"
#include "support/temporary_folder.hpp"
#include "truth/predicted_run.hpp"

namespace pw::truth {
namespace {

constexpr std::uint64_t kPages = 512;  // of 2 MiB
constexpr std::uint64_t kChildren = 3;
constexpr std::uint64_t kStackAndData = 40;  // of a process; what it writes beside its pages

bool in_function(const std::vector<std::string>& frames, const std::string& name) {
  return std::find(frames.begin(), frames.end(), name) != frames.end();
}

// Each of three children copies half of the pages and stays until the others have; when they are
// gone, all are the parent's alone. The model of Linux lets processes wait for each other.
TEST(ForkBill, NamesWhoWroteWhatWasShared) {
  if (const std::string why = why_not_recorded(); !why.empty()) GTEST_SKIP() << why;
  const testing::TemporaryFolder folder;
  const std::string program = std::string(PW_BUILD_DIR) + "/tests/truth/truth_cow";
  constexpr bool kWithStacks = true;
  ASSERT_EQ(record_run({program, "2", std::to_string(kChildren), "50"}, folder.path().string(),
                       folder / "cow.pwrec", kWithStacks),
            "");
  const auto recording = record::Recording::open(folder / "cow.pwrec");
  ASSERT_TRUE(recording);
  MachineConfig config;
  config.model = MemoryModel::Linux;
  replay::ForkBill bill;
  const auto result = replay::replay(*recording, config, {}, nullptr, nullptr, &bill);
  ASSERT_TRUE(result);

  replay::ForkSite in_loop, all;
  for (const replay::ForkSite& site : bill.sites()) {
    const bool here = in_function(report::stack_names(*recording, site.stack), "main");
    for (replay::ForkSite* sum : {&all, here ? &in_loop : nullptr}) {
      if (sum == nullptr) continue;
      sum->copied += site.copied;
      sum->reused += site.reused;
    }
  }
  const std::uint64_t of_children = kChildren * kPages / 2;
  const std::uint64_t beside = (kChildren + 1) * kStackAndData;
  EXPECT_GE(in_loop.copied, of_children);
  EXPECT_GE(in_loop.reused, kPages);
  EXPECT_LE(all.copied, of_children + beside);
  EXPECT_LE(all.reused, kPages + beside);
  EXPECT_LE(all.copied, result->counters.faults.copy_on_write);
  EXPECT_LE(all.reused, result->counters.faults.reused);
}

}  // namespace
}  // namespace pw::truth
