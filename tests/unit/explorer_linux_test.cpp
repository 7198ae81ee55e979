// What the explorer shows of a machine that manages memory as Linux does: lists in the order in
// which they are scanned, marks of pages, and what is known of pages that are away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "reclaim/mglru/mglru_reclaim.hpp"
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

// Of a machine with generations.
class ExplorerGenerations : public ExplorerLinux {
 protected:
  void SetUp() override {
    auto opened = Session::open(kScript, "model=linux-mglru");
    ASSERT_TRUE(opened) << opened.error().message;
    session_ = std::move(*opened);
  }
  const MglruReclaim& reclaim() {
    return dynamic_cast<const MglruReclaim&>(session_->machine().reclaimer());
  }
  static json generation(const json& state, const char* kind, std::uint64_t seq) {
    for (const json& list : state["policy"]["parts"][0]["lists"]) {
      if (list["name"] == kind && list["generation"] == seq) return list;
    }
    ADD_FAILURE() << "no generation " << seq << " of " << kind;
    return {};
  }
};

TEST_F(ExplorerGenerations, APageThatAFaultBringsJoinsTheNextButYoungest) {
  const json state = after(100);
  EXPECT_EQ(state["policy"]["name"], "linux-mglru");
  const json& generations = state["policy"]["group"]["generations"];
  ASSERT_EQ(generations["youngest"], 3);  // as the kernel begins
  EXPECT_EQ(generations["oldest"], json({0, 0}));
  const json young = generation(state, "anon", 2), fresh = list(state, "new");
  EXPECT_EQ(young["size"], young["pages"].size());
  EXPECT_EQ(young["size"].get<std::uint64_t>() + fresh["size"].get<std::uint64_t>(), 100U);
  for (const std::uint64_t empty : {0U, 1U, 3U}) {
    EXPECT_EQ(generation(state, "anon", empty)["size"], 0);
  }
  // Who came first is met first.
  std::vector<std::uint64_t> expected, shown;
  for (const auto& [page, cell] : cells(state)) expected.push_back(cell[1]);
  for (const json& part : {young, fresh}) {
    for (const json& frame : part["pages"]) shown.push_back(frame);
  }
  EXPECT_THAT(shown, ElementsAreArray(expected));
  for (const json& mark : young["marks"]) EXPECT_EQ(mark, 1);  // accessed; tier 0, at its place
}

TEST_F(ExplorerGenerations, GenerationsAgeAndPagesThatLeaveThemAreRemembered) {
  const json state = after(kPages);
  const json& group = state["policy"]["group"];
  const Generations& truth = reclaim().generations();
  ASSERT_GT(truth.max_seq(), 3U);
  EXPECT_EQ(group["generations"]["youngest"], truth.max_seq());
  EXPECT_EQ(group["generations"]["walks"], reclaim().walked().walks);
  EXPECT_FALSE(group.contains("room"));
  std::uint64_t sizes = 0, stands = 0, away = 0, known = 0;
  for (const json& each : state["policy"]["parts"][0]["lists"]) {
    sizes += each["size"].get<std::uint64_t>();
    stands += each["pages"].size();
  }
  EXPECT_EQ(sizes, session_->machine().reclaimer().listed());
  EXPECT_EQ(stands, sizes);
  for (const auto& [page, cell] : cells(state)) {
    if (cell[0] != kSwapped) continue;
    ++away;
    ASSERT_GT(cell[2], 0U) << page;
    EXPECT_LT(cell[2] - 1, truth.max_seq());
    known += truth.max_seq() - (cell[2] - 1) < Generations::kMax ? 1 : 0;
  }
  EXPECT_GT(away, kPages - 256);
  EXPECT_EQ(group["shadows"], json({known, 0}));
  std::uint64_t evicted = 0;
  for (const json& tier : group["generations"]["kinds"][0]["tiers"]) {
    evicted += tier[1].get<std::uint64_t>();
  }
  EXPECT_GT(evicted, 0U);
}

// A page that a walk has moved stands where it stood: the mark says by how much it is younger.
TEST_F(ExplorerGenerations, MarksSayWhatTheFlagsSay) {
  const char* script =
      "machine ram=8M swap=16M swap-device=zram model=linux-mglru group-limit=1M "
      "swap-readahead=1 tlb=l1d=1x8,l2=none\n"
      "process A\nprocess B\n"
      "A: hot = mmap 0 120P rw private|anonymous\n"
      "A: scan = mmap 0 1200P rw private|anonymous\n"
      "B: other = mmap 0 1P rw private|anonymous\n"
      "for round = 0..29 {\n  for h = 0..119 { A: store hot+h*1P \"h\" }\n"
      "  B: store other \"x\"\n"
      "  for k = 0..39 { A: store scan+(round*40+k)*1P \"c\" }\n}\n";
  auto opened = Session::open(script, {});
  ASSERT_TRUE(opened);
  session_ = std::move(*opened);
  std::uint64_t younger = 0, tiers = 0;
  for (std::uint64_t step = 1'000; step < 4'800; step += 100) {
    ASSERT_TRUE(session_->go(step));
    const json state = json::parse(state_of(*session_));
    const Generations& truth = reclaim().generations();
    for (const json& list : state["policy"]["parts"][0]["lists"]) {
      if (!list.contains("generation")) continue;
      for (std::size_t i = 0; i < list["pages"].size(); ++i) {
        const Pfn pfn(list["pages"][i]);
        const std::uint64_t mark = list["marks"][i];
        const std::uint64_t of = list["generation"].get<std::uint64_t>() + (mark >> 6);
        EXPECT_EQ(truth.generation(pfn), of % Generations::kMax);
        EXPECT_LE(of, truth.max_seq());
        EXPECT_EQ(truth.tier(pfn), mark >> 4 & 3);
        younger += mark >> 6 != 0 ? 1 : 0;
        tiers += (mark >> 4 & 3) != 0 ? 1 : 0;
      }
    }
  }
  EXPECT_GT(younger, 0U);
  EXPECT_GT(tiers, 0U);
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
