#include "script/execution.hpp"

#include <iterator>

#include "script/counters.hpp"
#include "script/diagnostic.hpp"
#include "script/printer.hpp"
#include "script/show.hpp"
#include "script/vocabulary.hpp"
#include "sys/abi.hpp"

namespace pw::script {

namespace {

std::string sentence(const Error& error) {
  return error.message.empty() ? sys::errno_name(static_cast<int>(error.code)) : error.message;
}

// How often an access is done.
std::uint64_t times_of(const Step& step, const sys::Request& request) {
  switch (step.verb) {
    case Verb::Load:
      return request.args[2];
    case Verb::Store:
    case Verb::Fetch:
      return request.args[1];
    default:
      return 1;
  }
}

Result<std::uint64_t> located(Result<std::uint64_t> value, Place place) {
  if (value) return value;
  return stopped_at(place, sentence(value.error()));
}

bool holds(Comparison comparison, std::uint64_t a, std::uint64_t b) {
  switch (comparison) {
    case Comparison::Equal:
      return a == b;
    case Comparison::NotEqual:
      return a != b;
    case Comparison::Less:
      return a < b;
    case Comparison::LessEqual:
      return a <= b;
    case Comparison::Greater:
      return a > b;
    case Comparison::GreaterEqual:
      return a >= b;
  }
  return false;
}

bool is_loop(const Step& step) {
  return step.kind == Step::Kind::Repeat || step.kind == Step::Kind::For;
}

}  // namespace

Execution::Execution(const Program& program, Target& target, const RunLimits& limits,
                     const Output& output)
    : target_(target), limits_(limits), output_(output), names_(target, limits) {
  collect_marked(program.steps);
  Level all;
  all.steps = &program.steps;
  levels_.push_back(all);
  if (const Result<void> ready = settle(); !ready) report_.stopped = ready.error();
}

bool Execution::advance() {
  if (next_ == nullptr) return false;
  const Step& step = *next_;
  const std::uint64_t failed_before = report_.failed;
  Result<void> did = again_ ? count(step) : Result<void>{};
  if (did) did = again_ ? once(step) : one(step);
  last_.step = &step;
  last_.failed = report_.failed - failed_before;
  if (did && !again_) {
    ++levels_.back().at;
    did = settle();
  }
  if (!did) {
    report_.stopped = did.error();
    next_ = nullptr;
  }
  return true;
}

// Finds the step to be carried out next: out of lists that are done, into loops.
Result<void> Execution::settle() {
  next_ = nullptr;
  for (;;) {
    Level& top = levels_.back();
    if (top.at < top.steps->size()) {
      const Step& step = (*top.steps)[top.at];
      if (!is_loop(step)) {
        next_ = &step;
        return {};
      }
      PW_TRY(enter(step));
    } else if (top.loop == nullptr) {
      return {};
    } else if (top.turn == top.turns_end) {
      levels_.pop_back();
      ++levels_.back().at;
    } else {
      ++top.turn;
      PW_TRY(begin_turn(top));
    }
  }
}

Result<void> Execution::enter(const Step& loop) {
  const Result<std::uint64_t> first = names_.value_of(loop.first, loop.process);
  if (!first) return tl::unexpected(first.error());
  Level level;
  level.steps = &loop.body;
  level.loop = &loop;
  bool empty = *first == 0;
  level.turns_end = *first - 1;
  if (loop.kind == Step::Kind::For) {
    const Result<std::uint64_t> last = names_.value_of(loop.last, loop.process);
    if (!last) return tl::unexpected(last.error());
    level.turn = *first;
    level.turns_end = *last;
    empty = *first > *last;
  }
  if (empty) {
    ++levels_.back().at;
    return {};
  }
  levels_.push_back(level);
  return begin_turn(levels_.back());
}

Result<void> Execution::begin_turn(Level& level) {
  PW_TRY(count(*level.loop));
  if (level.loop->kind == Step::Kind::For) names_.set(level.loop->result, level.turn);
  level.at = 0;
  return {};
}

Result<void> Execution::one(const Step& step) {
  PW_TRY(count(step));
  last_ = {};
  switch (step.kind) {
    case Step::Kind::Process:
      return process(step);
    case Step::Kind::Let:
      return let(step);
    case Step::Kind::Do:
      return act(step);
    case Step::Kind::Expect:
      return expect(step);
    case Step::Kind::Mark:
      return mark();
    case Step::Kind::Show:
      return show(step);
    case Step::Kind::Repeat:
    case Step::Kind::For:
      break;
  }
  return {};
}

void Execution::collect_marked(const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    if (step.kind == Step::Kind::Expect && step.since_mark) marks_[{step.process, step.what}] = 0;
    collect_marked(step.body);
  }
}

Result<void> Execution::count(const Step& step) {
  if (++report_.steps > limits_.steps) {
    return stopped_at(step.place, "the script has done " + in_decimal(limits_.steps) +
                                      " steps, which is its limit ('steps')");
  }
  constexpr std::uint64_t kAskEvery = 16;
  if (limits_.interrupted && report_.steps % kAskEvery == 0) {
    const std::string why = limits_.interrupted();
    if (!why.empty()) return stopped_at(step.place, why);
  }
  return {};
}

Result<ProcessIndex> Execution::next_process(const Step& step) const {
  if (processes_ < limits_.processes) return static_cast<ProcessIndex>(processes_);
  return stopped_at(step.place, "the script has made " + in_decimal(limits_.processes) +
                                    " processes, which is its limit ('processes')");
}

Result<void> Execution::process(const Step& step) {
  const Result<ProcessIndex> index = next_process(step);
  if (!index) return tl::unexpected(index.error());
  const Result<void> made = target_.spawn(*index);
  if (!made) {
    return stopped_at(step.place,
                      "process " + step.process + " cannot be made: " + sentence(made.error()));
  }
  ++processes_;
  names_.set_process(step.process, *index);
  return {};
}

Result<void> Execution::let(const Step& step) {
  const Result<std::uint64_t> value = names_.value_of(step.first, step.process);
  if (!value) return tl::unexpected(value.error());
  names_.set(step.result, *value);
  return {};
}

Result<void> Execution::act(const Step& step) {
  const Result<ProcessIndex> who = names_.process_of(step.process, step.place);
  if (!who) return tl::unexpected(who.error());
  Result<sys::Request> request = names_.request_of(step);
  if (!request) return tl::unexpected(request.error());
  Again again;
  again.who = *who;
  if (verb_of(step.verb, step.call).reply == sys::ReplyKind::Process) {
    const Result<ProcessIndex> next = next_process(step);
    if (!next) return tl::unexpected(next.error());
    again.child = *next;
  }
  PW_TRY(may_run(step, *who));
  again.times = times_of(step, *request);
  again.request = std::move(*request);
  again_ = std::move(again);
  last_.process = *who;
  last_.address = VirtAddr(again_->request.args[0]);
  last_.length = step.verb == Verb::Load ? again_->request.args[1] : again_->request.text.size();
  return once(step);
}

// The access once, or the call; what is to be said of it once it is done for the last time.
Result<void> Execution::once(const Step& step) {
  const VerbEntry verb = verb_of(step.verb, step.call);
  const bool births = verb.reply == sys::ReplyKind::Process;
  const ProcessIndex who = again_->who, child = again_->child;
  last_.turn = again_->done;
  Outcome outcome;
  if (again_->times > 0) outcome = carry_out(step);
  if (!outcome.error.empty()) {
    again_.reset();
    return stopped_at(step.place, outcome.error);
  }
  if (!failed(outcome) && again_->done + 1 < again_->times) {
    ++again_->done;
    last_.outcome = std::move(outcome);
    return {};
  }
  const bool waits = births && !failed(outcome) &&
                     (step.call == sys::Call::Vfork ||
                      (step.call == sys::Call::Clone &&
                       (again_->request.args[0] & sys::kCloneVfork) != 0));
  again_.reset();
  note_end(step, who, outcome);
  if (births && !failed(outcome)) {
    ++processes_;
    if (waits) waiting_[who] = child;
  }
  // Before the comparison: `p = mmap ... => p` may name what it gave.
  if (births) {
    if (!step.result.empty() && !failed(outcome)) names_.set_process(step.result, child);
  } else if (!step.result.empty()) {
    names_.set(step.result, static_cast<std::uint64_t>(outcome.value));
  }
  const Result<void> compared = compare(step, verb.reply, outcome);
  last_.outcome = std::move(outcome);
  return compared;
}

Outcome Execution::carry_out(const Step& step) {
  const ProcessIndex who = again_->who;
  const sys::Request& request = again_->request;
  if (ended_.count(who) != 0) {
    Outcome gone;
    gone.value = -static_cast<std::int64_t>(Errno::NoProcess);
    return gone;
  }
  const VirtAddr address(request.args[0]);
  switch (step.verb) {
    case Verb::Load:
      return target_.load(who, address, request.args[1]);
    case Verb::Store:
      return target_.store(who, address, request.text);
    case Verb::Fetch:
      return target_.fetch(who, address);
    case Verb::SetPkru:
      return target_.set_pkru(who, static_cast<std::uint32_t>(request.args[0]));
    case Verb::Call:
      break;
  }
  return target_.call(who, request, again_->child);
}

Result<void> Execution::may_run(const Step& step, ProcessIndex who) const {
  if (waiting_.count(who) == 0) return {};
  return stopped_at(step.place, "process " + step.process +
                                    " waits for its vfork child, which must exec or exit first");
}

// After a step of `who`: it may have ended, or let go of its parent's memory.
void Execution::note_end(const Step& step, ProcessIndex who, const Outcome& outcome) {
  const bool call = step.verb == Verb::Call && !failed(outcome);
  const bool ended = outcome.signal == kSigKill || (call && step.call == sys::Call::Exit);
  if (ended) ended_.insert(who);
  if (!ended && !(call && step.call == sys::Call::Exec)) return;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    it = it->second == who ? waiting_.erase(it) : std::next(it);
  }
}

Result<void> Execution::compare(const Step& step, sys::ReplyKind reply, const Outcome& outcome) {
  if (step.expected.kind == Expectation::Kind::None) {
    if (failed(outcome)) {
      ++report_.noted;
      keep(report_.notes, step, {}, outcome_text(outcome, reply));
    }
    return {};
  }
  const Result<Expected> expected = names_.expected_of(step.expected, step.process);
  if (!expected) return tl::unexpected(expected.error());
  ++report_.checks;
  if (as_expected(*expected, outcome)) return {};
  ++report_.failed;
  keep(report_.failures, step, expected_text(*expected, reply),
       outcome_text(outcome, reply) + difference(*expected, outcome));
  return {};
}

void Execution::keep(std::vector<Finding>& findings, const Step& step, std::string expected,
                     std::string got) {
  if (findings.size() >= limits_.kept) return;
  findings.push_back({step.place, print(step), std::move(expected), std::move(got)});
}

// A counter's value now.
Result<std::uint64_t> Execution::counter(const std::string& process, const std::string& what,
                                         Place place) {
  Inspector* inside = target_.inspector();
  if (process.empty()) {
    return located(inside->counter(what), place);
  }
  const Result<ProcessIndex> index = names_.process_of(process, place);
  if (!index) return tl::unexpected(index.error());
  std::uint64_t value = 0;
  ProcessView faults_only;
  if (view_counter(what, faults_only, value)) {
    const bool faults = what == "minor" || what == "major";
    const Result<ProcessView> view = target_.look(*index, faults ? Detail::Maps : Detail::Smaps);
    if (!view) {
      return stopped_at(place, "process " + process + ": " + sentence(view.error()));
    }
    view_counter(what, *view, value);
    return value;
  }
  return located(inside->counter(*index, what), place);
}

// Whether this target has that counter.
bool Execution::has_counter(const std::string& process, const std::string& what) const {
  std::uint64_t value = 0;
  return target_.inspector() != nullptr ||
         (!process.empty() && view_counter(what, ProcessView{}, value));
}

Result<void> Execution::mark() {
  for (auto& [what, value] : marks_) {
    // A process that is not yet there has counted nothing.
    value = 0;
    if (!what.first.empty() && names_.processes().count(what.first) == 0) continue;
    if (!has_counter(what.first, what.second)) continue;
    const Result<std::uint64_t> now = counter(what.first, what.second, {});
    if (now) value = *now;
  }
  return {};
}

Result<void> Execution::expect(const Step& step) {
  if (!has_counter(step.process, step.what)) {
    ++report_.skipped;
    return {};
  }
  const Result<std::uint64_t> wanted = names_.value_of(step.first, step.process);
  if (!wanted) return tl::unexpected(wanted.error());
  Result<std::uint64_t> now = counter(step.process, step.what, step.place);
  if (!now) return tl::unexpected(now.error());
  if (step.since_mark) *now -= marks_[{step.process, step.what}];
  ++report_.checks;
  if (holds(step.comparison, *now, *wanted)) return {};
  ++report_.failed;
  const std::string plus = step.since_mark ? "+" : "";
  const std::string text = print(step);
  const std::size_t sign = text.find(step.what) + step.what.size() + 1;
  const std::string comparison = text.substr(sign, text.find(' ', sign) - sign);
  keep(report_.failures, step,
       (comparison == "=" ? "" : comparison + ' ') + plus + in_decimal(*wanted),
       plus + in_decimal(*now));
  return {};
}

Result<void> Execution::show(const Step& step) {
  Result<std::string> text = shown(step);
  if (!text) return tl::unexpected(text.error());
  written_ += text->size();
  if (written_ > limits_.shown) {
    return stopped_at(step.place, "the script has shown " + in_decimal(limits_.shown) +
                                      " bytes, which is its limit ('shown')");
  }
  if (output_) output_(*text);
  return {};
}

Result<std::string> Execution::shown(const Step& step) {
  ProcessIndex process = 0;
  if (!step.process.empty()) {
    const Result<ProcessIndex> index = names_.process_of(step.process, step.place);
    if (!index) return tl::unexpected(index.error());
    process = *index;
  }
  const std::string title = "--- " + print(step).substr(5) + '\n';
  if (step.what == "maps" || step.what == "smaps" || step.what == "status") {
    const Result<ProcessView> view = target_.look(
        process, step.what == "maps" ? Detail::Maps : Detail::Smaps);
    if (!view)
      return stopped_at(step.place, "process " + step.process + ": " + sentence(view.error()));
    return title + view_text(step.what, *view);
  }
  Inspector* inside = target_.inspector();
  if (inside == nullptr) return title + "only the simulated machine can show this\n";
  const Result<std::uint64_t> at = names_.value_of(step.first, step.process);
  if (!at) return tl::unexpected(at.error());
  Result<std::string> text = inside->show(step.what, process, VirtAddr(*at));
  if (!text) return stopped_at(step.place, sentence(text.error()));
  return title + *text;
}

}  // namespace pw::script
