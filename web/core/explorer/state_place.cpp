// Where a script is: the step carried out last, the next one, checks, variables.
#include "script/outcome_text.hpp"
#include "script/printer.hpp"
#include "script/vocabulary.hpp"
#include "web/core/explorer/session.hpp"
#include "web/core/explorer/state.hpp"

namespace pw::explorer {

namespace {

constexpr const char* kStepKinds[] = {"process", "let",  "do",     "expect",
                                      "mark",    "show", "repeat", "for"};

}  // namespace

void write_step(Json& json, const script::Step& step) {
  json.field("line", step.place.line);
  json.field("column", step.place.column);
  json.field("length", step.place.length);
  json.field("text", script::print(step));
  const bool access = step.kind == script::Step::Kind::Do && step.verb != script::Verb::Call &&
                      step.verb != script::Verb::SetPkru;
  json.field("kind", access ? "access" : kStepKinds[static_cast<unsigned>(step.kind)]);
  json.field("process", step.process);
}

namespace {

void write_last(Json& json, Session& session, const std::string& output) {
  const script::Execution::Last& last = session.execution().last();
  if (session.at() == 0 || last.step == nullptr) {
    json.null();
    return;
  }
  json.open('{');
  write_step(json, *last.step);
  json.field("turn", last.turn);
  json.flag("failed", last.failed > 0);
  if (last.step->kind == script::Step::Kind::Do) {
    const script::VerbEntry verb = script::verb_of(last.step->verb, last.step->call);
    json.field("gave", script::outcome_text(last.outcome, verb.reply));
    json.field("signal", static_cast<std::uint64_t>(last.outcome.signal));
    json.flag("error", script::failed(last.outcome));
  }
  if (!output.empty()) json.field("output", output);
  json.close('}');
}

void write_next(Json& json, Session& session) {
  const script::Step* next = session.execution().next();
  if (session.ended()) {
    json.null();
    return;
  }
  json.open('{');
  write_step(json, *next);
  json.close('}');
}

void write_variables(Json& json, Session& session) {
  json.open('[');
  for (const auto& [name, value] : session.execution().names().variables()) {
    json.open('[').write(name).hex(value).close(']');
  }
  json.close(']');
}

}  // namespace

void Session::write_place(Json& json) {
  json.key("last");
  write_last(json, *this, output_);
  json.key("next");
  write_next(json, *this);
  const script::RunReport& report = execution_->report();
  json.key("stopped");
  if (report.stopped) {
    json.write(report.stopped->message);
  } else {
    json.null();
  }
  json.key("report").open('[').number(report.checks).number(report.failed);
  json.number(report.noted).close(']');
  json.key("variables");
  write_variables(json, *this);
}

}  // namespace pw::explorer
