// The simulated machine against the running kernel: the same steps on both, everything compared
// that a program or its observer can see.
//
// After each step: the answer (value, errno, bytes, signal with code and address), the areas of the
// process that made it with the exact fields of smaps, and its minor faults; from time to time and
// at the end the same of every process.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "diff/duel_step.hpp"
#include "ports/host/host_target.hpp"
#include "script/sim_target.hpp"

namespace pw::diff {

class Duel {
 public:
  // Null if the host cannot; `why` then says it. `huge`: with transparent huge pages for areas that
  // MADV_HUGEPAGE names.
  static std::unique_ptr<Duel> create(std::string& why, bool huge = false);
  bool huge() const { return huge_; }

  // Both worlds anew, with process 0.
  void begin();
  // What differs after the step; nothing if all agrees. A step that the host target refuses is left
  // out on both sides.
  std::optional<std::string> play(const DuelStep& step);
  // Compares all processes.
  std::optional<std::string> compare_all();
  // The host's answer to the last step.
  const script::Outcome& answer() const { return answer_; }
  // What the machine says of a process: for whoever chooses the next step.
  const script::ProcessView& view(script::ProcessIndex process);
  const std::set<script::ProcessIndex>& running() const { return running_; }
  const script::Layout& layout() const { return layout_; }
  script::Target& host() { return *host_; }
  // The host's ids of System V segments, by the machine's.
  const std::vector<std::uint64_t>& segments() const { return segments_; }

 private:
  Duel(std::unique_ptr<host::HostTarget> host, bool huge) : host_(std::move(host)), huge_(huge) {}
  std::optional<std::string> compare(script::ProcessIndex process);
  script::Outcome carry_out(script::Target& target, const DuelStep& step);
  void warm_files(sys::Call after);
  std::optional<std::string> follow(const DuelStep& step, const script::Outcome& ours);

  std::unique_ptr<host::HostTarget> host_;
  bool huge_;
  std::unique_ptr<script::SimTarget> sim_;
  script::Layout layout_;
  script::Outcome answer_;
  script::ProcessView view_;
  std::set<script::ProcessIndex> running_;
  std::set<script::ProcessIndex> waiting_;  // parents whose vfork child runs: not to be asked
  std::vector<std::uint64_t> segments_;
  bool read_by_others_ = false;  // some process read another's memory
  std::vector<std::pair<script::ProcessIndex, script::ProcessIndex>> vforks_;  // child, parent
};

// How often khugepaged has collapsed pages or ended a round, of all processes: what it does between
// two steps is no answer to them.
std::uint64_t khugepaged_visits();

// Plays a whole list in fresh worlds; what differs first, and after how many steps. A mismatch
// while khugepaged came along says nothing: then the list is played again, up to a number of times.
struct Verdict {
  std::optional<std::string> mismatch;
  std::size_t played = 0;
  std::vector<script::Outcome> answers;  // the host's
};
Verdict play_all(Duel& duel, const std::vector<DuelStep>& steps);

// Leaves out what the mismatch does not need.
std::vector<DuelStep> shrink(Duel& duel, std::vector<DuelStep> steps);

}  // namespace pw::diff
