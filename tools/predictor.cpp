#include "tools/predictor.hpp"

#include "predict/predict.hpp"

namespace pw::tools {

Predictor predictor() { return predict::predict; }

}  // namespace pw::tools
