#include "script/parser.hpp"

#include "machine/config.hpp"
#include "script/counters.hpp"
#include "script/diagnostic.hpp"
#include "script/line_parser.hpp"
#include "script/settings.hpp"

namespace pw::script {

namespace {

class Parser : public LineParser {
 public:
  Parser(std::string_view text, const ParseLimits& limits)
      : LineParser(limits, names_so_far_), text_(text) {}

  Result<Program> run() {
    if (text_.size() > limits_.bytes) {
      return fail(Errno::Invalid, "a script has at most " + in_decimal(limits_.bytes) +
                                      " bytes; this one has " + in_decimal(text_.size()));
    }
    PW_TRY(next_line());
    PW_TRY(block(program_.steps, 0));
    return std::move(program_);
  }

 private:
  // The tokens of the next line; at the end of the text `finished_`.
  Result<void> next_line() {
    if (text_.empty()) {
      finished_ = true;
      return {};
    }
    const std::size_t end = text_.find('\n');
    line_ = text_.substr(0, end);
    text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
    ++number_;
    at_ = 0;
    const std::vector<Setting> words = words_of(line_.substr(0, kLookAhead), number_);
    if (!words.empty() && words.front().key == kMachine && words.front().value.empty()) {
      PW_TRY(machine());
      tokens_ = {Token{}};
      return {};
    }
    Result<std::vector<Token>> tokens = tokens_of(line_, number_);
    if (!tokens) return tl::unexpected(tokens.error());
    tokens_ = std::move(*tokens);
    return {};
  }

  Result<void> machine() {
    const std::vector<Setting> words = words_of(line_, number_);
    if (!program_.machine.empty() || had_machine_) {
      return wrong(words.front().place, line_, "a script has one machine; put the words together");
    }
    if (!program_.steps.empty() || depth_ > 0) {
      return wrong(words.front().place, line_, "the machine line comes first, before all steps");
    }
    had_machine_ = true;
    MachineConfig config = default_machine();
    for (std::size_t i = 1; i < words.size(); ++i) {
      const Setting& setting = words[i];
      if (i > limits_.settings) return wrong(setting.place, line_, "these are too many words");
      if (setting.place.length == setting.key.size()) {
        return wrong(setting.place, line_, "write " + setting.key + "=VALUE, such as ram=64M");
      }
      const Result<void> applied = apply_setting(config, setting.key, setting.value);
      if (!applied) return wrong(setting.place, line_, applied.error().message);
      program_.machine.push_back(setting);
    }
    return {};
  }

  Result<void> block(std::vector<Step>& steps, unsigned depth) {
    const Token opened = at_ > 0 ? tokens_[at_ - 1] : Token{};
    const std::uint32_t opened_in = number_;
    const std::string_view opened_line = line_;
    depth_ = depth;
    while (true) {
      if (finished_) {
        if (depth == 0) return {};
        return wrong({opened_in, opened.column, 1}, opened_line, "this { has no }");
      }
      if (is(Kind::End)) {
        PW_TRY(next_line());
        continue;
      }
      if (skip(Kind::Semicolon)) continue;
      if (is(Kind::Finish)) {
        if (depth == 0) return wrong_here("there is no { for this }");
        advance();
        return {};
      }
      if (++steps_ > limits_.steps) {
        return wrong_here("a script has at most " + in_decimal(limits_.steps) +
                          " steps in its text; use repeat or for");
      }
      Step step;
      step.place = place_of(here());
      PW_TRY(statement(step, depth));
      depth_ = depth;
      steps.push_back(std::move(step));
      if (!statement_ends()) {
        return wrong_here("the step ends before " + seen() +
                          "; a ; or a new line belongs between "
                          "two steps");
      }
    }
  }

  Result<void> statement(Step& step, unsigned depth) {
    if (!is(Kind::Word)) return wrong_here("a step begins with a word, not with " + seen());
    const std::string_view word = here().word;
    if (ahead().kind != Kind::Colon && ahead().kind != Kind::Assign) {
      if (word == "process") return process(step);
      if (word == "mark") return mark(step);
      if (word == "expect") return expect(step);
      if (word == "show") return show(step);
      if (word == "repeat") return repeat(step, depth);
      if (word == "for") return for_each(step, depth);
      if (word == kMachine) return wrong_here("the machine has a line of its own, the first one");
    }
    if (ahead().kind == Kind::Colon) {
      Result<std::string> process = process_name();
      if (!process) return tl::unexpected(process.error());
      step.process = std::move(*process);
      advance();
    }
    if (is_word("let")) return let(step);
    return action(step);
  }

  Result<void> process(Step& step) {
    step.kind = Step::Kind::Process;
    advance();
    if (!is(Kind::Word)) return wrong_here("a name for the process belongs here: process A");
    PW_TRY(bind(here(), Names::Kind::Process));
    step.process = here().word;
    advance();
    return {};
  }

  Result<void> mark(Step& step) {
    step.kind = Step::Kind::Mark;
    advance();
    return {};
  }

  Result<void> let(Step& step) {
    step.kind = Step::Kind::Let;
    advance();
    const Token name = here();
    if (!is(Kind::Word) || ahead().kind != Kind::Assign) {
      return wrong_here("let wants a name and what it stands for: let q = p+4P");
    }
    advance();
    advance();
    Result<Expression> value = expression();
    if (!value) return tl::unexpected(value.error());
    step.first = std::move(*value);
    step.result = name.word;
    // Constants are a process's.
    if (step.process.empty() && names_.processes().size() == 1) {
      step.process = names_.processes().front();
    }
    return bind(name, Names::Kind::Variable);
  }

  Result<void> action(Step& step) {
    step.kind = Step::Kind::Do;
    Token result;
    if (is(Kind::Word) && ahead().kind == Kind::Assign) {
      result = here();
      advance();
      advance();
    }
    VerbEntry verb;
    if (!is(Kind::Word))
      return wrong_here("a verb such as mmap or load belongs here, not " + seen());
    if (!find_verb(here().word, verb)) return unknown_verb(result);
    const Token word = here();
    advance();
    if (step.process.empty()) {
      Result<std::string> process = only_process();
      if (!process) return wrong_at(word, sentence_of(process.error()));
      step.process = std::move(*process);
    }
    step.verb = verb.verb;
    step.call = verb.call;
    PW_TRY(arguments(verb, step.arguments));
    if (skip(Kind::Expect)) {
      Result<Expectation> expected = expectation(verb);
      if (!expected) return tl::unexpected(expected.error());
      step.expected = std::move(*expected);
    }
    if (result.kind != Kind::Word) return {};
    if (verb.verb != Verb::Call) {
      return wrong_at(result, std::string(verb.name) + " gives no number that could have a name");
    }
    step.result = result.word;
    return bind(result, verb.reply == sys::ReplyKind::Process ? Names::Kind::Process
                                                              : Names::Kind::Variable);
  }

  tl::unexpected<Error> unknown_verb(const Token& result) const {
    const bool is_value = is_digit(here().word[0]) ||
                          names_.kind(here().word) == Names::Kind::Variable;
    if (result.kind == Kind::Word && is_value) {
      return wrong_at(result,
                      "to give a number a name, write let " + std::string(result.word) + " = ...");
    }
    std::vector<std::string_view> known = verb_names();
    if (result.kind != Kind::Word) known.insert(known.end(), kKeywords, std::end(kKeywords) - 1);
    return wrong_here("there is no verb " + quoted(here().word) + did_you_mean(here().word, known));
  }

  // The first line of a message without its place.
  static std::string sentence_of(const Error& error) {
    const std::size_t begin = error.message.find(": ");
    const std::size_t end = error.message.find('\n');
    return error.message.substr(begin + 2, end - begin - 2);
  }

  // expect [A|machine] COUNTER = [+]NUMBER
  Result<void> expect(Step& step) {
    step.kind = Step::Kind::Expect;
    advance();
    if (is_word(kMachine)) {
      advance();
    } else if (ahead().kind == Kind::Word) {
      Result<std::string> process = process_name();
      if (!process) return tl::unexpected(process.error());
      step.process = std::move(*process);
    } else {
      Result<std::string> process = only_process();
      if (!process) return tl::unexpected(process.error());
      step.process = std::move(*process);
    }
    PW_TRY(counter(step));
    PW_TRY(comparison(step));
    Result<Expression> value = expression();
    if (!value) return tl::unexpected(value.error());
    step.first = std::move(*value);
    return {};
  }

  Result<void> counter(Step& step) {
    const std::vector<std::string_view> known = step.process.empty() ? machine_counter_names()
                                                                     : process_counter_names();
    if (is(Kind::Word)) {
      for (const std::string_view name : known) {
        if (name != here().word) continue;
        step.what = name;
        advance();
        return {};
      }
    }
    if (!is(Kind::Word)) {
      return wrong_here("a counter belongs here, such as minor or resident, not " + seen());
    }
    return wrong_here((step.process.empty() ? "a machine" : "a process") +
                      std::string(" has no counter ") + seen() + did_you_mean(here().word, known));
  }

  Result<void> comparison(Step& step) {
    struct Sign {
      std::string_view text;
      Comparison comparison;
    };
    static constexpr Sign kSigns[] = {{"<", Comparison::Less},
                                      {"<=", Comparison::LessEqual},
                                      {">", Comparison::Greater},
                                      {">=", Comparison::GreaterEqual},
                                      {"!=", Comparison::NotEqual}};
    if (is(Kind::Compare)) {
      for (const Sign& sign : kSigns) {
        if (sign.text == here().word) step.comparison = sign.comparison;
      }
      advance();
    } else if (!skip(Kind::Assign) && !is(Kind::Plus)) {
      return wrong_here(
          "behind the counter belongs = < <= > >= or !=, and a number; +3 is 3 more "
          "than at the last mark");
    }
    step.since_mark = skip(Kind::Plus);
    return {};
  }

  // show [A] WHAT [ADDRESS]
  Result<void> show(Step& step) {
    step.kind = Step::Kind::Show;
    advance();
    bool named = false;
    if (is(Kind::Word) && names_.kind(here().word) == Names::Kind::Process) {
      step.process = here().word;
      named = true;
      advance();
    }
    std::vector<std::string_view> known;
    for (const Showable& showable : showables()) known.push_back(showable.name);
    const Showable* what = is(Kind::Word) ? find_showable(here().word) : nullptr;
    if (what == nullptr) {
      std::string hint = is(Kind::Word) ? did_you_mean(here().word, known) : "";
      if (hint.empty()) hint = " (maps, smaps, status, walk, tlb, frames, cache, swap, meminfo)";
      return wrong_here("there is nothing to show by the name of " + seen() + hint);
    }
    step.what = what->name;
    if (what->of_process && !named) {
      Result<std::string> process = only_process();
      if (!process) return tl::unexpected(process.error());
      step.process = std::move(*process);
    }
    if (!what->of_process) step.process.clear();
    advance();
    if (!what->takes_address) return {};
    Result<Expression> at = expression();
    if (!at) return tl::unexpected(at.error());
    step.first = std::move(*at);
    return {};
  }

  Result<void> body(Step& step, unsigned depth) {
    if (!is(Kind::Begin)) return wrong_here("a { belongs here, not " + seen());
    if (depth >= limits_.nesting) {
      return wrong_here("loops are nested more than " + in_decimal(limits_.nesting) + " deep");
    }
    advance();
    return block(step.body, depth + 1);
  }

  // repeat 10 { ... }
  Result<void> repeat(Step& step, unsigned depth) {
    step.kind = Step::Kind::Repeat;
    advance();
    Result<Expression> times = expression();
    if (!times) return tl::unexpected(times.error());
    step.first = std::move(*times);
    return body(step, depth);
  }

  // for i = 0..9 { ... }
  Result<void> for_each(Step& step, unsigned depth) {
    step.kind = Step::Kind::For;
    advance();
    const Token name = here();
    if (!is(Kind::Word) || ahead().kind != Kind::Assign) {
      return wrong_here("for wants a name and its range: for i = 0..9 {");
    }
    advance();
    advance();
    Result<Expression> first = expression();
    if (!first) return tl::unexpected(first.error());
    if (!skip(Kind::Range)) {
      return wrong_here("the range of a for is written 0..9, both ends included");
    }
    Result<Expression> last = expression();
    if (!last) return tl::unexpected(last.error());
    step.first = std::move(*first);
    step.last = std::move(*last);
    step.result = name.word;
    PW_TRY(bind(name, Names::Kind::Variable));
    return body(step, depth);
  }

  static constexpr std::size_t kLookAhead = 64;

  Names names_so_far_;
  std::string_view text_;
  Program program_;
  std::size_t steps_ = 0;
  unsigned depth_ = 0;
  bool finished_ = false, had_machine_ = false;
};

}  // namespace

Result<Program> parse(std::string_view text, const ParseLimits& limits) {
  return Parser(text, limits).run();
}

}  // namespace pw::script
