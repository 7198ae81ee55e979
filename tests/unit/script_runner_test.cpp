// What a run reports: values, failed checks word for word, counters, loops, names, limits.
#include <gtest/gtest.h>

#include "script/parser.hpp"
#include "script/runner.hpp"
#include "script/settings.hpp"
#include "script/sim_target.hpp"

namespace pw::script {
namespace {

struct Ran {
  RunReport report;
  std::string shown, said;
};

Ran run_text(const std::string& text, const RunLimits& limits = {}) {
  Ran ran;
  const Result<Program> program = parse(text);
  EXPECT_TRUE(program) << program.error().message;
  if (!program) return ran;
  Result<MachineConfig> config = machine_of(*program);
  config->verify_each_operation = true;
  const auto target = SimTarget::create(*config);
  EXPECT_TRUE(target) << target.error().message;
  ran.report = run(*program, **target, limits, [&](std::string_view part) { ran.shown += part; });
  ran.said = summary(ran.report);
  return ran;
}

std::string said_of(const std::string& text, const RunLimits& limits = {}) {
  return run_text(text, limits).said;
}

constexpr const char* kOnePage = "process A\np = mmap 0 1P rw private|anonymous\n";

TEST(ScriptRunner, CountsStepsAndChecks) {
  EXPECT_EQ(said_of("process A"), "1 step, 0 checks\n");
  EXPECT_EQ(said_of(std::string(kOnePage) + "store p \"ab\"\nload p+1 1 => \"b\"\nbrk 0 => heap"),
            "5 steps, 2 checks, all as expected\n");
}

TEST(ScriptRunner, SaysWhatWasExpectedAndWhatCame) {
  EXPECT_EQ(said_of(std::string(kOnePage) + R"(store p "ab"; load p 2 => "ac"
munmap p 1P+1 => EINVAL
load p 1 => SIGSEGV ACCERR p
load p+1 1 => SIGSEGV MAPERR p
mmap 1 1P rw private|anonymous|fixed => ok
mprotect p 1P r => 5
)"),
            R"(line 3: A: load p 2 => "ac"
  expected "ac"
  got      "ab"
line 4: A: munmap p 1P+1 => EINVAL
  expected EINVAL
  got      ok
line 5: A: load p 1 => SIGSEGV ACCERR p
  expected SIGSEGV ACCERR 0x7ffff7ffe000
  got      SIGSEGV MAPERR 0x7ffff7ffe000
line 6: A: load p+1 1 => SIGSEGV MAPERR p
  expected SIGSEGV MAPERR 0x7ffff7ffe000
  got      SIGSEGV MAPERR 0x7ffff7ffe001
line 7: A: mmap 1 1P rw private|anonymous|fixed => ok
  expected ok
  got      EINVAL
line 8: A: mprotect p 1P r => 5
  expected 5
  got      ENOMEM
9 steps, 6 checks, 6 failed
)");
}

TEST(ScriptRunner, PointsAtTheFirstDifferenceOfLongTexts) {
  std::string begins = "\"";
  for (int i = 0; i < 24; ++i) begins += "ab";
  begins += "\"... (";
  EXPECT_EQ(said_of(std::string(kOnePage) + "store p \"ab\"*40\nload p 80 => \"ab\"*39\n"
                                            "load p 80 => \"a\"*80"),
            "line 4: A: load p 80 => \"ab\"*39\n  expected " + begins + "78 bytes)\n  got      " +
                begins +
                "80 bytes); the first difference is at 78\n"
                "line 5: A: load p 80 => \"a\"*80\n  expected \"a\"*80\n  got      " +
                begins +
                "80 bytes); the first difference is at 1\n"
                "5 steps, 2 checks, 2 failed\n");
}

TEST(ScriptRunner, NotesFailuresThatNoCheckIsAbout) {
  EXPECT_EQ(said_of(std::string(kOnePage) + "load p 4\nmunmap p 0\nmunmap 1 1"),
            "5 steps, 0 checks\n2 steps failed that no check was about, the first:\n"
            "line 4: A: munmap p 0\n  got      EINVAL\n");
}

TEST(ScriptRunner, ComparesCountersWithNumbersAndWithTheLastMark) {
  EXPECT_EQ(said_of(R"(machine ram=64M fault-around=1
process A
p = mmap 0 8P rw private|anonymous
store p "x"; mark; store p+1P "x"; store p+2P "x"
expect A minor +2
expect A minor = +2
expect A minor >= 3
expect A resident < +2
expect A resident != 3
expect machine fresh = +2
mark
expect A minor = +0
)"),
            R"(line 8: expect A resident < +2
  expected < +2
  got      +2
line 9: expect A resident != 3
  expected != 3
  got      3
14 steps, 7 checks, 2 failed
)");
}

TEST(ScriptRunner, LoopsBindTheirVariable) {
  EXPECT_TRUE(run_text(R"(process A
p = mmap 0 8P rw private|anonymous
for i = 0..3 { for j = i..2 { store p+i*1P+j "y" } }
load p 3 => "yyy"
load p+1P 3 => "\0yy"
load p+2P 3 => "\0\0y"
load p+3P 3 => "\0\0\0"
repeat 0 { load 0 1 => ok }
for i = 5..4 { load 0 1 => ok }
for i = 0-1..0-1 { load p 1 => "y" }
)")
                  .report.good());
}

TEST(ScriptRunner, NamesAreThoseOfTheRun) {
  // A loop that never runs binds nothing, and a fork that fails makes no process.
  EXPECT_EQ(said_of("process A\nrepeat 0 { p = mmap 0 1P rw private|anonymous }\nload p 1"),
            "line 3: nothing has the name 'p' yet\n2 steps, 0 checks\n");
  EXPECT_EQ(said_of("process A\nrepeat 0 { B = fork }\nB: brk 0"),
            "line 3: there is no process 'B': the step that was to make it did not\n"
            "2 steps, 0 checks\n");
  EXPECT_EQ(said_of("process A\nprocess B\nlet q = heap"),
            "line 3: 'heap' is different in each process: write one before the step, as in A: let "
            "...\n3 steps, 0 checks\n");
}

TEST(ScriptRunner, ProcessesEndAndAnswerNoMore) {
  EXPECT_EQ(said_of("process A\nB = fork\nB: exit 3 => ok\nB: brk 0 => ESRCH\nB: load 0 1 => "
                    "ESRCH\nA: brk 0 => heap"),
            "6 steps, 4 checks, all as expected\n");
  EXPECT_EQ(said_of("process A\nexit 0\nshow maps"),
            "line 3: process A: it has ended\n3 steps, 0 checks\n");
}

TEST(ScriptRunner, LimitsEndARun) {
  RunLimits limits;
  limits.steps = 100;
  EXPECT_EQ(said_of("process A\nrepeat 1T {\n}", limits),
            "line 2: the script has done 100 steps, which is its limit ('steps')\n"
            "101 steps, 0 checks\n");
  limits = {};
  limits.bytes = 4'096;
  EXPECT_EQ(said_of(std::string(kOnePage) + "load p 1P\nload p 1P+1", limits),
            "line 4: a step moves at most 4096 bytes; this one wants 4097 (the limit 'bytes')\n"
            "4 steps, 0 checks\n");
  EXPECT_EQ(said_of(std::string(kOnePage) + "store p \"ab\"*2K\nstore p \"ab\"*(0-1)", limits),
            "line 4: a step moves at most 4096 bytes; this one wants 18446744073709551615 (the "
            "limit 'bytes')\n4 steps, 0 checks\n");
  limits = {};
  limits.populate = 8'192;
  EXPECT_EQ(
      said_of("process A\np = mmap 0 2P rw private|anonymous|populate => ok\n"
              "madvise p 3P populate_read",
              limits),
      "line 3: a step brings in at most 8192 bytes of memory; this one wants 12288 (the limit "
      "'populate')\n3 steps, 1 check, none failed\n");
  EXPECT_EQ(said_of("process A\nmmap 0 0-1P rw private|anonymous|populate => ENOMEM", limits),
            "2 steps, 1 check, all as expected\n");
  limits = {};
  limits.processes = 2;
  EXPECT_EQ(said_of("process A\nrepeat 5 { fork }", limits),
            "line 2: the script has made 2 processes, which is its limit ('processes')\n"
            "5 steps, 0 checks\n");
  limits = {};
  limits.shown = 200;
  EXPECT_EQ(said_of("process A\nrepeat 9 { show maps }", limits),
            "line 2: the script has shown 200 bytes, which is its limit ('shown')\n"
            "9 steps, 0 checks\n");
  limits = {};
  limits.kept = 1;
  EXPECT_EQ(said_of("process A\nrepeat 3 { munmap 1 1 => ok }", limits),
            "line 2: A: munmap 1 1 => ok\n  expected ok\n  got      EINVAL\n"
            "... and 2 failed checks more\n7 steps, 3 checks, 3 failed\n");
  limits = {};
  int asked = 0;
  limits.interrupted = [&]() -> std::string { return ++asked > 3 ? "somebody wants it" : ""; };
  EXPECT_EQ(said_of("process A\nrepeat 1T { brk 0 }", limits).substr(0, 26),
            "line 2: somebody wants it\n");
}

TEST(ScriptRunner, ChecksOfCountersAreSkippedWhereNobodyCanLookInside) {
  // The simulated machine without its inspector, as a stand-in for the host's kernel.
  class Outside final : public Target {
   public:
    explicit Outside(SimTarget& inner) : inner_(inner) {}
    Result<void> spawn(ProcessIndex p) override { return inner_.spawn(p); }
    Outcome call(ProcessIndex p, const sys::Request& request, ProcessIndex child) override {
      return inner_.call(p, request, child);
    }
    Outcome load(ProcessIndex, VirtAddr, std::uint64_t) override {
      Outcome outcome;
      outcome.error = "not here";
      return outcome;
    }
    Outcome store(ProcessIndex, VirtAddr, std::string_view) override { return {}; }
    Outcome fetch(ProcessIndex, VirtAddr) override { return {}; }
    Outcome set_pkru(ProcessIndex, std::uint32_t) override { return {}; }
    Result<Layout> layout(ProcessIndex p) override { return inner_.layout(p); }
    Result<ProcessView> look(ProcessIndex p, Detail detail) override {
      return inner_.look(p, detail);
    }

   private:
    SimTarget& inner_;
  };
  const auto inner = SimTarget::create(default_machine());
  ASSERT_TRUE(inner);
  Outside outside(**inner);
  const auto program = parse(
      "process A\nexpect A copy_on_write = 5\nexpect machine free = 5\nexpect A minor = 0\n"
      "show walk heap\nload 0 1 => SIGSEGV");
  ASSERT_TRUE(program);
  std::string shown;
  const RunReport report = run(*program, outside, {}, [&](std::string_view s) { shown += s; });
  EXPECT_EQ(summary(report),
            "line 6: not here\n6 steps, 1 check, none failed, 2 skipped that only the "
            "simulated machine can make\n");
  EXPECT_FALSE(report.good());
  EXPECT_EQ(shown, "--- A walk heap\nonly the simulated machine can show this\n");
}

}  // namespace
}  // namespace pw::script
