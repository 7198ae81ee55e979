// Any bytes as an oracleGeneral trace, with and without the check of the next references.
#include "trace_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pw::analysis::fuzzing::read_as("oracle", data, size);
  pw::analysis::fuzzing::read_as("oracle:next=ignore", data, size);
  return 0;
}
