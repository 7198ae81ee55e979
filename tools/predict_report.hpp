// What `pagewright predict` shows, as text and as JSON (schema pagewright.predict/1,
// data/predict.schema.json).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "predict/forecast.hpp"
#include "report/text.hpp"

namespace pw::tools {

struct PredictReport {
  std::vector<std::string> command;
  std::string recording;           // its path
  predict::Conditions conditions;  // but for the limit
  predict::Forecasts forecasts;
  std::optional<predict::Forecasts> mglru;  // the same with the multi-generational LRU, if asked
                                            // for beside
  std::optional<predict::Forecasts> other;  // of a second recording of the same program
  std::string costs;                        // which they are
  std::vector<std::string> notes;
};

std::string predict_text(const PredictReport& report, const report::TextStyle& style);
std::string predict_json(const PredictReport& report);

// By how much the figures of two recordings differ at most, as a part of the greater one, among
// those that are worth comparing; and which figure that is.
struct Difference {
  double part = 0;
  std::string where;
};
Difference largest_difference(const predict::Forecasts& a, const predict::Forecasts& b);

// ", files read ahead by up to 8 MiB", where that is not what the kernel does by itself.
std::string readahead_text(const predict::Conditions& conditions);

}  // namespace pw::tools
