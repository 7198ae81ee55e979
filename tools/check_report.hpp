// What `pagewright check` and `replay --truth` show: prediction beside measurement, as text and as
// JSON (schema pagewright.check/1, data/check.schema.json).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "predict/truth_file.hpp"
#include "report/text.hpp"

namespace pw::tools {

struct CheckReport {
  predict::Truth truth;
  std::vector<predict::Outcome> predicted;  // one for each row; empty: nothing was predicted
  std::string costs;                        // which costs the prediction went by
  std::vector<std::string> notes;           // beside those of the truth
};

std::string check_text(const CheckReport& report, const report::TextStyle& style);
std::string check_json(const CheckReport& report);
bool within_bars(const CheckReport& report);  // true if nothing was predicted

}  // namespace pw::tools
