// Any bytes as the output of lackey.
#include "trace_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pw::analysis::fuzzing::read_as("lackey", data, size);
  pw::analysis::fuzzing::read_as("lackey:instructions=no", data, size);
  return 0;
}
