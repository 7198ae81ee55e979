// A script's target that is both at once: each step is carried out by the machine and by the
// running kernel, and everything that can be seen of all processes is compared after it (duel.hpp).
//
// Answers are the kernel's. A difference ends the script with an error that says what differs. Owns
// nothing but the numbers of the processes; the Duel is the caller's.
#pragma once

#include "diff/duel.hpp"

namespace pw::diff {

class DuelTarget : public script::Target {
 public:
  explicit DuelTarget(Duel& duel) : duel_(&duel) { duel.begin(); }

  Result<void> spawn(script::ProcessIndex process) override;
  script::Outcome call(script::ProcessIndex process, const sys::Request& request,
                       script::ProcessIndex child) override;
  script::Outcome load(script::ProcessIndex process, VirtAddr address,
                       std::uint64_t count) override;
  script::Outcome store(script::ProcessIndex process, VirtAddr address,
                        std::string_view bytes) override;
  script::Outcome fetch(script::ProcessIndex process, VirtAddr address) override;
  // Steps of a duel have no PKRU: not carried out.
  script::Outcome set_pkru(script::ProcessIndex process, std::uint32_t value) override;
  Result<script::Layout> layout(script::ProcessIndex process) override;
  Result<script::ProcessView> look(script::ProcessIndex process, script::Detail detail) override;

 private:
  script::Outcome play(const DuelStep& step);

  Duel* duel_;
};

}  // namespace pw::diff
