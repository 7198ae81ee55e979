#include "script/printer.hpp"

#include <cstdio>

#include "base/units.hpp"
#include "script/diagnostic.hpp"
#include "script/vocabulary.hpp"

namespace pw::script {

namespace {

using Kind = Expression::Kind;

constexpr unsigned kSum = 1, kProduct = 2, kSign = 3, kPrimary = 4;

unsigned binding(Kind kind) {
  switch (kind) {
    case Kind::Add:
    case Kind::Subtract:
      return kSum;
    case Kind::Multiply:
      return kProduct;
    case Kind::Negate:
      return kSign;
    default:
      return kPrimary;
  }
}

std::string print_number(const Expression& number) {
  constexpr std::string_view kUnits = "KMGT";
  const std::size_t at = number.unit == 0 ? std::string_view::npos : kUnits.find(number.unit);
  unsigned shift = 0;
  if (number.unit == 'P') shift = kPageShift;
  if (at != std::string_view::npos) shift = 10 * (static_cast<unsigned>(at) + 1);
  const bool whole = (number.number >> shift) << shift == number.number;
  const std::uint64_t value = whole ? number.number >> shift : number.number;
  std::string text = number.hex ? in_hex(value) : in_decimal(value);
  if (whole && shift != 0) text += number.unit;
  return text;
}

// In parentheses if it binds less than `least`.
std::string print_bound(const Expression& expression, unsigned least) {
  std::string text = print(expression);
  return binding(expression.kind) < least ? '(' + text + ')' : text;
}

std::string print(const Text& text) {
  std::string result = print_text(text.bytes);
  if (text.times) result += '*' + print_bound(*text.times, kSign);
  return result;
}

std::string print(const Value& value) {
  switch (value.kind) {
    case Value::Kind::Absent:
      return {};
    case Value::Kind::Number:
      return print(value.number);
    case Value::Kind::Process:
      return value.process;
    case Value::Kind::Text:
      return print(value.text);
    case Value::Kind::Flags:
      break;
  }
  std::string result;
  for (const FlagTerm& term : value.flags) {
    if (!result.empty()) result += '|';
    result += term.name.empty()
                  ? (term.number.kind == Kind::Number ? print(term.number)
                                                      : '(' + print(term.number) + ')')
                  : term.name;
  }
  return result;
}

std::string print_do(const Step& step) {
  const VerbEntry verb = verb_of(step.verb, step.call);
  std::string text = step.process.empty() ? "" : step.process + ": ";
  if (!step.result.empty()) text += step.result + " = ";
  text += verb.name;
  bool named = false;  // behind one that is left out
  for (std::size_t i = 0; i < step.arguments.size() && i < verb.arguments.size(); ++i) {
    if (step.arguments[i].kind == Value::Kind::Absent) {
      named = true;
      continue;
    }
    text += ' ';
    if (named) text += std::string(verb.arguments[i].name) + '=';
    text += print(step.arguments[i]);
  }
  if (step.expected.kind != Expectation::Kind::None) text += " => " + print(step.expected);
  return text;
}

std::string_view sign(Comparison comparison) {
  switch (comparison) {
    case Comparison::Equal:
      return "=";
    case Comparison::NotEqual:
      return "!=";
    case Comparison::Less:
      return "<";
    case Comparison::LessEqual:
      return "<=";
    case Comparison::Greater:
      return ">";
    case Comparison::GreaterEqual:
      return ">=";
  }
  return "";
}

std::string print_expect(const Step& step) {
  return "expect " + (step.process.empty() ? std::string(kMachine) : step.process) + ' ' +
         step.what + ' ' + std::string(sign(step.comparison)) + (step.since_mark ? " +" : " ") +
         print(step.first);
}

std::string print_show(const Step& step) {
  std::string text = "show " + (step.process.empty() ? "" : step.process + ' ') + step.what;
  const Showable* what = find_showable(step.what);
  if (what != nullptr && what->takes_address) text += ' ' + print(step.first);
  return text;
}

void print_steps(const std::vector<Step>& steps, std::size_t depth, std::string& out) {
  const std::string indent(2 * depth, ' ');
  for (const Step& step : steps) {
    out += indent + print(step) + '\n';
    if (step.kind != Step::Kind::Repeat && step.kind != Step::Kind::For) continue;
    print_steps(step.body, depth + 1, out);
    out += indent + "}\n";
  }
}

}  // namespace

std::string print_text(std::string_view bytes) {
  std::string text = "\"";
  for (const char c : bytes) {
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (c == '\0') {
      text += "\\0";
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '\t') {
      text += "\\t";
    } else if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
      text += escape;
    }
  }
  return text + '"';
}

std::string print(const Expression& expression) {
  const unsigned own = binding(expression.kind);
  const auto& operands = expression.operands;
  switch (expression.kind) {
    case Kind::Number:
      return print_number(expression);
    case Kind::Name:
      return expression.name;
    case Kind::Negate:
      return '-' + print_bound(operands[0], own);
    default:
      break;
  }
  const char mark = expression.kind == Kind::Add        ? '+'
                    : expression.kind == Kind::Subtract ? '-'
                                                        : '*';
  return print_bound(operands[0], own) + mark + print_bound(operands[1], own + 1);
}

std::string print(const Expectation& expectation) {
  switch (expectation.kind) {
    case Expectation::Kind::None:
      return {};
    case Expectation::Kind::Ok:
      return "ok";
    case Expectation::Kind::Number:
      return print(expectation.number);
    case Expectation::Kind::Text:
      return print(expectation.text);
    case Expectation::Kind::Bits:
      return expectation.bits;
    case Expectation::Kind::Errno:
      return sys::errno_name(expectation.error);
    case Expectation::Kind::Signal:
      break;
  }
  std::string text = signal_name(expectation.signal);
  if (expectation.code != 0) {
    text += ' ' + signal_code_name(expectation.signal, expectation.code);
  }
  if (expectation.address) text += ' ' + print(*expectation.address);
  return text;
}

std::string print(const Step& step) {
  const std::string prefix = step.process.empty() ? "" : step.process + ": ";
  switch (step.kind) {
    case Step::Kind::Process:
      return "process " + step.process;
    case Step::Kind::Let:
      return prefix + "let " + step.result + " = " + print(step.first);
    case Step::Kind::Do:
      return print_do(step);
    case Step::Kind::Expect:
      return print_expect(step);
    case Step::Kind::Mark:
      return "mark";
    case Step::Kind::Show:
      return print_show(step);
    case Step::Kind::Repeat:
      return "repeat " + print(step.first) + " {";
    case Step::Kind::For:
      return "for " + step.result + " = " + print(step.first) + ".." + print(step.last) + " {";
  }
  return {};
}

std::string print(const Program& program) {
  std::string text;
  if (!program.machine.empty()) {
    text += kMachine;
    for (const Setting& setting : program.machine) text += ' ' + setting.key + '=' + setting.value;
    text += '\n';
  }
  print_steps(program.steps, 0, text);
  return text;
}

}  // namespace pw::script
