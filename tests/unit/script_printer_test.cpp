// A program printed and read again is the same program: of random programs that the parser could
// have made, every kind of step, argument and expectation among them.
#include <gtest/gtest.h>

#include "script/parser.hpp"
#include "script/printer.hpp"
#include "support/script_maker.hpp"

namespace pw::script {
namespace {

TEST(ScriptPrinter, WhatIsPrintedReadsBackTheSame) {
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    const Program program = test::ScriptMaker(seed).program();
    const std::string text = print(program);
    const Result<Program> again = parse(text);
    ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().message;
    ASSERT_EQ(print(*again), text) << "seed " << seed;
    ASSERT_TRUE(*again == program) << "seed " << seed << '\n' << text;
  }
}

TEST(ScriptPrinter, EscapesTexts) {
  EXPECT_EQ(print_text(std::string("a\0\n\t\"\\\x01\xff z", 10)), R"("a\0\n\t\"\\\x01\xff z")");
}

}  // namespace
}  // namespace pw::script
