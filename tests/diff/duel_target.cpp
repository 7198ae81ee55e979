#include "diff/duel_target.hpp"

#include <algorithm>

namespace pw::diff {

namespace {

using script::Outcome;
using script::ProcessIndex;
using Kind = DuelStep::Kind;

class Both final : public script::Target {
 public:
  explicit Both(Duel& duel) : duel_(&duel) { duel.begin(); }

  // The duel begins with process 0.
  Result<void> spawn(ProcessIndex process) override {
    if (process == 0) return {};
    const Outcome outcome = play(step_of(Kind::Spawn, process, {}));
    if (outcome.error.empty()) return {};
    return fail(Errno::Invalid, outcome.error);
  }

  Outcome call(ProcessIndex process, const sys::Request& request, ProcessIndex child) override {
    DuelStep step = step_of(Kind::Call, process, {});
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

  Outcome load(ProcessIndex process, VirtAddr from, std::uint64_t count) override {
    DuelStep step = step_of(Kind::Load, process, from);
    step.count = count;
    return play(step);
  }

  Outcome store(ProcessIndex process, VirtAddr to, std::string_view bytes) override {
    DuelStep step = step_of(Kind::Store, process, to);
    step.bytes = bytes;
    return play(step);
  }

  Outcome fetch(ProcessIndex process, VirtAddr from) override {
    return play(step_of(Kind::Fetch, process, from));
  }

  Outcome set_pkru(ProcessIndex, std::uint32_t) override {
    Outcome outcome;
    outcome.error = "a duel has no step for PKRU";
    return outcome;
  }

  Result<script::Layout> layout(ProcessIndex) override { return duel_->layout(); }

  Result<script::ProcessView> look(ProcessIndex process, script::Detail detail) override {
    return duel_->host().look(process, detail);
  }

 private:
  static DuelStep step_of(Kind kind, ProcessIndex who, VirtAddr address) {
    DuelStep step;
    step.kind = kind;
    step.who = who;
    step.address = address;
    return step;
  }

  Outcome play(const DuelStep& step) {
    std::optional<std::string> mismatch = duel_->play(step);
    if (!mismatch) mismatch = duel_->compare_all();
    Outcome answer = duel_->answer();
    if (mismatch) answer.error = "differs: " + *mismatch;
    return answer;
  }

  Duel* duel_;
};

}  // namespace

std::unique_ptr<script::Target> target_of(Duel& duel) { return std::make_unique<Both>(duel); }

}  // namespace pw::diff
