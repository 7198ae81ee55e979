// What `pagewright check` and `replay --truth` show: prediction beside measurement, as text and as
// JSON (schema pagewright.check/1, data/check.schema.json).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "predict/forecast.hpp"
#include "predict/truth_file.hpp"
#include "report/text.hpp"
#include "tools/predictor.hpp"

namespace pw::tools {

struct CheckReport {
  predict::Truth truth;
  std::vector<predict::Outcome> predicted;   // one for each row; empty: nothing was predicted
  std::string costs;                         // which costs the prediction went by
  std::vector<std::string> notes;            // beside those of the truth
  std::vector<predict::Slowdown> slowdowns;  // predicted, one for each row
  Ageing ageing = Ageing::Lists;             // of the machine that predicted
};

// Predicts each row of the truth under its conditions, but with that ageing. Errors: those of the
// replay.
Result<void> predict_rows(CheckReport& report, const record::Recording& recording,
                          const predict::Costs& costs, const Predictor& predict);

std::string check_text(const CheckReport& report, const report::TextStyle& style);
std::string check_json(const CheckReport& report);
bool within_bars(const CheckReport& report);  // true if nothing was predicted

}  // namespace pw::tools
