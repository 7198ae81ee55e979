// Any bytes as a trace whose format its content tells, compressed ones too.
#include "trace_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pw::analysis::fuzzing::read_as("", data, size);
  return 0;
}
