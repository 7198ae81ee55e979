// pagewright replay REC --truth FILE: predicts under the conditions of a measurement that was saved
// by check, and compares. Needs no root.
#pragma once

#include <string>

#include "tools/predictor.hpp"

namespace pw::tools {

struct TruthReplay {
  std::string recording, truth, costs, output;
  bool json = false, force = false;
};

// The exit status: 1 if a prediction is beyond its bar.
int replay_truth(const TruthReplay& asked, const Predictor& predict);

}  // namespace pw::tools
