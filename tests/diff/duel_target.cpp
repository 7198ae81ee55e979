#include "diff/duel_target.hpp"

#include <algorithm>

namespace pw::diff {

using script::Outcome;
using script::ProcessIndex;

Outcome DuelTarget::play(const DuelStep& step) {
  std::optional<std::string> mismatch = duel_->play(step);
  if (!mismatch) mismatch = duel_->compare_all();
  Outcome answer = duel_->answer();
  if (mismatch) answer.error = "differs: " + *mismatch;
  return answer;
}

// The duel begins with process 0.
Result<void> DuelTarget::spawn(ProcessIndex process) {
  if (process == 0) return {};
  DuelStep step;
  step.kind = DuelStep::Kind::Spawn;
  step.who = process;
  const Outcome outcome = play(step);
  if (outcome.error.empty()) return {};
  return fail(Errno::Invalid, outcome.error);
}

Outcome DuelTarget::call(ProcessIndex process, const sys::Request& request, ProcessIndex child) {
  DuelStep step;
  step.who = process;
  step.child = child;
  step.request = request;
  if (request.call == sys::Call::Shmat || request.call == sys::Call::Shmctl) {
    // The script has the host's id of a segment, steps have the machine's.
    const std::vector<std::uint64_t>& ids = duel_->segments();
    const auto known = std::find(ids.begin(), ids.end(), request.args[0]);
    step.request.args[0] = static_cast<std::uint64_t>(known - ids.begin());
  }
  return play(step);
}

Outcome DuelTarget::load(ProcessIndex process, VirtAddr address, std::uint64_t count) {
  DuelStep step;
  step.kind = DuelStep::Kind::Load;
  step.who = process;
  step.address = address;
  step.count = count;
  return play(step);
}

Outcome DuelTarget::store(ProcessIndex process, VirtAddr address, std::string_view bytes) {
  DuelStep step;
  step.kind = DuelStep::Kind::Store;
  step.who = process;
  step.address = address;
  step.bytes = bytes;
  return play(step);
}

Outcome DuelTarget::fetch(ProcessIndex process, VirtAddr address) {
  DuelStep step;
  step.kind = DuelStep::Kind::Fetch;
  step.who = process;
  step.address = address;
  return play(step);
}

Outcome DuelTarget::set_pkru(ProcessIndex, std::uint32_t) {
  Outcome outcome;
  outcome.error = "a duel has no step for PKRU";
  return outcome;
}

Result<script::Layout> DuelTarget::layout(ProcessIndex) { return duel_->layout(); }

Result<script::ProcessView> DuelTarget::look(ProcessIndex process, script::Detail detail) {
  return duel_->host().look(process, detail);
}

}  // namespace pw::diff
