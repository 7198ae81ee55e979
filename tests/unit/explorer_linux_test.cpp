// What the explorer shows of a machine that manages memory as Linux does: lists in the order in
// which they are scanned, marks of pages, and what is known of pages that are away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "web/core/explorer/session.hpp"
#include "web/core/explorer/state.hpp"

namespace pw::explorer {
namespace {

using nlohmann::json;
using ::testing::ElementsAreArray;

// 256 pages for everything; steps 1 to 3 come before the first store.
constexpr const char* kScript =
    "machine ram=64M swap=16M swap-device=zram model=linux group-limit=1M swap-readahead=1\n"
    "process A\n"
    "p = mmap 0 400P rw private|anonymous\n"
    "for i = 0..399 {\n  store p+i*1P \"x\"\n}\n"
    "load p 1\n";
constexpr std::uint64_t kBefore = 2, kPages = 400;

class ExplorerLinux : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Session::open(kScript, {});
    ASSERT_TRUE(opened) << opened.error().message;
    session_ = std::move(*opened);
  }
  json after(std::uint64_t stores) {
    EXPECT_TRUE(session_->go(kBefore + stores));
    return json::parse(state_of(*session_));
  }
  // A page of p: what the page shows of it, as {cell, where, bits}.
  static std::map<std::uint64_t, std::array<std::uint64_t, 3>> cells(const json& state) {
    std::map<std::uint64_t, std::array<std::uint64_t, 3>> found;
    for (const json& area : state["processes"][0]["areas"]) {
      if (area["pages"] != kPages) continue;
      const json& cells = area["cells"];
      for (std::size_t i = 0; i < cells.size(); i += 4) {
        found[cells[i]] = {cells[i + 1], cells[i + 2], cells[i + 3]};
      }
    }
    return found;
  }
  static json list(const json& state, const std::string& name) {
    for (const json& list : state["policy"]["parts"][0]["lists"]) {
      if (list["name"] == name) return list;
    }
    return {{"size", 0}, {"pages", json::array()}, {"marks", json::array()}};
  }

  static constexpr std::uint64_t kMapped = 1, kSwapped = 4;
  std::unique_ptr<Session> session_;
};

TEST_F(ExplorerLinux, ListsAreInTheOrderOfTheScan) {
  const json state = after(100);
  std::vector<std::uint64_t> expected, shown;
  for (const auto& [page, cell] : cells(state)) {
    ASSERT_EQ(cell[0], kMapped);
    expected.push_back(cell[1]);
  }
  ASSERT_EQ(expected.size(), 100U);
  // Nothing was scanned yet: who came first is looked at first, who is in no list yet comes last.
  const json inactive = list(state, "inactive anon"), fresh = list(state, "new");
  for (const json& part : {inactive, fresh}) {
    EXPECT_EQ(part["size"], part["pages"].size());
    EXPECT_EQ(part["size"], part["marks"].size());
    for (const json& frame : part["pages"]) {
      if (std::find(expected.begin(), expected.end(), frame) != expected.end()) {
        shown.push_back(frame);
      }
    }
  }
  EXPECT_THAT(shown, ElementsAreArray(expected));
  EXPECT_LT(fresh["size"], 31);
  EXPECT_EQ(list(state, "active anon")["size"], 0);
  for (const json& mark : inactive["marks"]) EXPECT_EQ(mark, 1);  // accessed, never scanned
  EXPECT_EQ(state["policy"]["group"]["limit"], 256);
  EXPECT_EQ(state["policy"]["group"]["shadows"], json({0, 0}));
}

TEST_F(ExplorerLinux, PagesThatAreAwayAreRemembered) {
  const json state = after(kPages);
  const json& group = state["policy"]["group"];
  EXPECT_LE(group["used"], group["limit"]);
  std::uint64_t away = 0, held = 0, last = ~std::uint64_t{0};
  for (const auto& [page, cell] : cells(state)) {
    if (cell[0] != kSwapped) {
      ++held;
      continue;
    }
    ++away;
    ASSERT_GT(cell[2], 0U) << page;
    const std::uint64_t distance = cell[2] - 1;
    EXPECT_LT(distance, last) << page;  // who went earlier would come back from farther off
    last = distance;
  }
  EXPECT_EQ(away + held, kPages);
  EXPECT_GT(away, kPages - 256);
  EXPECT_EQ(group["shadows"], json({away, 0}));
  EXPECT_EQ(group["age"], away);
  std::uint64_t listed = 0;
  for (const json& each : state["policy"]["parts"][0]["lists"]) {
    listed += each["size"].get<std::uint64_t>();
  }
  EXPECT_EQ(listed, session_->machine().reclaimer().listed());
}

TEST_F(ExplorerLinux, TheDistanceSaysWhetherARefaultIsSoon) {
  const json before = after(kPages);
  ASSERT_EQ(cells(before)[0][0], kSwapped);
  const std::uint64_t shadows = before["policy"]["group"]["shadows"][0];
  const json state = after(kPages + 1);
  const json& group = state["policy"]["group"];
  EXPECT_EQ(group["refaults"], json({1, 0}));
  // The room is what the statistics said at that time, which are looked at as the page comes back.
  const std::uint64_t distance = cells(before)[0][2] - 1;
  const bool soon = distance <= group["room"][0].get<std::uint64_t>();
  EXPECT_EQ(group["activated"], json({soon ? 1 : 0, 0}));
  EXPECT_LE(group["shadows"][0], shadows + 32);
  EXPECT_EQ(cells(state)[0][0], kMapped);
}

TEST_F(ExplorerLinux, OtherModelsHaveNoGroup) {
  auto opened = Session::open(kScript, "model=policy");
  ASSERT_TRUE(opened);
  ASSERT_TRUE((*opened)->go(50));
  const json state = json::parse(state_of(**opened));
  EXPECT_FALSE(state["policy"].contains("group"));
  EXPECT_EQ(state["policy"]["name"], "clock");
}

}  // namespace
}  // namespace pw::explorer
