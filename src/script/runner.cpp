#include "script/runner.hpp"

#include <iterator>
#include <map>
#include <set>

#include "script/counters.hpp"
#include "script/diagnostic.hpp"
#include "script/evaluate.hpp"
#include "script/printer.hpp"
#include "script/show.hpp"
#include "script/vocabulary.hpp"
#include "sys/abi.hpp"

namespace pw::script {

namespace {

class Runner {
 public:
  Runner(Target& target, const RunLimits& limits, const Output& output)
      : target_(target), limits_(limits), output_(output), names_(target, limits) {}

  RunReport run(const Program& program) {
    collect_marked(program.steps);
    const Result<void> done = all(program.steps);
    if (!done) report_.stopped = done.error();
    return std::move(report_);
  }

 private:
  // A counter that some step compares with its value at the last mark.
  using Marked = std::pair<std::string, std::string>;  // process or "", counter

  void collect_marked(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      if (step.kind == Step::Kind::Expect && step.since_mark) marks_[{step.process, step.what}] = 0;
      collect_marked(step.body);
    }
  }

  Result<void> all(const std::vector<Step>& steps) {
    for (const Step& step : steps) PW_TRY(one(step));
    return {};
  }

  Result<void> count(const Step& step) {
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

  Result<void> one(const Step& step) {
    if (step.kind != Step::Kind::Repeat && step.kind != Step::Kind::For) PW_TRY(count(step));
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
        return repeat(step);
      case Step::Kind::For:
        return for_each(step);
    }
    return {};
  }

  Result<ProcessIndex> next_process(const Step& step) const {
    if (processes_ < limits_.processes) return static_cast<ProcessIndex>(processes_);
    return stopped_at(step.place, "the script has made " + in_decimal(limits_.processes) +
                                      " processes, which is its limit ('processes')");
  }

  Result<void> process(const Step& step) {
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

  static std::string sentence(const Error& error) {
    return error.message.empty() ? sys::errno_name(static_cast<int>(error.code)) : error.message;
  }

  Result<void> let(const Step& step) {
    const Result<std::uint64_t> value = names_.value_of(step.first, step.process);
    if (!value) return tl::unexpected(value.error());
    names_.set(step.result, *value);
    return {};
  }

  Result<void> act(const Step& step) {
    const Result<ProcessIndex> who = names_.process_of(step.process, step.place);
    if (!who) return tl::unexpected(who.error());
    const Result<sys::Request> request = names_.request_of(step);
    if (!request) return tl::unexpected(request.error());
    const VerbEntry verb = verb_of(step.verb, step.call);
    const bool births = verb.reply == sys::ReplyKind::Process;
    ProcessIndex child = 0;
    if (births) {
      const Result<ProcessIndex> next = next_process(step);
      if (!next) return tl::unexpected(next.error());
      child = *next;
    }
    PW_TRY(may_run(step, *who));
    const std::uint64_t times = times_of(step, *request);
    Outcome outcome;
    for (std::uint64_t i = 0; i < times && !failed(outcome); ++i) {
      if (i > 0) PW_TRY(count(step));
      outcome = carry_out(step, *who, *request, child);
      if (!outcome.error.empty()) return stopped_at(step.place, outcome.error);
    }
    note_end(step, *who, outcome);
    if (births && !failed(outcome)) {
      ++processes_;
      const bool waits = step.call == sys::Call::Vfork ||
                         (step.call == sys::Call::Clone &&
                          (request->args[0] & sys::kCloneVfork) != 0);
      if (waits) waiting_[*who] = child;
    }
    // Before the comparison: `p = mmap ... => p` may name what it gave.
    if (births) {
      if (!step.result.empty() && !failed(outcome)) names_.set_process(step.result, child);
    } else if (!step.result.empty()) {
      names_.set(step.result, static_cast<std::uint64_t>(outcome.value));
    }
    return compare(step, verb.reply, outcome);
  }

  // How often an access is done.
  static std::uint64_t times_of(const Step& step, const sys::Request& request) {
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

  Result<void> may_run(const Step& step, ProcessIndex who) const {
    if (waiting_.count(who) == 0) return {};
    return stopped_at(step.place, "process " + step.process +
                                      " waits for its vfork child, which must exec or exit first");
  }

  // After a step of `who`: it may have ended, or let go of its parent's memory.
  void note_end(const Step& step, ProcessIndex who, const Outcome& outcome) {
    const bool call = step.verb == Verb::Call && !failed(outcome);
    const bool ended = outcome.signal == kSigKill || (call && step.call == sys::Call::Exit);
    if (ended) ended_.insert(who);
    if (!ended && !(call && step.call == sys::Call::Exec)) return;
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      it = it->second == who ? waiting_.erase(it) : std::next(it);
    }
  }

  Outcome carry_out(const Step& step, ProcessIndex who, const sys::Request& request,
                    ProcessIndex child) {
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
    return target_.call(who, request, child);
  }

  Result<void> compare(const Step& step, sys::ReplyKind reply, const Outcome& outcome) {
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

  void keep(std::vector<Finding>& findings, const Step& step, std::string expected,
            std::string got) {
    if (findings.size() >= limits_.kept) return;
    findings.push_back({step.place, print(step), std::move(expected), std::move(got)});
  }

  // A counter's value now.
  Result<std::uint64_t> counter(const std::string& process, const std::string& what, Place place) {
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
  bool has_counter(const std::string& process, const std::string& what) const {
    std::uint64_t value = 0;
    return target_.inspector() != nullptr ||
           (!process.empty() && view_counter(what, ProcessView{}, value));
  }

  static Result<std::uint64_t> located(Result<std::uint64_t> value, Place place) {
    if (value) return value;
    return stopped_at(place, sentence(value.error()));
  }

  Result<void> mark() {
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

  static bool holds(Comparison comparison, std::uint64_t a, std::uint64_t b) {
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

  Result<void> expect(const Step& step) {
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

  Result<void> show(const Step& step) {
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

  Result<std::string> shown(const Step& step) {
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

  Result<void> repeat(const Step& step) {
    const Result<std::uint64_t> times = names_.value_of(step.first, step.process);
    if (!times) return tl::unexpected(times.error());
    for (std::uint64_t i = 0; i < *times; ++i) {
      PW_TRY(count(step));
      PW_TRY(all(step.body));
    }
    return {};
  }

  Result<void> for_each(const Step& step) {
    const Result<std::uint64_t> first = names_.value_of(step.first, step.process);
    const Result<std::uint64_t> last = names_.value_of(step.last, step.process);
    if (!first) return tl::unexpected(first.error());
    if (!last) return tl::unexpected(last.error());
    for (std::uint64_t i = *first; i <= *last; ++i) {
      PW_TRY(count(step));
      names_.set(step.result, i);
      PW_TRY(all(step.body));
      if (i == *last) break;  // the last number of all has none behind it
    }
    return {};
  }

  Target& target_;
  const RunLimits& limits_;
  const Output& output_;
  Environment names_;
  RunReport report_;
  std::map<Marked, std::uint64_t> marks_;
  std::uint64_t processes_ = 0;
  std::map<ProcessIndex, ProcessIndex> waiting_;  // parent -> its vfork child
  std::set<ProcessIndex> ended_;
  std::size_t written_ = 0;
};

std::string plural(std::uint64_t n, const std::string& what) {
  return in_decimal(n) + ' ' + what + (n == 1 ? "" : "s");
}

void add_finding(const Finding& finding, std::string& text) {
  text += "line " + in_decimal(finding.place.line) + ": " + finding.step + '\n';
  if (!finding.expected.empty()) text += "  expected " + finding.expected + '\n';
  text += "  got      " + finding.got + '\n';
}

}  // namespace

RunReport run(const Program& program, Target& target, const RunLimits& limits,
              const Output& output) {
  return Runner(target, limits, output).run(program);
}

std::string summary(const RunReport& report) {
  std::string text;
  for (const Finding& finding : report.failures) add_finding(finding, text);
  if (report.failed > report.failures.size()) {
    text += "... and " + plural(report.failed - report.failures.size(), "failed check") + " more\n";
  }
  if (report.stopped) text += report.stopped->message + '\n';
  text += plural(report.steps, "step") + ", " + plural(report.checks, "check");
  if (report.checks > 0) {
    const std::string good = report.stopped ? ", none failed" : ", all as expected";
    text += report.failed == 0 ? good : ", " + in_decimal(report.failed) + " failed";
  }
  if (report.skipped > 0) {
    text += ", " + in_decimal(report.skipped) + " skipped that only the simulated machine can make";
  }
  text += '\n';
  if (report.noted > 0) {
    text += plural(report.noted, "step") + " failed that no check was about, the first:\n";
    add_finding(report.notes.front(), text);
  }
  return text;
}

}  // namespace pw::script
