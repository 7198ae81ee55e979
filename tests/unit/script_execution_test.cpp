// A program carried out step by step: the same as at one go, with the machine to be looked at
// between any two steps.
#include "script/execution.hpp"

#include <gtest/gtest.h>

#include "script/parser.hpp"
#include "script/settings.hpp"
#include "script/sim_target.hpp"

namespace pw::script {
namespace {

class ScriptExecution : public ::testing::Test {
 protected:
  // Opens a script at its beginning.
  void open(const std::string& text) {
    execution_.reset();
    Result<Program> program = parse(text);
    ASSERT_TRUE(program) << program.error().message;
    program_ = std::move(*program);
    auto target = SimTarget::create(*machine_of(program_));
    ASSERT_TRUE(target) << target.error().message;
    target_ = std::move(*target);
    execution_ = std::make_unique<Execution>(program_, *target_, limits_, output_);
  }
  std::vector<unsigned> lines_to_the_end() {
    std::vector<unsigned> lines;
    while (execution_->next() != nullptr) {
      lines.push_back(execution_->next()->place.line);
      EXPECT_TRUE(execution_->advance());
      EXPECT_EQ(execution_->last().step->place.line, lines.back());
    }
    EXPECT_FALSE(execution_->advance());
    return lines;
  }

  RunLimits limits_;
  Output output_;
  Program program_;
  std::unique_ptr<SimTarget> target_;
  std::unique_ptr<Execution> execution_;
};

using Lines = std::vector<unsigned>;

TEST_F(ScriptExecution, GoesThroughLoopsWithoutStoppingAtTheirHeads) {
  open("process A\nlet n = 2\nrepeat n {\nlet a = 1\nfor i = 3..4 {\nlet b = i\n}\n}\nmark");
  EXPECT_EQ(lines_to_the_end(), (Lines{1, 2, 4, 6, 6, 4, 6, 6, 9}));
  EXPECT_EQ(execution_->names().variables().at("b"), 4U);
  EXPECT_EQ(execution_->report().steps, 9U + 2 + 4);  // turns are counted too
}

TEST_F(ScriptExecution, EmptyLoopsAreNoSteps) {
  open("process A\nrepeat 0 { let a = 1 }\nfor i = 5..4 { let a = 2 }\nrepeat 3 { }\nmark");
  EXPECT_EQ(lines_to_the_end(), (Lines{1, 5}));
  open("repeat 2 { }");
  EXPECT_EQ(execution_->next(), nullptr);
}

TEST_F(ScriptExecution, AnAccessDoneSeveralTimesIsAsManySteps) {
  open("process A\np = mmap 0 1P rw private|anonymous\nstore p \"x\" times=3\nload p 1 => \"x\"");
  EXPECT_EQ(lines_to_the_end(), (Lines{1, 2, 3, 3, 3, 4}));
  EXPECT_EQ(execution_->report().steps, 6U);
  EXPECT_EQ(execution_->report().checks, 1U);
}

TEST_F(ScriptExecution, TellsWhatAStepDid) {
  open("process A\np = mmap 0 1P rw private|anonymous\nstore p+8 \"abc\"\nload p 1 => \"y\"");
  for (int i = 0; i < 3; ++i) execution_->advance();
  const std::uint64_t p = execution_->names().variables().at("p");
  EXPECT_EQ(execution_->last().address, VirtAddr(p + 8));
  EXPECT_EQ(execution_->last().length, 3U);
  EXPECT_EQ(execution_->last().failed, 0U);
  execution_->advance();
  EXPECT_EQ(execution_->last().outcome.bytes, std::string(1, '\0'));
  EXPECT_EQ(execution_->last().failed, 1U);
}

TEST_F(ScriptExecution, TheMachineStandsBetweenTwoSteps) {
  open("process A\np = mmap 0 2P rw private|anonymous\nstore p \"x\"\nstore p+1P \"x\"");
  const auto minor = [this] { return target_->machine().counters().faults.minor; };
  execution_->advance();
  execution_->advance();
  EXPECT_EQ(minor(), 0U);
  execution_->advance();
  EXPECT_EQ(minor(), 1U);
  execution_->advance();
  EXPECT_EQ(minor(), 2U);
}

TEST_F(ScriptExecution, ALimitStopsItWhereItStopsARun) {
  limits_.steps = 4;
  open("process A\nrepeat 9 { let a = 1 }");
  // A step, a turn, a step, a turn; the step that is one too many is refused.
  EXPECT_EQ(lines_to_the_end(), (Lines{1, 2, 2}));
  ASSERT_TRUE(execution_->report().stopped);
  const auto again = SimTarget::create(*machine_of(program_));
  EXPECT_EQ(summary(run(program_, **again, limits_, output_)), summary(execution_->report()));
}

}  // namespace
}  // namespace pw::script
