// What stands behind =>.
#include "script/diagnostic.hpp"
#include "script/line_parser.hpp"

namespace pw::script {

namespace {

constexpr std::string_view kSignalCodes[] = {"MAPERR", "ACCERR", "PKUERR", "ADRERR"};

bool is_bits(std::string_view word) {
  for (const char c : word) {
    if (c != '0' && c != '1') return false;
  }
  return !word.empty();
}

bool all_capitals(std::string_view word) {
  for (const char c : word) {
    if (!(c >= 'A' && c <= 'Z') && !is_digit(c) && c != '_') return false;
  }
  return word.size() > 2 && !is_digit(word[0]);
}

std::string near_verdict(std::string_view word) {
  constexpr int kMostErrno = 133;
  std::vector<std::string> names = {"ok", "SIGSEGV", "SIGBUS", "SIGKILL"};
  for (int code = 1; code <= kMostErrno; ++code) {
    std::string known = sys::errno_name(code);
    if (sys::errno_of(known) == code) names.push_back(std::move(known));
  }
  return did_you_mean(word, {names.begin(), names.end()});
}

}  // namespace

Result<Expectation> LineParser::signal() {
  Expectation made;
  made.kind = Expectation::Kind::Signal;
  made.place = place_of(here());
  made.signal = signal_of(here().word);
  advance();
  if (is(Kind::Word) && !is_digit(here().word[0])) {
    made.code = signal_code_of(made.signal, here().word);
    if (made.code != 0) {
      advance();
    } else if (all_capitals(here().word) && names_.kind(here().word) == Names::Kind::None) {
      const std::vector<std::string_view> codes(std::begin(kSignalCodes), std::end(kSignalCodes));
      return wrong_here(signal_name(made.signal) + " has no code " + quoted(here().word) +
                        did_you_mean(here().word, codes) +
                        " (SIGSEGV: MAPERR, ACCERR, PKUERR; SIGBUS: ADRERR)");
    }
  }
  if (statement_ends()) return made;
  Result<Expression> at = expression();
  if (!at) return tl::unexpected(at.error());
  made.address = std::move(*at);
  return made;
}

Result<Expectation> LineParser::expectation(const VerbEntry& verb) {
  Expectation made;
  made.place = place_of(here());
  if (is(Kind::Text)) {
    if (verb.reply != sys::ReplyKind::Bytes && verb.reply != sys::ReplyKind::Flags) {
      return wrong_here(std::string(verb.name) + " gives no bytes to compare with this text");
    }
    Result<Text> bytes = text();
    if (!bytes) return tl::unexpected(bytes.error());
    made.kind = Expectation::Kind::Text;
    made.text = std::move(*bytes);
    return made;
  }
  if (is(Kind::Word)) {
    const std::string_view word = here().word;
    if (word == "ok") {
      made.kind = Expectation::Kind::Ok;
      advance();
      return made;
    }
    if (signal_of(word) != 0) return signal();
    if (sys::errno_of(word) != 0) {
      made.kind = Expectation::Kind::Errno;
      made.error = sys::errno_of(word);
      advance();
      return made;
    }
    if (verb.reply == sys::ReplyKind::Flags && is_bits(word)) {
      made.kind = Expectation::Kind::Bits;
      made.bits = word;
      advance();
      return made;
    }
    if (all_capitals(word) && names_.kind(word) == Names::Kind::None) {
      return wrong_here("there is no error or signal " + quoted(word) + near_verdict(word));
    }
  }
  if (statement_ends()) {
    return wrong_here(
        "behind => belongs what the step must give: a number, \"bytes\", EINVAL, "
        "SIGSEGV, ok");
  }
  if (verb.reply == sys::ReplyKind::Process) {
    return wrong_here(
        "the number of a new process is nobody's to foretell; write => ok, or an "
        "error such as EAGAIN");
  }
  if (verb.verb != Verb::Call) {
    return wrong_here(std::string(verb.name) + " gives no number: write " +
                      (verb.verb == Verb::Load ? "the bytes in quotes, ok" : "ok") +
                      " or a signal such as SIGSEGV");
  }
  Result<Expression> number = expression();
  if (!number) return tl::unexpected(number.error());
  made.kind = Expectation::Kind::Number;
  made.number = std::move(*number);
  return made;
}

}  // namespace pw::script
