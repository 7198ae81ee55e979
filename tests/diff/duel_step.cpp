#include "diff/duel_step.hpp"

#include "script/printer.hpp"
#include "script/program.hpp"

namespace pw::diff {

namespace {

using script::Expectation;
using script::Step;

std::string process_name(script::ProcessIndex index) { return "P" + std::to_string(index); }

std::vector<script::Value> arguments_of(const sys::Request& request) {
  std::vector<script::Value> values;
  std::size_t next = 0;
  for (const sys::Argument& argument : sys::signature(request.call).arguments) {
    const bool text = argument.kind == sys::ArgKind::Text || argument.kind == sys::ArgKind::Bytes;
    if (text) {
      values.push_back(script::text_value(request.text));
      continue;
    }
    const std::uint64_t value = request.args[next++];
    const bool named = !sys::values_of(argument.kind).empty();
    if (argument.kind == sys::ArgKind::Pid) {
      values.push_back(script::process_value(process_name(static_cast<std::uint32_t>(value))));
    } else if (named) {
      values.push_back(script::flags_value(value));
    } else if (value >= kPageSize) {
      values.push_back(script::number_value(script::address(value)));
    } else {
      values.push_back(script::number_value(script::number(value)));
    }
  }
  return values;
}

Expectation expectation_of(const DuelStep& step, const script::Outcome& outcome) {
  Expectation expected;
  if (outcome.signal != 0) {
    expected.kind = Expectation::Kind::Signal;
    expected.signal = outcome.signal;
    expected.code = outcome.code;
    if (outcome.code != 128) expected.address = script::address(outcome.address.value);
  } else if (step.kind == DuelStep::Kind::Load) {
    expected.kind = Expectation::Kind::Text;
    expected.text.bytes = outcome.bytes;
  } else if (step.kind == DuelStep::Kind::Call && outcome.value < 0 && outcome.value >= -4095) {
    expected.kind = Expectation::Kind::Errno;
    expected.error = static_cast<int>(-outcome.value);
  } else if (step.kind == DuelStep::Kind::Call && !gives_birth(step)) {
    const auto reply = sys::signature(step.request.call).reply;
    if (reply == sys::ReplyKind::Flags) {
      expected.kind = Expectation::Kind::Bits;
      expected.bits = outcome.bytes;
    } else if (reply == sys::ReplyKind::Bytes) {
      expected.kind = Expectation::Kind::Text;
      expected.text.bytes = outcome.bytes;
    } else {
      expected.kind = Expectation::Kind::Number;
      expected.number = script::address(static_cast<std::uint64_t>(outcome.value));
    }
  }
  return expected;
}

Step step_of(const DuelStep& step) {
  Step made;
  made.process = process_name(step.who);
  switch (step.kind) {
    case DuelStep::Kind::Spawn:
      made.kind = Step::Kind::Process;
      return made;
    case DuelStep::Kind::Call:
      made.call = step.request.call;
      made.arguments = arguments_of(step.request);
      if (gives_birth(step)) made.result = process_name(step.child);
      return made;
    case DuelStep::Kind::Load:
      made.verb = script::Verb::Load;
      made.arguments = {script::number_value(script::address(step.address.value)),
                        script::number_value(script::number(step.count))};
      return made;
    case DuelStep::Kind::Store:
      made.verb = script::Verb::Store;
      made.arguments = {script::number_value(script::address(step.address.value)),
                        script::text_value(step.bytes)};
      return made;
    case DuelStep::Kind::Fetch:
      made.verb = script::Verb::Fetch;
      made.arguments = {script::number_value(script::address(step.address.value))};
      return made;
  }
  return made;
}

}  // namespace

std::string script_of(const std::vector<DuelStep>& steps,
                      const std::vector<script::Outcome>& answers) {
  script::Program program;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Step made = step_of(steps[i]);
    if (i < answers.size() && answers[i].error.empty()) {
      made.expected = expectation_of(steps[i], answers[i]);
    }
    program.steps.push_back(std::move(made));
  }
  return script::print(program);
}

std::string text_of(const script::Outcome& outcome) {
  if (!outcome.error.empty()) return "not carried out: " + outcome.error;
  if (outcome.signal != 0) {
    return "signal " + std::to_string(outcome.signal) + " code " + std::to_string(outcome.code) +
           " at " + std::to_string(outcome.address.value);
  }
  if (outcome.value < 0 && outcome.value >= -4095) {
    return sys::errno_name(static_cast<int>(-outcome.value));
  }
  std::string text = std::to_string(outcome.value);
  if (!outcome.bytes.empty()) text += " \"" + outcome.bytes + '"';
  return text;
}

}  // namespace pw::diff
