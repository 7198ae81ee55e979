// What the text of a script becomes.
#include <gtest/gtest.h>

#include "script/parser.hpp"
#include "script/printer.hpp"
#include "sys/abi.hpp"

namespace pw::script {
namespace {

Program parsed(std::string_view text) {
  Result<Program> program = parse(text);
  EXPECT_TRUE(program) << program.error().message;
  return program ? *program : Program{};
}

// The canonical form of a script that begins with `process A` and a variable p.
std::string canonical(const std::string& line) {
  const Program program = parsed("process A\nlet p = 0\n" + line);
  std::string text = print(program);
  return text.substr(text.find("let p = 0\n") + 10);
}

TEST(ScriptParser, FillsInTheOnlyProcess) {
  EXPECT_EQ(canonical("munmap p 1P"), "A: munmap p 1P\n");
  EXPECT_EQ(canonical("A:munmap p 1P"), "A: munmap p 1P\n");
  EXPECT_EQ(canonical("expect minor = 3"), "expect A minor = 3\n");
  EXPECT_EQ(canonical("show maps"), "show A maps\n");
  EXPECT_EQ(canonical("show frames"), "show frames\n");
}

TEST(ScriptParser, ReadsCallsWithDefaultsAndNames) {
  const Program program = parsed(
      "process A\nfd = open \"f\" rdwr|creat\np = mmap 0 4P rw shared fd=fd\n"
      "mmap length=1P flags=MAP_PRIVATE|32bit|0x20 prot=PROT_READ address=0 => EINVAL");
  ASSERT_EQ(program.steps.size(), 4U);
  const Step& map = program.steps[2];
  EXPECT_EQ(map.call, sys::Call::Mmap);
  EXPECT_EQ(map.result, "p");
  ASSERT_EQ(map.arguments.size(), 6U);
  EXPECT_EQ(map.arguments[1].number.number, 4 * 4096U);
  EXPECT_EQ(map.arguments[4].number.name, "fd");
  EXPECT_EQ(map.arguments[5].kind, Value::Kind::Absent);
  const Step& other = program.steps[3];
  EXPECT_EQ(print(other), "A: mmap 0 1P r private|32bit|0x20 => EINVAL");
  EXPECT_EQ(other.expected.error, 22);
}

TEST(ScriptParser, NamesArgumentsBehindOneThatIsLeftOut) {
  EXPECT_EQ(canonical("prctl set_vma name=\"x\""), "A: prctl set_vma name=\"x\"\n");
  EXPECT_EQ(canonical("mremap p 1P 2P new_address=p"), "A: mremap p 1P 2P new_address=p\n");
}

TEST(ScriptParser, KeepsTheShapeOfExpressions) {
  for (const char* text :
       {"1",     "0x1f",        "4P",     "0x10P",   "1K",     "1M",      "1G",
        "1T",    "p+1P",        "p-1-2",  "p-(1-2)", "p+2*3",  "(p+2)*3", "-p",
        "--p",   "p*-1",        "-(p+1)", "-p*2",    "p--1",   "2*(3*4)", "2*3*4",
        "stack", "stack_end-1", "heap",   "top",     "lowest", "page*2",  "p*(1+2)-3"}) {
    EXPECT_EQ(canonical("brk " + std::string(text)), "A: brk " + std::string(text) + '\n');
  }
  EXPECT_EQ(canonical("brk ((p))"), "A: brk p\n");
  EXPECT_EQ(canonical("brk p + 1P - 2"), "A: brk p+1P-2\n");
}

TEST(ScriptParser, AnArgumentEndsBeforeAMinusThatClingsToTheNext) {
  const Program program = parsed("process A\nlet p = 0\nmunmap p -1");
  EXPECT_EQ(program.steps[2].arguments[1].number.kind, Expression::Kind::Negate);
  EXPECT_EQ(canonical("munmap p -1"), "A: munmap p -1\n");
  EXPECT_EQ(canonical("munmap (p -1) 1"), "A: munmap p-1 1\n");
}

TEST(ScriptParser, ReadsExpectations) {
  for (const char* text :
       {"load p 5 => \"hello\"", "load p 5 => \"\\0a\"*100", "load p 1 => SIGSEGV",
        "load p 1 => SIGSEGV MAPERR", "load p 1 => SIGSEGV ACCERR p+4P", "load p 1 => SIGSEGV p",
        "load p 1 => SIGBUS ADRERR p", "load p 1 => SIGKILL", "load p 1 => ok",
        "mincore p 4P => 0110", "mincore p 4P => ENOMEM", "brk 0 => p+1P", "pwrite 3 \"x\" 0 => 1",
        "fetch p => SIGSEGV PKUERR", "wrpkru 12 => ENOSYS"}) {
    EXPECT_EQ(canonical(text), "A: " + std::string(text) + '\n');
  }
  EXPECT_EQ(canonical("load p 1 => SIGSEGV SEGV_MAPERR"), "A: load p 1 => SIGSEGV MAPERR\n");
}

TEST(ScriptParser, ReadsCounters) {
  for (const char* text : {"expect A minor = 3", "expect A minor = +2", "expect A resident >= 4*2",
                           "expect machine free < 100", "expect machine pswpout != 0",
                           "expect A major <= +1", "expect A areas > 1"}) {
    EXPECT_EQ(canonical(text), std::string(text) + '\n');
  }
  EXPECT_EQ(canonical("expect A minor +2"), "expect A minor = +2\n");
  EXPECT_EQ(canonical("expect minor == 2"), "expect A minor = 2\n");
}

TEST(ScriptParser, ReadsLoops) {
  EXPECT_EQ(canonical("repeat 10 { mark }"), "repeat 10 {\n  mark\n}\n");
  EXPECT_EQ(canonical("for i = 0..9 { store p+i*1P \"x\" }"),
            "for i = 0..9 {\n  A: store p+i*1P \"x\"\n}\n");
  EXPECT_EQ(canonical("for i=0..1 {\n  for j = i..3 {\n  } ; mark\n}\nmark"),
            "for i = 0..1 {\n  for j = i..3 {\n  }\n  mark\n}\nmark\n");
}

TEST(ScriptParser, StepsOfALineAreApartBySemicolons) {
  EXPECT_EQ(canonical("mark;mark ;; brk 0;"), "mark\nmark\nA: brk 0\n");
}

TEST(ScriptParser, ForkAndItsKinNameProcesses) {
  const Program program = parsed(
      "process A\nB = fork\nA: C = vfork\nB: brk 0\nA: wait B\nA: wait 7");
  EXPECT_EQ(program.steps[1].result, "B");
  EXPECT_EQ(program.steps[4].arguments[0].process, "B");
  EXPECT_EQ(program.steps[5].arguments[0].number.number, 7U);
}

TEST(ScriptParser, TheMachineHasSettings) {
  const Program program = parsed(
      "# first\n\nmachine ram=64M swap=128M policy=2q:kin=0.3 cpus=2 levels=5 tlb=l1d=16x4 pcid=off"
      " # why not\nprocess A");
  ASSERT_EQ(program.machine.size(), 7U);
  EXPECT_EQ(program.machine[2].value, "2q:kin=0.3");
  EXPECT_EQ(print(program),
            "machine ram=64M swap=128M policy=2q:kin=0.3 cpus=2 levels=5 tlb=l1d=16x4 pcid=off\n"
            "process A\n");
}

TEST(ScriptParser, FlagsMayBeExpressionsInParentheses) {
  EXPECT_EQ(canonical("mprotect p 1P r|(p+1)"), "A: mprotect p 1P r|(p+1)\n");
  EXPECT_EQ(canonical("mprotect p 1P p"), "A: mprotect p 1P (p)\n");
  EXPECT_EQ(canonical("mprotect p 1P -1"), "A: mprotect p 1P (-1)\n");
}

TEST(ScriptParser, PlacesAreNoPartOfAProgram) {
  EXPECT_EQ(parsed("process A\nbrk 0"), parsed("\n\nprocess  A # a\n\n A:  brk   0"));
  EXPECT_FALSE(parsed("process A\nbrk 0") == parsed("process A\nbrk 0x0"));
}

}  // namespace
}  // namespace pw::script
