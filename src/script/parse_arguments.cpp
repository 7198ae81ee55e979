// Arguments: by their places or as name=value, each read as its kind asks.
#include <algorithm>

#include "script/diagnostic.hpp"
#include "script/line_parser.hpp"

namespace pw::script {

namespace {

std::string joined(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

std::vector<std::string_view> names_of(std::span<const sys::NamedValue> values) {
  std::vector<std::string_view> names;
  for (const sys::NamedValue& value : values) {
    names.push_back(value.name);
    if (!value.formal.empty()) names.push_back(value.formal);
  }
  return names;
}

// The choices for a message: short names, as many as fit a line.
std::string choices(std::span<const sys::NamedValue> values) {
  std::vector<std::string_view> names;
  std::size_t columns = 0;
  for (const sys::NamedValue& value : values) {
    columns += value.name.size() + 2;
    if (columns > 70) {
      names.push_back("...");
      break;
    }
    names.push_back(value.name);
  }
  return joined(names);
}

}  // namespace

Result<std::string> LineParser::process_name() {
  if (!is(Kind::Word)) return wrong_here("the name of a process belongs here, not " + seen());
  const std::string_view word = here().word;
  if (names_.kind(word) != Names::Kind::Process) {
    std::string hint = did_you_mean(word, names_.processes());
    if (hint.empty()) hint = "; write 'process " + std::string(word) + "' first";
    return wrong_here("there is no process " + quoted(word) + " yet" + hint);
  }
  advance();
  return std::string(word);
}

Result<std::string> LineParser::only_process() {
  const auto& processes = names_.processes();
  if (processes.size() == 1) return std::string(processes.front());
  if (processes.empty()) return wrong_here("there is no process yet: write 'process A' first");
  return wrong_here("which process? There are " + joined(processes) + ": write '" +
                    std::string(processes.front()) + ": ' before it");
}

Result<void> LineParser::bind(const Token& token, Names::Kind kind) {
  if (is_digit(token.word[0])) {
    return wrong_at(token, quoted(token.word) + " is no name: names begin with a letter");
  }
  if (is_reserved(token.word)) {
    return wrong_at(token, quoted(token.word) + " is a word of scripts; choose another name");
  }
  const Names::Kind now = names_.kind(token.word);
  if (now != Names::Kind::None && now != kind) {
    return wrong_at(token, quoted(token.word) + " is a " +
                               (now == Names::Kind::Process ? "process" : "variable") +
                               " already; choose another name");
  }
  names_.bind(token.word, kind);
  return {};
}

Result<FlagTerm> LineParser::flag_term(const sys::Argument& argument) {
  const auto values = sys::values_of(argument.kind);
  FlagTerm term;
  if (is(Kind::Word)) {
    for (const sys::NamedValue& value : values) {
      if (value.name != here().word && (value.formal.empty() || value.formal != here().word)) {
        continue;
      }
      term.name = value.name;
      advance();
      return term;
    }
    const bool other = is_digit(here().word[0]) ||
                       names_.kind(here().word) == Names::Kind::Variable;
    if (!other) {
      std::string hint = did_you_mean(here().word, names_of(values));
      if (hint.empty()) hint = " (" + choices(values) + ")";
      return wrong_here(quoted(here().word) + " is nothing that " + std::string(argument.name) +
                        " can be" + hint);
    }
    Result<Expression> value = is_digit(here().word[0]) ? literal() : named();
    if (!value) return tl::unexpected(value.error());
    term.number = std::move(*value);
    return term;
  }
  if (!is(Kind::Open) && !is(Kind::Minus)) {
    return wrong_here(std::string(argument.name) + " belongs here (" + choices(values) + "), not " +
                      seen());
  }
  operators_ = 0;
  Result<Expression> value = factor(0);
  if (!value) return tl::unexpected(value.error());
  term.number = std::move(*value);
  return term;
}

Result<Value> LineParser::flags(const sys::Argument& argument) {
  constexpr std::size_t kMostTerms = 64;
  Value made;
  made.kind = Value::Kind::Flags;
  made.place = place_of(here());
  while (true) {
    Result<FlagTerm> term = flag_term(argument);
    if (!term) return tl::unexpected(term.error());
    made.flags.push_back(std::move(*term));
    if (!is(Kind::Bar)) return made;
    if (!sys::is_flags(argument.kind)) {
      return wrong_here(std::string(argument.name) +
                        " is one of several, never two: " + choices(sys::values_of(argument.kind)));
    }
    if (made.flags.size() >= kMostTerms) return wrong_here("these are too many flags");
    advance();
  }
}

Result<Value> LineParser::process_argument() {
  Value made;
  made.place = place_of(here());
  Constant constant{};
  if (is(Kind::Word) && !is_digit(here().word[0]) && !find_constant(here().word, constant) &&
      names_.kind(here().word) != Names::Kind::Variable) {
    Result<std::string> process = process_name();
    if (!process) return tl::unexpected(process.error());
    made.kind = Value::Kind::Process;
    made.process = std::move(*process);
    return made;
  }
  Result<Expression> value = expression();
  if (!value) return tl::unexpected(value.error());
  made.kind = Value::Kind::Number;
  made.number = std::move(*value);
  return made;
}

Result<Value> LineParser::value(const sys::Argument& argument) {
  if (argument.kind == sys::ArgKind::Pid) return process_argument();
  if (!is_text(argument.kind)) {
    if (is(Kind::Text)) {
      return wrong_here(std::string(argument.name) +
                        " is no text: " + std::string(describe(argument.kind)) + " belongs here");
    }
    if (!sys::values_of(argument.kind).empty()) return flags(argument);
  }
  Value made;
  made.place = place_of(here());
  if (is_text(argument.kind)) {
    if (!is(Kind::Text)) {
      return wrong_here(std::string(describe(argument.kind)) + ": that belongs here, not " +
                        seen());
    }
    Result<Text> bytes = text();
    if (!bytes) return tl::unexpected(bytes.error());
    made.kind = Value::Kind::Text;
    made.text = std::move(*bytes);
    return made;
  }
  Result<Expression> number = expression();
  if (!number) return tl::unexpected(number.error());
  made.kind = Value::Kind::Number;
  made.number = std::move(*number);
  return made;
}

// Where the argument at hand goes: `name=` is read, places are counted by `next`.
Result<Value*> LineParser::argument_place(const VerbEntry& verb, std::vector<Value>& out,
                                          std::size_t& next, const sys::Argument*& argument) {
  std::size_t n = next;
  const Token first = here();
  const bool named = is(Kind::Word) && ahead().kind == Kind::Assign;
  if (named) {
    std::vector<std::string_view> names;
    for (const sys::Argument& known : verb.arguments) names.push_back(known.name);
    const auto found = std::find(names.begin(), names.end(), first.word);
    if (found == names.end()) {
      std::string hint = did_you_mean(first.word, names);
      if (hint.empty()) hint = ": " + usage(verb);
      return wrong_here(std::string(verb.name) + " has no argument " + quoted(first.word) + hint);
    }
    n = static_cast<std::size_t>(found - names.begin());
    advance();
    advance();
  } else {
    while (n < out.size() && out[n].kind != Value::Kind::Absent) ++n;
    next = n + 1;
  }
  if (n >= verb.arguments.size()) {
    return wrong_here(seen() + " is one argument too many: " + usage(verb));
  }
  if (out[n].kind != Value::Kind::Absent) {
    return wrong_at(first, "this is given already: " + std::string(verb.arguments[n].name));
  }
  argument = &verb.arguments[n];
  return &out[n];
}

Result<void> LineParser::arguments(const VerbEntry& verb, std::vector<Value>& out) {
  out.assign(verb.arguments.size(), {});
  std::size_t next = 0;
  while (!statement_ends() && !is(Kind::Expect)) {
    const sys::Argument* argument = nullptr;
    const Result<Value*> place = argument_place(verb, out, next, argument);
    if (!place) return tl::unexpected(place.error());
    Result<Value> read = value(*argument);
    if (!read) return tl::unexpected(read.error());
    **place = std::move(*read);
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].kind != Value::Kind::Absent || may_be_absent(verb.arguments, i)) continue;
    return wrong_here("here " + std::string(verb.name) + " lacks its " +
                      std::string(verb.arguments[i].name) + " (" +
                      std::string(describe(verb.arguments[i].kind)) + "): " + usage(verb));
  }
  return {};
}

}  // namespace pw::script
