// Plain text, LIRS text, columns, and lackey's output.
#include <functional>

#include "base/random.hpp"
#include "unit/formats/trace_text.hpp"

namespace pw::analysis::testing {
namespace {

const std::string kAbout = "is not an id (decimal, or 0x and hexadecimal)";

TEST(PlainText, TextbookStringsAndOneIdALine) {
  const Names belady = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
  EXPECT_EQ(read_names("1 2 3 4 1 2 5 1 2 3 4 5"), belady);
  EXPECT_EQ(read_names("1,2,3,4,1,2,5,1,2,3,4,5\n"), belady);
  EXPECT_EQ(read_names("1, 2, 3, 4; 1\t2 5 1\r\n2 3 4 5"), belady);
  EXPECT_EQ(read_names("1\n2\n3\n4\n1\n2\n5\n1\n2\n3\n4\n5"), belady);
  EXPECT_EQ(read_names("# a remark, 7\n1 2 3 4 # and 8\n\n1 2 5 1 2 3 4 5\n"), belady);
  EXPECT_EQ(read_names("0x1 0X2 0x3 0x4 1 2 5 1 2 3 4 5"), belady);
  EXPECT_EQ(read_names("18446744073709551615 0xFFFFFFFFFFFFFFFF 0"), (Names{~0ULL, ~0ULL, 0}));
}

TEST(PlainText, WrongWordsAreNamedWithLineAndByte) {
  EXPECT_EQ(error_of("1 2\n3 x4 5\n", "plain"), "line 2, byte 6: 'x4' " + kAbout);
  EXPECT_EQ(error_of("1 2\n3 -4 5\n", "plain"), "line 2, byte 6: '-4' " + kAbout);
  EXPECT_EQ(error_of("18446744073709551616", "plain"),
            "line 1, byte 0: '18446744073709551616' " + kAbout);
  EXPECT_EQ(error_of("0x", "plain"), "line 1, byte 0: '0x' " + kAbout);
  EXPECT_EQ(error_of("1\n2\n*\n", "plain"),
            "line 3, byte 4: '*' is a checkpoint; read it with '--format lirs'");
  EXPECT_EQ(error_of(std::string("1 \x1b[2J\n"), "plain"), "line 1, byte 2: '?[2J' " + kAbout);
  EXPECT_EQ(error_of("# nothing\n", "plain"), "there are no references in it");
  EXPECT_EQ(error_of("", "plain"), "there are no references in it");
}

TEST(PlainText, LinesOfAnyLengthWordsOfBoundedLength) {
  std::string line;
  Names names;
  for (std::uint64_t i = 0; i < 50'000; ++i) {
    line += std::to_string(i * 3) + (i % 7 == 0 ? ", " : " ");
    names.push_back(i * 3);
  }
  for (const std::size_t block : {1000UL, 65'536UL, 1UL << 18}) {
    EXPECT_EQ(read_names(line, "plain", block), names);
  }
  EXPECT_EQ(error_of(line + "\n0" + std::string(70'000, '1'), "plain"),
            "line 2, byte " + std::to_string(line.size() + 1) + ": '0" + std::string(39, '1') +
                "...' is too long a word");
}

TEST(LirsText, CheckpointsAreNoReferences) {
  EXPECT_EQ(read_names("5\n6\n*\n5\n*\n"), (Names{5, 6, 5}));
  EXPECT_EQ(read_names("*\n5\n", "lirs"), (Names{5}));
  EXPECT_EQ(error_of("5\n**\n", "lirs"), "line 2, byte 2: '**' " + kAbout);
}

TEST(Columns, TheIdByNameByNumberAndByUsualName) {
  const std::string text = "time,Obj-ID,size\n1,17,100\n2,0x20,100\r\n\n3, 17 ,5";
  const Names names = {17, 32, 17};
  EXPECT_EQ(read_names(text), names);
  EXPECT_EQ(read_names(text, "csv:id=2"), names);
  EXPECT_EQ(read_names(text, "csv:id=obj-id:delimiter=,"), names);
  EXPECT_EQ(read_names(text, "csv:id=size"), (Names{100, 100, 5}));
  EXPECT_EQ(read_names("1\t7\n2\t8\n", "csv:id=2"), (Names{7, 8}));
  EXPECT_EQ(read_names("1\t7\n2\t8\n", "csv:id=2:delimiter=tab:header=yes"), (Names{8}));
  EXPECT_EQ(read_names("a|\"x|y\"|9\nb|\"q\"|8\n", "csv:id=3:header=no"), (Names{9, 8}));
  EXPECT_EQ(read_names("address\n0x1fff\n0x2000\n", "csv:id=address:shift=12"), (Names{1, 2}));
  EXPECT_EQ(read_names("page\n4\n5\n"), (Names{4, 5}));
}

TEST(Columns, WhatIsWrongIsNamed) {
  EXPECT_EQ(error_of("1,2\n3,4\n"),
            "line 1, byte 0: '1,2' does not tell the column of the ids; name it or give its number "
            "with '--format csv:id=2'");
  EXPECT_EQ(error_of("a,b\n1,2\n", "csv:id=c"), "line 1, byte 0: 'a,b' has no column called 'c'");
  EXPECT_EQ(error_of("a,b\n1,2\n", "csv:id=3"),
            "line 1, byte 0: 'a,b' has 2 columns; there is no column 3");
  EXPECT_EQ(error_of("a,id\n1,2\n3\n"), "line 3, byte 9: '3' has 1 columns; the id is in column 2");
  EXPECT_EQ(error_of("a,id\n1,2\n3,x\n"), "line 3, byte 11: 'x' " + kAbout);
  EXPECT_EQ(error_of("id\n", "csv:colour=red"), "the format csv has no option 'colour'");
  EXPECT_EQ(error_of("id\n", "csv:delimiter=,,"), "delimiter= is a character or tab, not ',,'");
  EXPECT_EQ(error_of("id\n", "csv:header=perhaps"), "header= is yes or no, not 'perhaps'");
  EXPECT_EQ(error_of("id\n", "csv:shift=64"), "shift= is 0 to 63, not '64'");
  EXPECT_EQ(error_of("id\n", "csv:id"), "an option of a format is KEY=VALUE, not 'id'");
  EXPECT_EQ(error_of("id\n" + std::string(70'000, '1'), "csv").substr(0, 22),
            "line 2, byte 3: '11111");
}

TEST(Lackey, PagesOfEveryAccess) {
  const std::string text =
      "==123== Lackey, an example Valgrind tool\n==123== \n"
      "I  04000a10,3\n L 1ffefffffc,8\n S 1ffefff8b0,4\n M 0421c7cc,4\n"
      "--123-- note\n**123** user\nI  04000ffe,2\nI  04000ffe,3\n==123== end\n";
  EXPECT_EQ(read_names(text),
            (Names{0x4000, 0x1ffefff, 0x1fff000, 0x1ffefff, 0x421c, 0x4000, 0x4000, 0x4001}));
  EXPECT_EQ(read_names(text, "lackey:instructions=no"),
            (Names{0x1ffefff, 0x1fff000, 0x1ffefff, 0x421c}));
}

TEST(Lackey, OtherLinesAreErrors) {
  const std::string about = " is not an access as lackey prints it (such as ' L 04a1,8')";
  const std::string good = " L 1000,8\n";
  for (const std::string line : {" L 1000,0", " L 1000,4097", " L ,8", " L 1000,", " L 1000", "L",
                                 " X 1000,8", " L 10g0,8", "I 1000,8", " L ffffffffffffffff,8"}) {
    EXPECT_EQ(error_of(good + line + "\n", "lackey"), "line 2, byte 10: '" + line + "'" + about);
  }
  EXPECT_EQ(error_of(good, "lackey:instructions=never"), "instructions= is yes or no, not 'never'");
}

// Cut at every offset and changed at every byte, each format gives the same trace or the same
// error whatever the blocks, and its errors name a place within the input.
TEST(TextFormats, TheSameWhateverTheBlocks) {
  const std::map<std::string, std::string> inputs = {
      {"plain", "1 2 0x3,4\n# x\r\n55 6\n"},
      {"lirs", "10\n*\n11\n\n10"},
      {"csv", "t,id\n1,17\n2,0x20\r\n\n3, 17 ,5"},
      {"lackey", "==1== x\nI  04000ffe,3\n L 1ffefffffc,8\n M 421c7cc,4\n"}};
  Random random(5);
  for (const auto& [format, input] : inputs) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < input.size(); ++i) {
      texts.push_back(input.substr(0, i));
      for (int k = 0; k < 20; ++k) {
        texts.push_back(input);
        texts.back()[i] = static_cast<char>(random.next());
      }
    }
    for (const std::string& text : texts) {
      const Result<PageTrace> whole = trace_of_bytes(text, format);
      for (const std::size_t block : {1U, 2U, 3U, 7U}) {
        const Result<PageTrace> parts = trace_of_bytes(text, format, block);
        ASSERT_EQ(whole.has_value(), parts.has_value()) << format << '\n' << text;
        if (!whole) {
          ASSERT_EQ(whole.error().message, parts.error().message);
          const std::string& message = whole.error().message;
          if (message == "there are no references in it") continue;
          std::size_t at = message.find("byte ");
          ASSERT_NE(at, std::string::npos) << message;
          ASSERT_LE(std::stoul(message.substr(at + 5)), text.size()) << message;
        } else {
          ASSERT_EQ(names_of(*whole), names_of(*parts));
        }
      }
    }
  }
}

TEST(TextFormats, TheirContentTellsThem) {
  const auto format_is = [](const std::string& text, const std::string& format) {
    const Result<PageTrace> guessed = trace_of_bytes(text);
    const Result<PageTrace> told = trace_of_bytes(text, format);
    return guessed && told && names_of(*guessed) == names_of(*told);
  };
  EXPECT_TRUE(format_is("1,2,3,1,2,3\n", "plain"));
  EXPECT_TRUE(format_is("1\n2\n*\n3\n", "lirs"));
  EXPECT_TRUE(format_is("id,x\n1,5\n", "csv"));
  EXPECT_TRUE(format_is("==1== Lackey\n\nI  1000,3\n L 1000,4\n", "lackey"));
  EXPECT_TRUE(format_is(oracle_file({3, 4, 3}), "oracle"));
  EXPECT_EQ(error_of("what is this?\n").substr(0, 43),
            "the input does not begin like any format kn");
  EXPECT_EQ(error_of(""), "the input is empty");
  EXPECT_EQ(error_of("1 2", "pdf"),
            "there is no format 'pdf'; there are recording, oracle, lackey, csv, lirs, plain");
}

}  // namespace
}  // namespace pw::analysis::testing
