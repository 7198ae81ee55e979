// A program being carried out on a target, one step at a time: what run() (runner.hpp) does from
// beginning to end, for whoever wants to look at the target between two steps.
//
// Program, target, limits and output must outlive it. A step here is what a person would call one:
// an access with times=100 is a hundred, the head of a loop is none. Deterministic as the target
// is: the n-th step of a program is always the same one.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "script/evaluate.hpp"
#include "script/runner.hpp"

namespace pw::script {

class Execution {
 public:
  // What the step carried out last did.
  struct Last {
    const Step* step = nullptr;
    ProcessIndex process = 0;  // Do: who
    VirtAddr address;          // Do: the first argument, an address where the verb takes one
    std::uint64_t length = 0;  // of a load or store, bytes
    std::uint64_t turn = 0;    // of an access done several times, from 0
    Outcome outcome;           // Do
    std::uint64_t failed = 0;  // checks that failed in it
  };

  Execution(const Program& program, Target& target, const RunLimits& limits, const Output& output);

  // The step that advance() would carry out; null: none is left, or the run was stopped.
  const Step* next() const { return next_; }
  // False: there was none.
  bool advance();

  const Last& last() const { return last_; }
  const RunReport& report() const { return report_; }
  RunReport take_report() { return std::move(report_); }
  const Environment& names() const { return names_; }
  Environment& names() { return names_; }

 private:
  // A counter that some step compares with its value at the last mark.
  using Marked = std::pair<std::string, std::string>;  // process or "", counter
  // A list of steps that is being gone through: the program's, or a loop's body.
  struct Level {
    const std::vector<Step>* steps = nullptr;
    std::size_t at = 0;
    const Step* loop = nullptr;             // null: the program's
    std::uint64_t turn = 0, turns_end = 0;  // the turn that goes on, and the last one
  };
  // An access that is done several times.
  struct Again {
    sys::Request request;
    ProcessIndex who = 0, child = 0;
    std::uint64_t done = 0, times = 1;
  };

  void collect_marked(const std::vector<Step>& steps);
  Result<void> count(const Step& step);
  Result<void> settle();
  Result<void> enter(const Step& loop);
  Result<void> begin_turn(Level& level);
  Result<void> one(const Step& step);
  Result<ProcessIndex> next_process(const Step& step) const;
  Result<void> process(const Step& step);
  Result<void> let(const Step& step);
  Result<void> act(const Step& step);
  Result<void> once(const Step& step);
  Result<void> may_run(const Step& step, ProcessIndex who) const;
  void note_end(const Step& step, ProcessIndex who, const Outcome& outcome);
  Outcome carry_out(const Step& step);
  Result<void> compare(const Step& step, sys::ReplyKind reply, const Outcome& outcome);
  void keep(std::vector<Finding>& findings, const Step& step, std::string expected,
            std::string got);
  Result<std::uint64_t> counter(const std::string& process, const std::string& what, Place place);
  bool has_counter(const std::string& process, const std::string& what) const;
  Result<void> mark();
  Result<void> expect(const Step& step);
  Result<void> show(const Step& step);
  Result<std::string> shown(const Step& step);

  Target& target_;
  const RunLimits& limits_;
  const Output& output_;
  Environment names_;
  RunReport report_;
  Last last_;
  std::vector<Level> levels_;
  const Step* next_ = nullptr;
  std::optional<Again> again_;
  std::map<Marked, std::uint64_t> marks_;
  std::uint64_t processes_ = 0;
  std::map<ProcessIndex, ProcessIndex> waiting_;  // parent -> its vfork child
  std::set<ProcessIndex> ended_;
  std::size_t written_ = 0;
};

}  // namespace pw::script
