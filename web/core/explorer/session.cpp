#include "web/core/explorer/session.hpp"

#include <algorithm>

#include "script/parser.hpp"
#include "script/settings.hpp"
#include "web/core/explorer/json.hpp"

namespace pw::explorer {

namespace {

// "policy=lru tlb=l1d=1x16" onto a configuration.
Result<void> apply(MachineConfig& config, std::string_view settings) {
  while (!settings.empty()) {
    const std::size_t end = std::min(settings.find(' '), settings.size());
    const std::string_view word = settings.substr(0, end);
    settings.remove_prefix(std::min(end + 1, settings.size()));
    if (word.empty()) continue;
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) {
      return fail(Errno::Invalid, "'" + std::string(word) + "' is no KEY=VALUE");
    }
    PW_TRY(script::apply_setting(config, word.substr(0, equals), word.substr(equals + 1)));
  }
  return {};
}

bool is_access(const script::Step& step) {
  return step.kind == script::Step::Kind::Do &&
         (step.verb == script::Verb::Load || step.verb == script::Verb::Store ||
          step.verb == script::Verb::Fetch);
}

}  // namespace

SessionLimits SessionLimits::of_a_page() {
  SessionLimits limits;
  limits.parse.bytes = 1U << 20;
  limits.machine = {ByteCount(1ULL << 30), ByteCount(256ULL << 20), 1U << 16};
  limits.run.bytes = 16U << 20;
  limits.run.populate = 256U << 20;
  limits.run.processes = 256;
  limits.run.shown = 1U << 20;
  limits.steps = Session::kMostSteps;
  return limits;
}

Result<std::unique_ptr<Session>> Session::open(std::string_view text, std::string_view settings,
                                               const SessionLimits& limits, const Bounds& bounds) {
  Result<script::Program> program = script::parse(text, limits.parse);
  if (!program) return tl::unexpected(program.error());
  Result<MachineConfig> config = script::machine_of(*program);
  if (!config) return tl::unexpected(config.error());
  PW_TRY(apply(*config, settings));
  std::unique_ptr<Session> session(new Session());
  session->program_ = std::move(*program);
  session->config_ = *config;
  session->limits_ = limits;
  session->bounds_ = bounds;
  session->sink_ = [self = session.get()](std::string_view part) {
    if (self->output_.size() < kMostOutput) self->output_ += part;
  };
  PW_TRY(session->restart());
  return session;
}

Result<void> Session::restart() {
  execution_.reset();
  target_.reset();
  auto target = script::SimTarget::create(config_, limits_.machine);
  if (!target) return tl::unexpected(target.error());
  target_ = std::move(*target);
  execution_ = std::make_unique<script::Execution>(program_, *target_, limits_.run, sink_);
  begin();
  output_.clear();
  return {};
}

Result<void> Session::go(std::uint64_t step) {
  if (step == at() || (step > at() && ended())) return {};
  if (step < at()) PW_TRY(restart());
  if (at() + 1 < step) look_away();
  while (at() + 1 < step && !ended()) {
    forget();
    advance();
  }
  if (ended()) {  // earlier than that: the last step is told
    const std::uint64_t last = at();
    PW_TRY(restart());
    return go(last);
  }
  look();
  forget();
  advance();
  return {};
}

void Session::tell_from_here() {
  look();
  forget();
}

bool Session::step_on() {
  if (ended()) return false;
  look_away();
  advance();
  return true;
}

void Session::forget() {
  faults_.clear();
  output_.clear();
}

void Session::advance() {
  execution_->advance();
  ++at_;
  name_events();
  const script::Execution::Last& last = execution_->last();
  shown_.now = last.step != nullptr && last.step->kind == script::Step::Kind::Do &&
               last.step->verb != script::Verb::Call && last.step->verb != script::Verb::SetPkru;
  if (last.step == nullptr || !is_access(*last.step)) return;
  note_access(machine().find(target_->pid_of(last.process)), last.process, last.address,
              last.length,
              last.step->verb == script::Verb::Load    ? Access::Read
              : last.step->verb == script::Verb::Store ? Access::Write
                                                       : Access::Execute);
}

std::vector<Scene::Actor> Session::actors() {
  std::vector<Actor> actors;
  for (const auto& [name, index] : execution_->names().processes()) {
    actors.push_back({name, index, target_->pid_of(index)});
  }
  return actors;
}

Result<std::string> Session::outline() const {
  auto made = script::SimTarget::create(config_, limits_.machine);
  if (!made) return tl::unexpected(made.error());
  script::SimTarget& target = **made;
  Machine& machine = target.machine();
  const script::Output nowhere;
  script::Execution run(program_, target, limits_.run, nowhere);
  Json json;
  json.open('{');
  std::string kinds;
  json.key("lines").open('[');
  FaultCounters before;
  std::uint64_t work = 0;
  while (run.next() != nullptr && kinds.size() < kMostSteps && work < kMostWork) {
    run.advance();
    const script::Execution::Last& last = run.last();
    work += 1 + last.length / kPageSize;
    json.number(last.step->place.line);
    const FaultCounters& now = machine.counters().faults;
    char kind = is_access(*last.step) ? 'h' : 'o';
    if (last.step->kind == script::Step::Kind::Do && !is_access(*last.step)) kind = 'c';
    if (now.minor != before.minor) kind = 'n';
    if (now.major != before.major) kind = 'j';
    if (last.outcome.signal != 0) kind = 's';
    if (last.failed > 0) kind = 'x';
    kinds += kind;
    work += now.minor - before.minor + now.major - before.major;
    before = now;
  }
  json.close(']');
  json.field("kinds", kinds);
  json.flag("whole", run.next() == nullptr);
  const script::RunReport& report = run.report();
  json.field("checks", report.checks).field("failed", report.failed);
  json.field("summary", script::summary(report));
  json.field("policy", config_.policy);
  json.field("ram", machine.frames().total().value);
  json.close('}');
  return json.take();
}

}  // namespace pw::explorer
