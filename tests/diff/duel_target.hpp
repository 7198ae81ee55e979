// A script's target that is both at once: each step is carried out by the machine and by the
// running kernel, and everything that can be seen of all processes is compared after it (duel.hpp).
//
// Answers are the kernel's. A difference ends the script with an error that says what differs.
#pragma once

#include "diff/duel.hpp"

namespace pw::diff {

// Begins the duel, which is the caller's and must outlive the target.
std::unique_ptr<script::Target> target_of(Duel& duel);

}  // namespace pw::diff
