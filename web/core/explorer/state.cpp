#include "web/core/explorer/state.hpp"

#include "script/counters.hpp"
#include "script/outcome_text.hpp"
#include "script/printer.hpp"
#include "script/vocabulary.hpp"

namespace pw::explorer {

namespace {

constexpr const char* kStepKinds[] = {"process", "let",  "do",     "expect",
                                      "mark",    "show", "repeat", "for"};

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

void write_last(Json& json, Session& session) {
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
  if (!session.output().empty()) json.field("output", session.output());
  json.close('}');
}

void write_next(Json& json, Session& session) {
  const script::Step* next = session.execution().next();
  if (next == nullptr || session.at() >= Session::kMostSteps) {
    json.null();
    return;
  }
  json.open('{');
  write_step(json, *next);
  json.close('}');
}

void write_counters(Json& json, Session& session, const Snapshot& now) {
  const auto names = script::machine_counter_names();
  const Snapshot& before = session.before();
  json.open('[');
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::uint64_t was = session.at() == 0 ? now.counters[i] : before.counters[i];
    json.open('[').write(names[i]).number(now.counters[i]);
    json.number(now.counters[i] >= was ? now.counters[i] - was : 0).close(']');
  }
  json.close(']');
}

void write_variables(Json& json, Session& session) {
  json.open('[');
  for (const auto& [name, value] : session.execution().names().variables()) {
    json.open('[').write(name).hex(value).close(']');
  }
  json.close(']');
}

void write_access(Json& json, Session& session) {
  const Shown& shown = session.shown();
  Process* process = shown.valid ? session.machine().find(session.target().pid_of(shown.process))
                                 : nullptr;
  if (process == nullptr || process->space == nullptr) {
    json.null();
    return;
  }
  constexpr const char* kAccesses[] = {"read", "write", "execute"};
  json.open('{');
  json.field("process", shown.process);
  json.field_hex("address", shown.address.value);
  json.field("length", shown.length);
  json.field("access", kAccesses[static_cast<unsigned>(shown.access)]);
  // Whether the step that was carried out last made it.
  const script::Step* step = session.execution().last().step;
  json.flag("now", step != nullptr && step->kind == script::Step::Kind::Do &&
                       step->verb != script::Verb::Call && step->verb != script::Verb::SetPkru);
  json.key("walk");
  write_walk(json, session, *process, shown.address);
  json.close('}');
}

}  // namespace

std::string name_of_pid(Session& session, Pid pid) {
  for (const auto& [name, index] : session.execution().names().processes()) {
    if (session.target().pid_of(index) == pid) return name;
  }
  return "pid " + std::to_string(pid);
}

std::string names_of_space(Session& session, SpaceId space) {
  std::string names;
  session.machine().processes().for_each([&](Process& process) {
    if (process.space == nullptr || process.space->id() != space) return;
    names += (names.empty() ? "" : ", ") + name_of_pid(session, process.pid);
  });
  return names;
}

std::string state_of(Session& session) {
  const Snapshot& now = session.now();
  Json json;
  json.open('{');
  json.field("step", session.at());
  json.key("last");
  write_last(json, session);
  json.key("next");
  write_next(json, session);
  const script::RunReport& report = session.execution().report();
  json.key("stopped");
  if (report.stopped) {
    json.write(report.stopped->message);
  } else {
    json.null();
  }
  json.key("report").open('[').number(report.checks).number(report.failed);
  json.number(report.noted).close(']');
  json.field("time_ns", session.machine().clock().now_ns());
  json.key("variables");
  write_variables(json, session);
  json.key("counters");
  write_counters(json, session, now);
  json.key("access");
  write_access(json, session);
  json.key("faults");
  write_faults(json, session, now);
  json.key("processes");
  write_processes(json, session);
  json.key("tlb");
  write_tlb(json, session, now);
  json.key("frames");
  write_frames(json, session, now);
  json.key("swap");
  write_swap(json, session);
  json.key("cache");
  write_cache(json, session);
  json.key("policy");
  write_policy(json, session);
  json.close('}');
  return json.take();
}

}  // namespace pw::explorer
