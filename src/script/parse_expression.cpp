// Expressions:  sum     := product { (+|-) product }
//               product := factor { * factor }
//               factor  := - factor | ( sum ) | NUMBER | NAME
#include "base/units.hpp"
#include "script/diagnostic.hpp"
#include "script/line_parser.hpp"

namespace pw::script {

namespace {

Expression joined(Expression::Kind kind, Expression left, Expression right) {
  Expression made;
  made.kind = kind;
  made.place = left.place;
  made.operands.push_back(std::move(left));
  made.operands.push_back(std::move(right));
  return made;
}

}  // namespace

Place LineParser::place_of(const Token& token) const {
  const auto length = static_cast<std::uint32_t>(token.word.size());
  return {number_, token.column, length == 0 ? 1 : length};
}

tl::unexpected<Error> LineParser::wrong_at(const Token& token, const std::string& sentence) const {
  return wrong(place_of(token), line_, sentence);
}

std::string LineParser::seen() const {
  return is(Kind::End) ? "the end of the line" : quoted(here().word);
}

Result<void> LineParser::count_operator() {
  if (++operators_ <= limits_.operators) return {};
  return wrong_here("an expression has at most " + in_decimal(limits_.operators) +
                    " operators; give a part of it a name with let");
}

Result<Expression> LineParser::expression() {
  operators_ = 0;
  return sum(0);
}

Result<Expression> LineParser::sum(unsigned depth) {
  Result<Expression> left = product(depth);
  while (left && (is(Kind::Plus) || is(Kind::Minus))) {
    // "p -1" is two arguments.
    if (depth == 0 && here().space_before && !here().space_after) break;
    const auto kind = is(Kind::Plus) ? Expression::Kind::Add : Expression::Kind::Subtract;
    PW_TRY(count_operator());
    advance();
    Result<Expression> right = product(depth);
    if (!right) return right;
    left = joined(kind, std::move(*left), std::move(*right));
  }
  return left;
}

Result<Expression> LineParser::product(unsigned depth) {
  Result<Expression> left = factor(depth);
  while (left && is(Kind::Star)) {
    PW_TRY(count_operator());
    advance();
    Result<Expression> right = factor(depth);
    if (!right) return right;
    left = joined(Expression::Kind::Multiply, std::move(*left), std::move(*right));
  }
  return left;
}

Result<Expression> LineParser::factor(unsigned depth) {
  if (depth >= limits_.parentheses) {
    return wrong_here("parentheses and signs are nested more than " +
                      in_decimal(limits_.parentheses) + " deep");
  }
  const Place place = place_of(here());
  if (skip(Kind::Minus)) {
    PW_TRY(count_operator());
    Result<Expression> operand = factor(depth + 1);
    if (!operand) return operand;
    Expression made;
    made.kind = Expression::Kind::Negate;
    made.place = place;
    made.operands.push_back(std::move(*operand));
    return made;
  }
  if (is(Kind::Open)) {
    const Token open = here();
    advance();
    Result<Expression> inside = sum(depth + 1);
    if (inside && !skip(Kind::Close)) return wrong_at(open, "this ( has no )");
    return inside;
  }
  if (!is(Kind::Word)) {
    return wrong_here("a number or a name belongs here, not " + seen());
  }
  return is_digit(here().word[0]) ? literal() : named();
}

// 4096, 0x1000, 4K, 1P.
Result<Expression> LineParser::literal() {
  std::string_view word = here().word;
  Expression made;
  made.place = place_of(here());
  made.hex = word.size() > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
  if (made.hex) word.remove_prefix(2);
  const unsigned base = made.hex ? 16 : 10;
  std::uint64_t value = 0;
  bool fits = true;
  std::size_t digits = 0;
  for (; digits < word.size(); ++digits) {
    const int digit = hex_digit(word[digits]);
    if (digit < 0 || digit >= static_cast<int>(base)) break;
    const auto more = static_cast<std::uint64_t>(digit);
    fits = fits && value <= (~std::uint64_t{0} - more) / base;
    value = value * base + more;
  }
  unsigned shift = 0;
  const std::string_view rest = word.substr(digits);
  if (!rest.empty()) {
    constexpr std::string_view kUnits = "KMGT";
    const std::size_t at = kUnits.find(rest[0]);
    if (rest.size() > 1 || digits == 0 || (rest != "P" && at == std::string_view::npos)) {
      return wrong_here(quoted(here().word) +
                        " is no number: write 4096, 0x1000, 4K or 1P (K, M, G, T are powers of "
                        "1024, P is a page of 4096 bytes)");
    }
    shift = rest == "P" ? kPageShift : 10 * (static_cast<unsigned>(at) + 1);
    made.unit = rest[0];
  }
  if (!fits || value > ~std::uint64_t{0} >> shift) {
    return wrong_here(quoted(here().word) + " is too large: a number has 64 bits");
  }
  made.number = value << shift;
  advance();
  return made;
}

Result<Expression> LineParser::named() {
  const std::string_view word = here().word;
  Constant constant{};
  if (!find_constant(word, constant)) {
    switch (names_.kind(word)) {
      case Names::Kind::Variable:
        break;
      case Names::Kind::Process:
        return wrong_here(quoted(word) + " is a process; a number belongs here");
      case Names::Kind::None: {
        std::vector<std::string_view> known = names_.all(Names::Kind::Variable);
        for (const std::string_view name : constant_names()) known.push_back(name);
        return wrong_here("nothing has the name " + quoted(word) + " yet" +
                          did_you_mean(word, known));
      }
    }
  }
  Expression made = name(std::string(word));
  made.place = place_of(here());
  advance();
  return made;
}

// "ab", "ab"*100
Result<Text> LineParser::text() {
  Text made;
  made.place = place_of(here());
  made.bytes = here().bytes;
  advance();
  if (!is(Kind::Star)) return made;
  advance();
  operators_ = 0;
  Result<Expression> times = factor(0);
  if (!times) return tl::unexpected(times.error());
  made.times = std::move(*times);
  return made;
}

}  // namespace pw::script
