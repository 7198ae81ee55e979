// Any bytes as plain text.
#include "trace_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pw::analysis::fuzzing::read_as("plain", data, size);
  return 0;
}
