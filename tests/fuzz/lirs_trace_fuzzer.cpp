// Any bytes as LIRS text.
#include "trace_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pw::analysis::fuzzing::read_as("lirs", data, size);
  return 0;
}
