#include "tools/predictor.hpp"

#include "predict/predict.hpp"
#include "replay/replay.hpp"

namespace pw::tools {

Predictor predictor() {
  return [](const record::Recording& recording, const predict::Conditions& conditions,
            const predict::Costs& costs) -> Result<predict::Outcome> {
    MachineConfig base;
    base.contents = Contents::MetadataOnly;
    MachineConfig config = predict::machine_for(conditions, base);
    predict::apply(costs, conditions.swap, config);
    const Result<replay::ReplayResult> result = replay::replay(recording, config);
    if (!result) return tl::unexpected(result.error());
    return predict::outcome_of(*result);
  };
}

}  // namespace pw::tools
