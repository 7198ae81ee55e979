// The parts of a statement: expressions, arguments, expectations. Works on the tokens of one line;
// parser.cpp puts statements and lines together.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "script/lexer.hpp"
#include "script/names.hpp"
#include "script/parser.hpp"
#include "script/vocabulary.hpp"

namespace pw::script {

class LineParser {
 public:
  LineParser(const ParseLimits& limits, Names& names) : limits_(limits), names_(names) {}

 protected:
  using Kind = Token::Kind;

  // --- tokens of the line
  const Token& here() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[at_ + (at_ + 1 < tokens_.size() ? 1 : 0)]; }
  bool is(Kind kind) const { return here().kind == kind; }
  bool is_word(std::string_view word) const { return is(Kind::Word) && here().word == word; }
  void advance() { at_ += at_ + 1 < tokens_.size() ? 1 : 0; }
  bool skip(Kind kind) {
    if (!is(kind)) return false;
    advance();
    return true;
  }
  bool statement_ends() const { return is(Kind::End) || is(Kind::Semicolon) || is(Kind::Finish); }
  Place place_of(const Token& token) const;
  tl::unexpected<Error> wrong_at(const Token& token, const std::string& sentence) const;
  tl::unexpected<Error> wrong_here(const std::string& sentence) const {
    return wrong_at(here(), sentence);
  }
  // "'x'" or "the end of the line".
  std::string seen() const;

  // --- parts
  Result<Expression> expression();
  Result<Text> text();
  Result<Value> value(const sys::Argument& argument);
  Result<void> arguments(const VerbEntry& verb, std::vector<Value>& out);
  Result<Expectation> expectation(const VerbEntry& verb);
  // A word that names a process bound before.
  Result<std::string> process_name();
  // The process that a step without a name means.
  Result<std::string> only_process();
  // A new or rebound name.
  Result<void> bind(const Token& token, Names::Kind kind);

  std::string_view line_;
  std::uint32_t number_ = 0;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  ParseLimits limits_;
  Names& names_;

 private:
  Result<Expression> sum(unsigned depth);
  Result<Expression> product(unsigned depth);
  Result<Expression> factor(unsigned depth);
  Result<Expression> literal();
  Result<Expression> named();
  Result<void> count_operator();
  Result<Value> flags(const sys::Argument& argument);
  Result<FlagTerm> flag_term(const sys::Argument& argument);
  Result<Value> process_argument();
  Result<Expectation> signal();
  Result<Value*> argument_place(const VerbEntry& verb, std::vector<Value>& out, std::size_t& next,
                                const sys::Argument*& argument);

  unsigned operators_ = 0;
};

}  // namespace pw::script
