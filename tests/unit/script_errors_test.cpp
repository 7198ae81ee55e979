// Errors of scripts, word for word: place, sentence, caret, suggestion.
#include <gtest/gtest.h>

#include "script/parser.hpp"

namespace pw::script {
namespace {

// What is said of the lines behind two good ones.
std::string error_of(const std::string& lines) {
  const Result<Program> program = parse("process A\nlet p = 0\n" + lines);
  return program ? "none" : program.error().message;
}
std::string sentence_of(const std::string& lines) {
  const std::string error = error_of(lines);
  return error.substr(0, error.find('\n'));
}

TEST(ScriptErrors, ShowTheLineWithACaret) {
  EXPECT_EQ(error_of("A: q = mnap 0 4P"),
            "line 3, column 8: there is no verb 'mnap'; did you mean 'mmap'?\n"
            "  A: q = mnap 0 4P\n"
            "         ^~~~");
  EXPECT_EQ(error_of("munmap p (1+2"),
            "line 3, column 10: this ( has no )\n"
            "  munmap p (1+2\n"
            "           ^");
  EXPECT_EQ(error_of("mmap 0 4P rw privat"),
            "line 3, column 14: 'privat' is nothing that flags can be; did you mean 'private'?\n"
            "  mmap 0 4P rw privat\n"
            "               ^~~~~~");
  EXPECT_EQ(error_of("munmap q 1P"),
            "line 3, column 8: nothing has the name 'q' yet\n"
            "  munmap q 1P\n"
            "         ^");
  // The line of an error may be another than the last one that was read.
  EXPECT_EQ(error_of("repeat 3 {\nmark\n"),
            "line 3, column 10: this { has no }\n"
            "  repeat 3 {\n"
            "           ^");
}

struct WrongLines {
  const char* lines;
  const char* sentence;
};
constexpr WrongLines kWrong[] = {
    {"A: q = mnap 0 4P", "line 3, column 8: there is no verb 'mnap'; did you mean 'mmap'?"},
    {"q = p+1P", "line 3, column 1: to give a number a name, write let q = ..."},
    {"open \"x\" rdwr\nB: munmap p 1P",
     "line 4, column 1: there is no process 'B' yet; write 'process B' first"},
    {"mmap 0",
     "line 3, column 7: here mmap lacks its length (a length such as 4P or 64K): mmap ADDRESS "
     "LENGTH PROT FLAGS [FD] [OFFSET]"},
    {"mmap 0 4P rw",
     "line 3, column 13: here mmap lacks its flags (flags such as private|anonymous): mmap "
     "ADDRESS LENGTH PROT FLAGS [FD] [OFFSET]"},
    {"mmap 0 4P rw privat",
     "line 3, column 14: 'privat' is nothing that flags can be; did you mean 'private'?"},
    {"mmap 0 4P rv private",
     "line 3, column 11: 'rv' is nothing that prot can be; did you mean 'rw'?"},
    {"mmap 0 4P rw private|anonymous -1 0 7",
     "line 3, column 37: '7' is one argument too many: mmap ADDRESS LENGTH PROT FLAGS [FD] "
     "[OFFSET]"},
    {"mmap 0 4P rw private|anonymous lenght=3",
     "line 3, column 32: mmap has no argument 'lenght'; did you mean 'length'?"},
    {"mmap 0 4P rw private adress=3",
     "line 3, column 22: mmap has no argument 'adress'; did you mean 'address'?"},
    {"munmap p 1P length=2", "line 3, column 13: this is given already: length"},
    {"madvise p 1P dontned",
     "line 3, column 14: 'dontned' is nothing that advice can be; did you mean 'dontneed'?"},
    {"madvise p 1P dontneed|free",
     "line 3, column 22: advice is one of several, never two: normal, random, sequential, "
     "willneed, dontneed, free, remove, ..."},
    {"munmap q 1P", "line 3, column 8: nothing has the name 'q' yet"},
    {"munmap p 12Q",
     "line 3, column 10: '12Q' is no number: write 4096, 0x1000, 4K or 1P (K, M, G, T are powers "
     "of 1024, P is a page of 4096 bytes)"},
    {"munmap p 0xg",
     "line 3, column 10: '0xg' is no number: write 4096, 0x1000, 4K or 1P (K, M, G, T are powers "
     "of 1024, P is a page of 4096 bytes)"},
    {"munmap p 99999999999999999999",
     "line 3, column 10: '99999999999999999999' is too large: a number has 64 bits"},
    {"munmap p 17179869184T",
     "line 3, column 10: '17179869184T' is too large: a number has 64 bits"},
    {"munmap p (1+2", "line 3, column 10: this ( has no )"},
    {"munmap p )", "line 3, column 10: a number or a name belongs here, not ')'"},
    {"munmap p 1P => EINVL",
     "line 3, column 16: there is no error or signal 'EINVL'; did you mean 'EINVAL'?"},
    {"munmap p 1P => SIGSEGV MAPER",
     "line 3, column 24: SIGSEGV has no code 'MAPER'; did you mean 'MAPERR'? (SIGSEGV: MAPERR, "
     "ACCERR, PKUERR; SIGBUS: ADRERR)"},
    {"load p 5 => hello",
     "line 3, column 13: load gives no number: write the bytes in quotes, ok or a signal such as "
     "SIGSEGV"},
    {"load p 5 => 7",
     "line 3, column 13: load gives no number: write the bytes in quotes, ok or a signal such as "
     "SIGSEGV"},
    {"store p hello",
     "line 3, column 9: bytes in quotes, such as \"hello\" or \"x\"*100: that belongs here, not "
     "'hello'"},
    {"store p \"x\" => \"x\"", "line 3, column 16: store gives no bytes to compare with this text"},
    {"mmap 0 \"x\" rw private",
     "line 3, column 8: length is no text: a length such as 4P or 64K belongs here"},
    {"q = load p 5", "line 3, column 1: load gives no number that could have a name"},
    {"B = fork => 7",
     "line 3, column 13: the number of a new process is nobody's to foretell; write => ok, or an "
     "error such as EAGAIN"},
    {"process B\nmunmap p 1P",
     "line 4, column 1: which process? There are A, B: write 'A: ' before it"},
    {"process open", "line 3, column 9: 'open' is a word of scripts; choose another name"},
    {"let stack = 3", "line 3, column 5: 'stack' is a word of scripts; choose another name"},
    {"process p", "line 3, column 9: 'p' is a variable already; choose another name"},
    {"let A = 3", "line 3, column 5: 'A' is a process already; choose another name"},
    {"A = mmap 0 1P rw private", "line 3, column 1: 'A' is a process already; choose another name"},
    {"B = fork\nlet q = B", "line 4, column 9: 'B' is a process; a number belongs here"},
    {"wait C", "line 3, column 6: there is no process 'C' yet; write 'process C' first"},
    {"expect A minr = 3",
     "line 3, column 10: a process has no counter 'minr'; did you mean 'minor'?"},
    {"expect machine swapd = 3", "line 3, column 16: a machine has no counter 'swapd'"},
    {"expect A minor 3",
     "line 3, column 16: behind the counter belongs = < <= > >= or !=, and a number; +3 is 3 "
     "more than at the last mark"},
    {"show A mpas",
     "line 3, column 8: there is nothing to show by the name of 'mpas'; did you mean 'maps'?"},
    {"show walk", "line 3, column 10: a number or a name belongs here, not the end of the line"},
    {"show A walk", "line 3, column 12: a number or a name belongs here, not the end of the line"},
    {"for i = 0 9 {", "line 3, column 11: the range of a for is written 0..9, both ends included"},
    {"for i 0..9 {", "line 3, column 5: for wants a name and its range: for i = 0..9 {"},
    {"repeat 3", "line 3, column 9: a { belongs here, not the end of the line"},
    {"repeat 3 {", "line 3, column 10: this { has no }"},
    {"}", "line 3, column 1: there is no { for this }"},
    {"mark mark",
     "line 3, column 6: the step ends before 'mark'; a ; or a new line belongs between two "
     "steps"},
    {"machine ram=64M", "line 3, column 1: the machine line comes first, before all steps"},
    {"5P", "line 3, column 1: there is no verb '5P'"},
    {"=", "line 3, column 1: a step begins with a word, not with '='"},
    {"let q p", "line 3, column 5: let wants a name and what it stands for: let q = p+4P"},
    {"expect",
     "line 3, column 7: a counter belongs here, such as minor or resident, not the end of the "
     "line"},
    {"fork fork", "line 3, column 6: 'fork' is one argument too many: fork"},
    {"repeat 1 { machine ram=1M",
     "line 3, column 12: the machine has a line of its own, the first one"},
    {"load p",
     "line 3, column 7: here load lacks its count (a number): load ADDRESS COUNT "
     "[TIMES]"},
    {"32bit = brk 0", "line 3, column 1: '32bit' is no name: names begin with a letter"},
    {"wait p+", "line 3, column 8: a number or a name belongs here, not the end of the line"},
};

TEST(ScriptErrors, SayWhatIsWrongAndWhatIsNear) {
  for (const WrongLines& wrong : kWrong) EXPECT_EQ(sentence_of(wrong.lines), wrong.sentence);
}

TEST(ScriptErrors, OfTheMachine) {
  const struct {
    const char* line;
    const char* sentence;
  } cases[] = {
      {"machine ram=64",
       "line 1, column 9: ram cannot be '64': write a size from 256K to 1T such as 64M"},
      {"machine ram=128K swap=1",
       "line 1, column 9: ram cannot be '128K': write a size from 256K to 1T such as 64M"},
      {"machine rma=64M", "line 1, column 9: a machine has no 'rma'; did you mean 'ram'?"},
      {"machine policy=clok",
       "line 1, column 9: there is no policy 'clok'; did you mean 'clock'? (fifo, lru, lfu, "
       "lfu-ageing, mfu, random, second-chance, clock, nru, ageing, working-set, wsclock, pff, 2q, "
       "slru, arc, car, lirs, clock-pro, s3-fifo, sieve, linux-lists, mglru)"},
      {"machine policy=lru:a=", "line 1, column 9: policy lru has no option 'a='; it has none"},
      {"machine ram", "line 1, column 9: write ram=VALUE, such as ram=64M"},
      {"machine levels=6", "line 1, column 9: levels cannot be '6': write a number from 4 to 5"},
      {"machine pcid=maybe", "line 1, column 9: pcid cannot be 'maybe': write off or on"},
      {"machine tlb=l3=16x4",
       "line 1, column 9: tlb cannot be 'l3=16x4': write arrays such as l1d=16x4,l2=256x8:plru"},
      {"machine tlb=l1d=16",
       "line 1, column 9: l1d cannot be '16': write sets x ways such as 16x4, perhaps with :lru, "
       ":plru, :fifo or :random, or none"},
      {"machine swap-device=floppy",
       "line 1, column 9: swap-device cannot be 'floppy': write ssd, hdd, nvme, zram or far"},
      {"machine cpus=0", "line 1, column 9: cpus cannot be '0': write a number from 1 to 64"},
      {"machine ram=64M\nmachine swap=1M",
       "line 2, column 1: a script has one machine; put the words together"},
      {"process A\nmachine ram=64M",
       "line 2, column 1: the machine line comes first, before all steps"},
      {"machine replacement=here",
       "line 1, column 9: replacement cannot be 'here': write global or local"},
  };
  for (const auto& wrong : cases) {
    const Result<Program> program = parse(wrong.line);
    ASSERT_FALSE(program) << wrong.line;
    EXPECT_EQ(program.error().message.substr(0, program.error().message.find('\n')),
              wrong.sentence);
  }
}

TEST(ScriptErrors, LimitsOfTheText) {
  ParseLimits limits;
  limits.bytes = 100;
  EXPECT_EQ(parse(std::string(101, '\n'), limits).error().message,
            "a script has at most 100 bytes; this one has 101");
  limits = {};
  limits.steps = 3;
  EXPECT_TRUE(parse("mark;mark;mark", limits));
  EXPECT_EQ(parse("mark;mark;mark;mark", limits).error().message,
            "line 1, column 16: a script has at most 3 steps in its text; use repeat or for\n"
            "  mark;mark;mark;mark\n"
            "                 ^~~~");
  const auto nested = [](unsigned n) {
    std::string text;
    for (unsigned i = 0; i < n; ++i) text += "repeat 1 {";
    return text + std::string(n, '}');
  };
  EXPECT_EQ(sentence_of(nested(16)), "none");
  EXPECT_EQ(sentence_of(nested(17)), "line 3, column 170: loops are nested more than 16 deep");
  const auto parentheses = [](unsigned n) {
    return "let q = " + std::string(n, '(') + '1' + std::string(n, ')');
  };
  EXPECT_EQ(sentence_of(parentheses(31)), "none");
  EXPECT_EQ(sentence_of(parentheses(32)),
            "line 3, column 41: parentheses and signs are nested more than 32 deep");
  const auto sum = [](unsigned n) {
    std::string text = "let q = 1";
    for (unsigned i = 0; i < n; ++i) text += "+1";
    return text;
  };
  EXPECT_EQ(sentence_of(sum(256)), "none");
  EXPECT_EQ(sentence_of(sum(257)),
            "line 3, column 522: an expression has at most 256 operators; give a part of it a name "
            "with let");
  EXPECT_EQ(sentence_of("store p \"" + std::string(65'500, 'a')),
            "line 3, column 9: this text has no closing \"");
}

}  // namespace
}  // namespace pw::script
