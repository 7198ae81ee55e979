// How much of the host's memory this process holds, for tests that prove that something costs
// little.
#pragma once

#include <cstdint>
#include <cstdio>

#include "base/check.hpp"
#include "base/units.hpp"

namespace pw::test {

// From /proc/self/statm (proc(5)), in bytes.
inline std::uint64_t resident_bytes_of_this_process() {
  unsigned long long size = 0;
  unsigned long long resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  PW_CHECK(file != nullptr && std::fscanf(file, "%llu %llu", &size, &resident) == 2);
  std::fclose(file);
  return resident * kPageSize;
}

}  // namespace pw::test
