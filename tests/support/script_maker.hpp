// Random scripts such as the parser could have made: every kind of step, argument and expectation.
// Same seed, same script. They make little sense, which is what they are for.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/units.hpp"
#include "script/counters.hpp"
#include "script/program.hpp"
#include "script/vocabulary.hpp"

namespace pw::script::test {

class ScriptMaker {
 public:
  explicit ScriptMaker(std::uint64_t seed) : random_(seed) {}

  Program program() {
    Program made;
    if (random_.chance(2)) made.machine = {{"ram", "64M", {}}, {"policy", "2q:kin=0.5", {}}};
    steps(made.steps, 2 + random_.below(20), 0);
    return made;
  }

 private:
  std::string variable() { return variables_[random_.below(variables_.size())]; }
  std::string process() { return processes_[random_.below(processes_.size())]; }

  Expression expression(unsigned depth = 0) {
    Expression made;
    switch (random_.below(depth > 4 ? 3 : 6)) {
      case 0:
        made = number(random_.next() >> random_.below(64));
        if (random_.chance(2)) {  // a few pages
          made.unit = 'P';
          made.number = random_.below(20) << kPageShift;
          return made;
        }
        made.hex = random_.chance(2);
        if (random_.chance(3)) {
          made.unit = "KMGTP"[random_.below(5)];
          const unsigned shift = made.unit == 'P' ? 12 : made.unit == 'K' ? 10 : 40;
          made.number = (made.number >> shift) << shift;
        }
        return made;
      case 1:
        if (!variables_.empty()) return name(variable());
        return name("page");
      case 2: {
        const auto constants = constant_names();
        return name(std::string(constants[random_.below(constants.size())]));
      }
      case 3:
        made.kind = Expression::Kind::Negate;
        made.operands = {expression(depth + 1)};
        return made;
      default: {
        constexpr Expression::Kind kKinds[] = {Expression::Kind::Add, Expression::Kind::Subtract,
                                               Expression::Kind::Multiply};
        made.kind = kKinds[random_.below(3)];
        made.operands = {expression(depth + 1), expression(depth + 1)};
        return made;
      }
    }
  }

  // Mostly small, where more would end the run.
  Expression small() { return random_.chance(8) ? expression() : number(random_.below(6)); }

  Text text() {
    Text made;
    for (std::uint64_t n = random_.below(8); n > 0; --n) {
      made.bytes += static_cast<char>(random_.below(256));
    }
    if (random_.chance(3)) made.times = small();
    return made;
  }

  Value value(const sys::Argument& argument) {
    Value made;
    const auto values = sys::values_of(argument.kind);
    if (is_text(argument.kind)) {
      made.kind = Value::Kind::Text;
      made.text = text();
    } else if (argument.kind == sys::ArgKind::Pid && random_.chance(2)) {
      made = process_value(process());
    } else if (!values.empty()) {
      made.kind = Value::Kind::Flags;
      const std::uint64_t terms = sys::is_flags(argument.kind) ? 1 + random_.below(3) : 1;
      for (std::uint64_t i = 0; i < terms; ++i) {
        FlagTerm term;
        if (random_.chance(4)) {
          term.number = expression(2);
        } else {
          term.name = values[random_.below(values.size())].name;
        }
        made.flags.push_back(std::move(term));
      }
    } else {
      made = number_value(argument.kind == sys::ArgKind::Count ? small() : expression());
    }
    return made;
  }

  Expectation expectation(const VerbEntry& verb) {
    Expectation made;
    switch (random_.below(6)) {
      case 0:
        made.kind = Expectation::Kind::Ok;
        break;
      case 1:
        made.kind = Expectation::Kind::Errno;
        made.error = 22;
        break;
      case 2:
        made.kind = Expectation::Kind::Signal;
        made.signal = random_.chance(2) ? 11 : 7;
        if (random_.chance(2)) made.code = 2;
        if (random_.chance(2)) made.address = expression();
        break;
      case 3:
        if (verb.reply == sys::ReplyKind::Flags) {
          made.kind = Expectation::Kind::Bits;
          made.bits = "0110";
        } else if (verb.reply == sys::ReplyKind::Bytes) {
          made.kind = Expectation::Kind::Text;
          made.text = text();
        } else if (verb.verb == Verb::Call && verb.reply != sys::ReplyKind::Process) {
          made.kind = Expectation::Kind::Number;
          made.number = expression();
        }
        break;
      default:
        break;
    }
    return made;
  }

  Step action() {
    Step made;
    made.process = process();
    const auto names = verb_names();
    VerbEntry verb;
    find_verb(names[random_.below(names.size())], verb);
    made.verb = verb.verb;
    made.call = verb.call;
    for (std::size_t i = 0; i < verb.arguments.size(); ++i) {
      const bool absent = may_be_absent(verb.arguments, i) && random_.chance(2);
      made.arguments.push_back(absent ? Value{} : value(verb.arguments[i]));
    }
    made.expected = expectation(verb);
    if (verb.verb == Verb::Call && random_.chance(2)) {
      const bool births = verb.reply == sys::ReplyKind::Process;
      made.result = (births ? "P" : "v") + std::to_string(random_.below(5));
      add(births ? processes_ : variables_, made.result);
    }
    return made;
  }

  static void add(std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }

  Step counter() {
    Step made;
    made.kind = Step::Kind::Expect;
    const bool machine = random_.chance(2);
    if (!machine) made.process = process();
    const auto names = machine ? machine_counter_names() : process_counter_names();
    made.what = names[random_.below(names.size())];
    made.comparison = static_cast<Comparison>(random_.below(6));
    made.since_mark = random_.chance(2);
    made.first = small();
    return made;
  }

  Step show() {
    Step made;
    made.kind = Step::Kind::Show;
    const Showable& what = showables()[random_.below(showables().size())];
    made.what = what.name;
    if (what.of_process) made.process = process();
    if (what.takes_address) made.first = expression();
    return made;
  }

  Step loop(unsigned depth) {
    Step made;
    made.kind = random_.chance(2) ? Step::Kind::Repeat : Step::Kind::For;
    made.first = small();
    if (made.kind == Step::Kind::For) {
      made.last = small();
      made.result = "i" + std::to_string(random_.below(3));
      add(variables_, made.result);
    }
    steps(made.body, random_.below(5), depth + 1);
    return made;
  }

  void steps(std::vector<Step>& out, std::uint64_t count, unsigned depth) {
    for (std::uint64_t i = 0; i < count; ++i) {
      Step made;
      if (processes_.empty() || random_.chance(12)) {
        made.kind = Step::Kind::Process;
        made.process = "A" + std::to_string(random_.below(3));
        add(processes_, made.process);
      } else if (random_.chance(8)) {
        made.kind = Step::Kind::Let;
        made.process = process();
        made.first = expression();
        made.result = "v" + std::to_string(random_.below(5));
        add(variables_, made.result);
      } else if (random_.chance(8)) {
        made = counter();
      } else if (random_.chance(8)) {
        made = show();
      } else if (depth < 4 && random_.chance(8)) {
        made = loop(depth);
      } else if (random_.chance(20)) {
        made.kind = Step::Kind::Mark;
      } else {
        made = action();
      }
      out.push_back(std::move(made));
    }
  }

  Random random_;
  std::vector<std::string> variables_, processes_;
};

}  // namespace pw::script::test
