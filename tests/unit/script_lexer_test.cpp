// Words, texts and marks of scripts.
#include <gtest/gtest.h>

#include "script/lexer.hpp"

namespace pw::script {
namespace {

using Kind = Token::Kind;

std::vector<Kind> kinds(std::string_view line) {
  const auto tokens = tokens_of(line, 1);
  EXPECT_TRUE(tokens) << line;
  std::vector<Kind> result;
  if (tokens) {
    for (const Token& token : *tokens) result.push_back(token.kind);
  }
  return result;
}

std::string error_of(std::string_view line) {
  const auto tokens = tokens_of(line, 7);
  return tokens ? "none" : tokens.error().message;
}

TEST(ScriptLexer, TellsWordsTextsAndMarksApart) {
  EXPECT_EQ(kinds("A: p = mmap 0 4P rw|x => EINVAL"),
            (std::vector{Kind::Word, Kind::Colon, Kind::Word, Kind::Assign, Kind::Word, Kind::Word,
                         Kind::Word, Kind::Word, Kind::Bar, Kind::Word, Kind::Expect, Kind::Word,
                         Kind::End}));
  EXPECT_EQ(kinds("for i = 0..9 { }"),
            (std::vector{Kind::Word, Kind::Word, Kind::Assign, Kind::Word, Kind::Range, Kind::Word,
                         Kind::Begin, Kind::Finish, Kind::End}));
  EXPECT_EQ(kinds("<= >= < > != == ;"),
            (std::vector{Kind::Compare, Kind::Compare, Kind::Compare, Kind::Compare, Kind::Compare,
                         Kind::Assign, Kind::Semicolon, Kind::End}));
  EXPECT_EQ(kinds("-(1+2)*3"),
            (std::vector{Kind::Minus, Kind::Open, Kind::Word, Kind::Plus, Kind::Word, Kind::Close,
                         Kind::Star, Kind::Word, Kind::End}));
}

TEST(ScriptLexer, LeavesCommentsOutButNotThoseInTexts) {
  EXPECT_EQ(kinds("# all of it"), (std::vector{Kind::End}));
  EXPECT_EQ(kinds(""), (std::vector{Kind::End}));
  EXPECT_EQ(kinds("mark# here"), (std::vector{Kind::Word, Kind::End}));
  const auto tokens = tokens_of("store p \"a#b\" # c", 1);
  ASSERT_TRUE(tokens);
  EXPECT_EQ((*tokens)[2].bytes, "a#b");
  EXPECT_EQ((*tokens)[3].kind, Kind::End);
}

TEST(ScriptLexer, ReadsEscapes) {
  const auto tokens = tokens_of(R"("\0\n\t\"\\\x00\xfF\x41z")", 1);
  ASSERT_TRUE(tokens);
  EXPECT_EQ((*tokens)[0].bytes, std::string("\0\n\t\"\\\0\xff"
                                            "Az",
                                            9));
}

TEST(ScriptLexer, KnowsWhereSpacesAre) {
  const auto tokens = tokens_of("p -1 + 2-3", 1);
  ASSERT_TRUE(tokens);
  EXPECT_TRUE((*tokens)[1].space_before);
  EXPECT_FALSE((*tokens)[1].space_after);
  EXPECT_TRUE((*tokens)[3].space_before && (*tokens)[3].space_after);
  EXPECT_FALSE((*tokens)[5].space_before || (*tokens)[5].space_after);
}

TEST(ScriptLexer, SaysWhatItCannotRead) {
  EXPECT_EQ(error_of("store p 'x'"),
            "line 7, column 9: a script has no use for '''; texts stand in double quotes\n"
            "  store p 'x'\n"
            "          ^");
  EXPECT_EQ(error_of("load p $"),
            "line 7, column 8: a script has no use for '$'\n"
            "  load p $\n"
            "         ^");
  EXPECT_EQ(error_of("store p \"abc"),
            "line 7, column 9: this text has no closing \"\n"
            "  store p \"abc\n"
            "          ^~~~");
  EXPECT_EQ(error_of(R"(x "\q")"),
            "line 7, column 4: after \\ write one of 0 n t \" \\ or xHH, such as \\x1f\n"
            "  x \"\\q\"\n"
            "     ^~");
  EXPECT_EQ(error_of(std::string(70'000, ' ')),
            "line 7, column 1: a line has at most 65536 characters; this one has 70000");
  EXPECT_EQ(error_of(std::string("\x01")),
            "line 7, column 1: a script has no use for '?'\n"
            "  ?\n"
            "  ^");
}

TEST(ScriptLexer, ShowsTheEndOfALongLine) {
  const std::string line = std::string(300, 'a') + " $";
  EXPECT_EQ(error_of(line), "line 7, column 302: a script has no use for '$'\n  " +
                                std::string(49, 'a') + " $\n  " + std::string(50, ' ') + '^');
}

}  // namespace
}  // namespace pw::script
