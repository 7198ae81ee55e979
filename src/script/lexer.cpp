#include "script/lexer.hpp"

namespace pw::script {

namespace {

using Kind = Token::Kind;

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

class LineReader {
 public:
  LineReader(std::string_view line, std::uint32_t number) : line_(line), number_(number) {}

  Result<std::vector<Token>> run() {
    while (true) {
      const std::size_t before = at_;
      while (at_ < line_.size() && is_space(line_[at_])) ++at_;
      const bool space = at_ > before || at_ == 0;
      if (!tokens_.empty()) tokens_.back().space_after = space;
      if (at_ >= line_.size() || line_[at_] == '#') break;
      Token token;
      token.space_before = space;
      token.column = static_cast<std::uint32_t>(at_ + 1);
      start_ = at_;
      PW_TRY(line_[at_] == '"' ? read_text(token) : read_plain(token));
      token.word = line_.substr(start_, at_ - start_);
      tokens_.push_back(std::move(token));
    }
    if (!tokens_.empty()) tokens_.back().space_after = true;
    Token end;
    end.column = static_cast<std::uint32_t>(at_ + 1);
    // An error at the end points right behind the last word.
    if (!tokens_.empty()) {
      end.column = tokens_.back().column + static_cast<std::uint32_t>(tokens_.back().word.size());
    }
    end.space_before = end.space_after = true;
    tokens_.push_back(std::move(end));
    return std::move(tokens_);
  }

 private:
  tl::unexpected<Error> wrong_here(std::size_t at, std::size_t length, const std::string& what) {
    return wrong({number_, static_cast<std::uint32_t>(at + 1), static_cast<std::uint32_t>(length)},
                 line_, what);
  }

  Result<void> read_plain(Token& token) {
    if (is_letter(line_[at_]) || is_digit(line_[at_])) {
      while (at_ < line_.size() && (is_letter(line_[at_]) || is_digit(line_[at_]))) ++at_;
      token.kind = Kind::Word;
      return {};
    }
    struct Mark {
      std::string_view text;
      Kind kind;
    };
    static constexpr Mark kMarks[] = {
        {"=>", Kind::Expect},  {"..", Kind::Range},  {"<=", Kind::Compare},  {">=", Kind::Compare},
        {"!=", Kind::Compare}, {"==", Kind::Assign}, {"<", Kind::Compare},   {">", Kind::Compare},
        {"=", Kind::Assign},   {":", Kind::Colon},   {"|", Kind::Bar},       {"+", Kind::Plus},
        {"-", Kind::Minus},    {"*", Kind::Star},    {"(", Kind::Open},      {")", Kind::Close},
        {"{", Kind::Begin},    {"}", Kind::Finish},  {";", Kind::Semicolon},
    };
    for (const Mark& mark : kMarks) {
      if (line_.substr(at_, mark.text.size()) != mark.text) continue;
      token.kind = mark.kind;
      at_ += mark.text.size();
      return {};
    }
    return wrong_here(at_, 1,
                      "a script has no use for " + quoted(line_.substr(at_, 1)) +
                          (line_[at_] == '\'' ? "; texts stand in double quotes" : ""));
  }

  Result<void> read_text(Token& token) {
    token.kind = Kind::Text;
    for (++at_; at_ < line_.size(); ++at_) {
      if (token.bytes.size() >= TextLimits{}.text) {
        return wrong_here(start_, 1,
                          "a text has at most " + in_decimal(TextLimits{}.text) +
                              " bytes; repeat a shorter one: \"ab\"*1000");
      }
      const char c = line_[at_];
      if (c == '"') {
        ++at_;
        return {};
      }
      if (c == '\\') {
        PW_TRY(read_escape(token.bytes));
      } else {
        token.bytes += c;
      }
    }
    return wrong_here(start_, line_.size() - start_, "this text has no closing \"");
  }

  // At a backslash; leaves at_ at the last character of the escape.
  Result<void> read_escape(std::string& bytes) {
    const std::size_t begin = at_++;
    switch (at_ < line_.size() ? line_[at_] : ' ') {
      case '0':
        bytes += '\0';
        return {};
      case 'n':
        bytes += '\n';
        return {};
      case 't':
        bytes += '\t';
        return {};
      case '"':
      case '\\':
        bytes += line_[at_];
        return {};
      case 'x': {
        const int high = at_ + 1 < line_.size() ? hex_digit(line_[at_ + 1]) : -1;
        const int low = at_ + 2 < line_.size() ? hex_digit(line_[at_ + 2]) : -1;
        if (high < 0 || low < 0) break;
        at_ += 2;
        bytes += static_cast<char>(high * 16 + low);
        return {};
      }
      default:
        break;
    }
    return wrong_here(begin, 2, R"(after \ write one of 0 n t " \ or xHH, such as \x1f)");
  }

  std::string_view line_;
  std::uint32_t number_;
  std::size_t at_ = 0, start_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokens_of(std::string_view line, std::uint32_t number) {
  if (line.size() > TextLimits{}.line) {
    return wrong({number, 1, 1}, {},
                 "a line has at most " + in_decimal(TextLimits{}.line) +
                     " characters; this one has " + in_decimal(line.size()));
  }
  return LineReader(line, number).run();
}

std::vector<Setting> words_of(std::string_view line, std::uint32_t number) {
  std::vector<Setting> words;
  std::size_t at = 0;
  while (true) {
    while (at < line.size() && is_space(line[at])) ++at;
    if (at >= line.size() || line[at] == '#') return words;
    const std::size_t begin = at;
    while (at < line.size() && !is_space(line[at]) && line[at] != '#') ++at;
    const std::string_view word = line.substr(begin, at - begin);
    Setting setting;
    setting.place = {number, static_cast<std::uint32_t>(begin + 1),
                     static_cast<std::uint32_t>(word.size())};
    const std::size_t equals = word.find('=');
    setting.key = word.substr(0, equals);
    if (equals != std::string_view::npos) setting.value = word.substr(equals + 1);
    words.push_back(std::move(setting));
  }
}

}  // namespace pw::script
