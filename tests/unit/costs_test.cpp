// Costs of a host: their file, where it is looked for, what a machine makes of them.
#include "predict/costs.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/random.hpp"
#include "port/device_queue.hpp"
#include "recorder/common/effort.h"
#include "support/json_schema.hpp"
#include "support/temporary_folder.hpp"
#include "tools/calibration.hpp"

namespace pw::predict {
namespace {

using pw::testing::TemporaryFolder;
using pw::testing::write_file;
using Json = nlohmann::json;

Costs example() {
  Costs costs;
  costs.host = "a processor, Linux 6";
  double ns = 10;
  for (const CostField& field : cost_fields()) {
    costs.*field.member = {ns, ns - 1, ns + 2.5, true};
    ns += 100;
  }
  return costs;
}

// Of times that differ the one in the middle, with the range of all; what one time could not
// measure, others have.
TEST(Costs, OfSeveralTimesTheMiddleIsTaken) {
  std::vector<tools::Calibration> times(3);
  times[0].costs.look = {900, 800, 950, true};
  times[1].costs.look = {100, 0, 400, true};
  times[2].costs.look = {300, 250, 310, true};
  times[1].costs.walk = {20, 18, 25, true};
  for (tools::Calibration& one : times) one.notes = {"disk: none"};
  times[2].notes.emplace_back("zram: others swapped");
  const tools::Calibration middle = tools::middle_of(times);
  EXPECT_EQ(middle.costs.look.ns, 300);
  EXPECT_EQ(middle.costs.look.low, 0);
  EXPECT_EQ(middle.costs.look.high, 950);
  EXPECT_EQ(middle.costs.walk.ns, 20);
  EXPECT_TRUE(middle.costs.walk.measured);
  EXPECT_FALSE(middle.costs.anon_fault.measured);
  EXPECT_EQ(middle.costs.anon_fault.ns, Costs{}.anon_fault.ns);
  EXPECT_EQ(middle.notes, std::vector<std::string>{"disk: none"});
}

TEST(Costs, ComeBackAsTheyWereWritten) {
  const std::string text = to_json(example());
  EXPECT_EQ(test::schema_errors(Json::parse(text), "costs.schema.json"),
            std::vector<std::string>{});
  const auto again = costs_from_json(text);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json(*again), text);
  EXPECT_EQ(again->zram_write.high, again->zram_write.ns + 2.5);
}

TEST(Costs, WhatWasNotMeasuredKeepsItsDefault) {
  Costs some;
  some.walk = {7, 6, 8, true};
  const auto again = costs_from_json(to_json(some));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->walk.ns, 7);
  EXPECT_TRUE(again->walk.measured);
  EXPECT_EQ(again->zram_read.ns, Costs{}.zram_read.ns);
  EXPECT_FALSE(again->zram_read.measured);
}

TEST(Costs, WhatIsWrongIsSaid) {
  const Json good = Json::parse(to_json(example()));
  Json bad = good;
  bad["costs"]["walk"]["ns"] = -1;
  EXPECT_EQ(costs_from_json(bad.dump()).error().message, "the cost walk needs a number ns");
  bad = good;
  bad["costs"]["walk"] = 5;
  EXPECT_FALSE(costs_from_json(bad.dump()));
  bad = good;
  bad["schema"] = "pagewright.costs/2";
  EXPECT_EQ(costs_from_json(bad.dump()).error().message, "no costs of schema pagewright.costs/1");
  EXPECT_FALSE(costs_from_json(""));
}

class CostsPlace : public ::testing::Test {
 protected:
  CostsPlace() {
    const char* old = std::getenv("XDG_CONFIG_HOME");
    if (old != nullptr) before_ = old;
    ::setenv("XDG_CONFIG_HOME", folder_.path().c_str(), 1);
  }
  ~CostsPlace() override {
    before_.empty() ? ::unsetenv("XDG_CONFIG_HOME")
                    : ::setenv("XDG_CONFIG_HOME", before_.c_str(), 1);
  }
  TemporaryFolder folder_;
  std::string before_;
};

TEST_F(CostsPlace, TheDefaultsServeWhereNothingIsStored) {
  const auto loaded = load_costs("");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->source, "default costs; 'pagewright calibrate' measures this host's");
  EXPECT_EQ(load_costs(folder_ / "none").error().code, Errno::NoEntry);
}

TEST_F(CostsPlace, WhatIsStoredIsTaken) {
  EXPECT_EQ(default_costs_path(), folder_ / "pagewright/costs.json");
  std::filesystem::create_directories(folder_.path() / "pagewright");
  write_file(default_costs_path(), to_json(example()));
  const auto loaded = load_costs("");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->costs.anon_fault.ns, 10);
  EXPECT_EQ(loaded->source,
            "costs measured on a processor, Linux 6 (" + default_costs_path() + ")");
  write_file(folder_ / "bad", "{}");
  EXPECT_EQ(load_costs(folder_ / "bad").error().code, Errno::Invalid);
}

TEST(Costs, AMachineTakesThemApart) {
  Costs costs;
  costs.anon_fault.ns = 900;
  costs.copy_fault.ns = 2'400;
  costs.zero_page_fault.ns = 600;
  costs.zram_read.ns = 1'500;
  costs.zram_write.ns = 5'000;
  costs.zram_read_effort.ns = 100;
  costs.zram_write_effort.ns = 1'000;
  costs.zram_read_copied.ns = 1'000;
  costs.zram_write_huge.ns = 1'700;
  costs.look.ns = 300;
  costs.file_page.ns = 50;
  costs.huge_fault.ns = 90'900;
  costs.file_request.ns = 30'000;
  costs.file_read.ns = 350;
  costs.file_read_large.ns = 40;
  costs.file_free.ns = 320;
  costs.disk_read.ns = 40'000;
  costs.disk_page.ns = 2'500;
  MachineConfig machine;
  apply(costs, SwapKind::Zram, {}, machine);
  EXPECT_EQ(machine.costs.minor_ns, 900U);
  EXPECT_EQ(machine.costs.copy_ns, 1'500U);
  EXPECT_EQ(machine.costs.major_ns, 600U);
  EXPECT_EQ(machine.swap_device.read_ns, 900U);
  EXPECT_EQ(machine.costs.reclaim_page_ns, 300U);
  // 5,000 is a look, what a small page has alone, and what a page of a huge one takes too.
  EXPECT_EQ(machine.costs.swap_out_ns, 3'000U);
  EXPECT_EQ(machine.swap_device.write_ns, 1'700U);
  EXPECT_TRUE(machine.swap_device.synchronous);
  EXPECT_EQ(machine.costs.huge_page_ns, 90'000U);
  EXPECT_EQ(machine.costs.around_page_ns, 50U);
  EXPECT_EQ(machine.costs.file_request_ns, 30'000U);
  EXPECT_EQ(machine.costs.file_folio_ns, 310U);
  EXPECT_EQ(machine.costs.file_page_ns, 40U);
  EXPECT_EQ(machine.costs.file_free_ns, 320U);
  EXPECT_EQ(machine.file_device.read_ns, 7'500U);
  apply(costs, SwapKind::Zram, {2'000, 500}, machine);  // text
  EXPECT_EQ(machine.swap_device.read_ns, 1'600U);
  EXPECT_EQ(machine.swap_device.write_ns, 3'700U);
  apply(costs, SwapKind::Ssd, {}, machine);
  EXPECT_FALSE(machine.swap_device.synchronous);
  EXPECT_EQ(machine.swap_device.per_page_ns, 2'500U);
  EXPECT_EQ(machine.swap_device.read_ns, 37'500U);  // faults have no request of their own there
  // A host where huge pages are no cheaper has nothing that is a small page's alone.
  costs.zram_write_huge.ns = 9'000;
  apply(costs, SwapKind::Zram, {}, machine);
  EXPECT_EQ(machine.costs.swap_out_ns, 0U);
  EXPECT_EQ(machine.swap_device.write_ns, 4'700U);
}

// Requests of files that are handed in together share what the disk moves.
TEST(Costs, FilesShareTheWayToTheDisk) {
  Costs costs;
  costs.disk_page.ns = 2'000;
  MachineConfig machine;
  apply(costs, SwapKind::Zram, {}, machine);
  DeviceQueue queue(machine.file_device);
  const std::uint64_t first = queue.submit(0, Transfer::Write, 0, 1'024);
  EXPECT_EQ(queue.submit(0, Transfer::Write, 1'024, 8),
            first + machine.file_device.write_ns + 16'000);
}

TEST(Costs, EffortIsWhatTheRecordingSawOrAnything) {
  const Effort none = effort_of({});
  EXPECT_EQ(none.low, 0);
  EXPECT_GT(none.high, none.middle);
  const Effort seen = effort_of({.pages = 10, .effort = 8'000, .copied = 500});
  EXPECT_EQ(seen.copied, 50);
  EXPECT_EQ(seen.middle, 800);
  EXPECT_EQ(seen.low, 600);
  EXPECT_EQ(seen.high, 1'000);
}

using PageBytes = std::array<unsigned char, PW_EFFORT_PAGE_BYTES>;

unsigned effort_in(const PageBytes& page, unsigned* copied = nullptr) {
  static pw_effort_table table;
  unsigned near = 0;
  const unsigned effort = pw_page_effort(page.data(), &table, &near);
  if (copied != nullptr) *copied = near;
  return effort;
}

// What is repeated at a distance of less than eight bytes is copied byte by byte on the way back;
// zeros are no match, and what is repeated from farther away goes eight bytes at a time.
TEST(Costs, BytesThatAreCopiedOneByOne) {
  PageBytes page{};
  unsigned copied = 0;
  const auto repeat = [&page](std::size_t period) {
    for (std::size_t i = 0; i < page.size(); ++i) {
      page[i] = static_cast<unsigned char>('a' + i % period);
    }
  };
  repeat(7);
  (void)effort_in(page, &copied);
  EXPECT_GT(copied, PW_EFFORT_PAGE_BYTES - 64);
  repeat(8);
  (void)effort_in(page, &copied);
  EXPECT_EQ(copied, 0U);
  page.fill(0);
  page[4000] = 1;
  (void)effort_in(page, &copied);
  EXPECT_EQ(copied, 0U);
}

// What LZO does with them: nothing with zeros, next to nothing with one word among zeros; it gives
// noise up with longer and longer steps; text is work all along.
TEST(Costs, EffortOfZerosNoiseAndText) {
  PageBytes page{};
  EXPECT_EQ(effort_in(page), 0U);
  page[8] = 1;
  EXPECT_GE(effort_in(page), 1U);
  EXPECT_LE(effort_in(page), 4 * PW_EFFORT_MATCH);
  Random random(1);
  for (unsigned char& byte : page) byte = static_cast<unsigned char>(random.below(256));
  const unsigned noise = effort_in(page);
  EXPECT_GT(noise, 100U);
  EXPECT_LT(noise, 300U);
  for (unsigned char& byte : page) byte = static_cast<unsigned char>('0' + random.below(3));
  EXPECT_GT(effort_in(page), 5 * noise);
  page.fill('x');  // one match for all of it
  EXPECT_LE(effort_in(page), 4 * PW_EFFORT_MATCH);
}

// The same page costs the same whatever was looked at before.
TEST(Costs, EffortForgetsThePageBefore) {
  Random random(2);
  PageBytes first{}, second{};
  for (unsigned char& byte : first) byte = static_cast<unsigned char>(random.below(5));
  for (unsigned char& byte : second) byte = static_cast<unsigned char>(random.below(5));
  const unsigned alone = effort_in(second);
  (void)effort_in(first);
  EXPECT_EQ(effort_in(second), alone);
}

TEST(Calibration, MedianAndQuartiles) {
  const Cost cost = tools::cost_of({5, 1, 4, 2, 3});
  EXPECT_EQ(cost.ns, 3);
  EXPECT_EQ(cost.low, 2);
  EXPECT_EQ(cost.high, 4);
  EXPECT_TRUE(cost.measured);
  EXPECT_EQ(tools::cost_of({8}).high, 8);
}

TEST(Calibration, BatchesThatFailAreLeftOut) {
  Cost cost{1, 1, 1};
  int n = 0;
  tools::sample(cost, 4, 10, [&n] { return ++n % 2 == 0 ? -1.0 : n * 100.0; });
  EXPECT_EQ(cost.low, 10);
  EXPECT_EQ(cost.high, 30);
  Cost none{1, 1, 1};
  tools::sample(none, 4, 10, [] { return -1.0; });
  EXPECT_EQ(none.ns, 1);
  EXPECT_FALSE(none.measured);
}

// No timing is looked at: only that each cost was found, in order of size where that is certain.
TEST(Calibration, FaultsAreMeasured) {
  tools::Calibration result;
  tools::measure_faults(result);
  for (const Cost* cost :
       {&result.costs.anon_fault, &result.costs.zero_page_fault, &result.costs.copy_fault,
        &result.costs.reuse_fault, &result.costs.fork_process, &result.costs.fork_page}) {
    EXPECT_TRUE(cost->measured);
    EXPECT_LE(cost->low, cost->ns);
    EXPECT_LE(cost->ns, cost->high);
  }
  EXPECT_GT(result.costs.anon_fault.ns, 0);
}

// Without a place for groups; and where no page of a file ever leaves memory it is said.
TEST(Calibration, ReadsAreMeasuredOnADiskOnly) {
  tools::Calibration nowhere;
  tools::measure_reads(nowhere, "/dev/shm", {});
  EXPECT_FALSE(nowhere.costs.file_read.measured);
  ASSERT_EQ(nowhere.notes.size(), 1U);
  EXPECT_EQ(nowhere.notes[0].rfind("reading files: ", 0), 0U);

  const TemporaryFolder folder;
  tools::Calibration result;
  tools::measure_reads(result, folder.path().string(), {});
  if (!result.notes.empty()) GTEST_SKIP() << result.notes[0];
  const Costs& costs = result.costs;
  for (const Cost* cost :
       {&costs.file_request, &costs.file_read, &costs.file_read_large, &costs.file_free}) {
    EXPECT_TRUE(cost->measured);
    EXPECT_LE(cost->low, cost->ns);
    EXPECT_LE(cost->ns, cost->high);
  }
  EXPECT_GT(costs.file_read.ns, 0);
  EXPECT_GT(costs.file_free.ns, 0);
}

}  // namespace
}  // namespace pw::predict
