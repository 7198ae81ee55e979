// Any bytes as columns: their guess, and one that is told.
#include "trace_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pw::analysis::fuzzing::read_as("csv", data, size);
  pw::analysis::fuzzing::read_as("csv:id=2", data, size);
  return 0;
}
