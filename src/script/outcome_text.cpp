#include "script/outcome_text.hpp"

#include <algorithm>

#include "script/diagnostic.hpp"
#include "script/printer.hpp"
#include "script/vocabulary.hpp"

namespace pw::script {

namespace {

constexpr std::size_t kShown = 48;  // bytes of a text

std::string bytes_text(std::string_view bytes) {
  if (bytes.size() <= kShown) return print_text(bytes);
  const bool uniform = bytes.find_first_not_of(bytes[0]) == std::string_view::npos;
  if (uniform) return print_text(bytes.substr(0, 1)) + '*' + in_decimal(bytes.size());
  return print_text(bytes.substr(0, kShown)) + "... (" + in_decimal(bytes.size()) + " bytes)";
}

std::string bits_text(std::string_view bits) {
  if (bits.size() <= 2 * kShown) return std::string(bits);
  return std::string(bits.substr(0, 2 * kShown)) + "... (" + in_decimal(bits.size()) + " pages)";
}

std::string number_text(std::uint64_t value, sys::ReplyKind reply) {
  return reply == sys::ReplyKind::Address ? in_hex(value) : in_decimal(value);
}

std::string signal_text(int signal, int code, bool has_address, VirtAddr address) {
  std::string text = signal_name(signal);
  if (code != 0) text += ' ' + signal_code_name(signal, code);
  if (has_address) text += ' ' + in_hex(address.value);
  return text;
}

}  // namespace

bool failed(const Outcome& outcome) {
  constexpr std::int64_t kMostErrno = 4095;
  return outcome.signal != 0 || (outcome.value < 0 && outcome.value >= -kMostErrno);
}

bool as_expected(const Expected& expected, const Outcome& outcome) {
  switch (expected.kind) {
    case Expectation::Kind::None:
      return true;
    case Expectation::Kind::Ok:
      return !failed(outcome);
    case Expectation::Kind::Number:
      return !failed(outcome) && static_cast<std::uint64_t>(outcome.value) == expected.number;
    case Expectation::Kind::Text:
    case Expectation::Kind::Bits:
      return !failed(outcome) && outcome.bytes == expected.bytes;
    case Expectation::Kind::Errno:
      return outcome.signal == 0 && outcome.value == -std::int64_t{expected.error};
    case Expectation::Kind::Signal:
      return outcome.signal == expected.signal &&
             (expected.code == 0 || outcome.code == expected.code) &&
             (!expected.has_address || outcome.address == expected.address);
  }
  return false;
}

std::string outcome_text(const Outcome& outcome, sys::ReplyKind reply) {
  if (outcome.signal != 0) {
    return signal_text(outcome.signal, outcome.code, outcome.signal != kSigKill, outcome.address);
  }
  if (failed(outcome)) return sys::errno_name(static_cast<int>(-outcome.value));
  switch (reply) {
    case sys::ReplyKind::Nothing:
      return outcome.value == 0 ? "ok" : in_decimal(static_cast<std::uint64_t>(outcome.value));
    case sys::ReplyKind::Process:
      return "a new process";
    case sys::ReplyKind::Bytes:
      return bytes_text(outcome.bytes);
    case sys::ReplyKind::Flags:
      return bits_text(outcome.bytes);
    default:
      return number_text(static_cast<std::uint64_t>(outcome.value), reply);
  }
}

std::string expected_text(const Expected& expected, sys::ReplyKind reply) {
  switch (expected.kind) {
    case Expectation::Kind::None:
      return "";
    case Expectation::Kind::Ok:
      return "ok";
    case Expectation::Kind::Number:
      return number_text(expected.number, reply);
    case Expectation::Kind::Text:
      return bytes_text(expected.bytes);
    case Expectation::Kind::Bits:
      return bits_text(expected.bytes);
    case Expectation::Kind::Errno:
      return sys::errno_name(expected.error);
    case Expectation::Kind::Signal:
      return signal_text(expected.signal, expected.code, expected.has_address, expected.address);
  }
  return "";
}

std::string difference(const Expected& expected, const Outcome& outcome) {
  const bool texts = expected.kind == Expectation::Kind::Text ||
                     expected.kind == Expectation::Kind::Bits;
  if (!texts || failed(outcome)) return "";
  const std::string& a = expected.bytes;
  const std::string& b = outcome.bytes;
  if (a.size() <= kShown && b.size() <= kShown) return "";
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t at = 0;
  while (at < most && a[at] == b[at]) ++at;
  return "; the first difference is at " + in_decimal(at);
}

}  // namespace pw::script
