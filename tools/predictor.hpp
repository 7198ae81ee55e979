// The prediction, as check and replay --truth call it; tests put another in its place.
#pragma once

#include <functional>

#include "predict/costs.hpp"
#include "predict/outcome.hpp"
#include "record/recording.hpp"

namespace pw::tools {

using Predictor = std::function<Result<predict::Outcome>(
    const record::Recording&, const predict::Conditions&, const predict::Costs&)>;

Predictor predictor();

}  // namespace pw::tools
