// --truth FILE of replay and report: predicts under the conditions of a measurement that was saved
// by check, and compares. Needs no root.
#pragma once

#include <string>

#include "report/report.hpp"
#include "tools/predictor.hpp"

namespace pw::tools {

struct TruthReplay {
  std::string recording, truth, costs, output;
  bool json = false, force = false;
};

// The comparison, for a report. Errors: of files that are not there or not what they should be.
Result<report::Checked> check_with(const TruthReplay& asked, const Predictor& predict);

// replay: nothing but that. The exit status: 1 if a prediction is beyond its bar.
int replay_truth(const TruthReplay& asked, const Predictor& predict);

}  // namespace pw::tools
