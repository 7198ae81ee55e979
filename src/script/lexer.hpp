// Words, texts and marks of a script, a line at a time.
//
// A word is letters, digits and _: a name, a verb, a flag or a number, as its place tells. Spaces
// matter only for + and -: "p -1" is two arguments, "p-1" and "p - 1" are one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "script/diagnostic.hpp"
#include "script/program.hpp"

namespace pw::script {

struct Token {
  enum class Kind : std::uint8_t {
    End,  // of the line
    Word,
    Text,    // "..."; `bytes` is what it stands for
    Colon,   // :
    Assign,  // =
    Expect,  // =>
    Range,   // ..
    Bar,     // |
    Plus,
    Minus,
    Star,
    Open,    // (
    Close,   // )
    Begin,   // {
    Finish,  // }
    Semicolon,
    Compare,  // < > <= >= !=
  };
  Kind kind = Kind::End;
  bool space_before = false, space_after = false;
  std::uint32_t column = 1;  // from 1
  std::string_view word;     // as written
  std::string bytes;         // of a Text
};

struct TextLimits {
  std::size_t line = 1 << 16;  // characters
  std::size_t text = 1 << 16;  // bytes of a literal
};

// The tokens of one line, a comment left out, an End last.
Result<std::vector<Token>> tokens_of(std::string_view line, std::uint32_t number);

// "machine ram=64M policy=clock": the words of a line by its spaces alone, a comment left out.
std::vector<Setting> words_of(std::string_view line, std::uint32_t number);

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
// A value of 0..15; -1: no hexadecimal digit.
constexpr int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace pw::script
