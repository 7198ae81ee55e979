// Runs a program for real, as it is predicted: ASLR and transparent huge pages off, a small fixed
// environment; and counts what it takes from its execve on, children included.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pw::truth {

struct RealCounts {
  long minor = 0, major = 0;
  long peak_kib = 0;
  int status = 0;  // of wait(2)
};

struct RealRun {
  std::vector<std::string> command;  // a path, arguments
  std::string folder;                // the working directory
  std::string output;                // file for standard output
};

// The same for real runs and recorded ones.
const std::vector<std::string>& environment();

// Nothing if it could not be started.
std::optional<RealCounts> run_for_real(const RealRun& run);

// Why runs for real say nothing here; empty if they do.
std::string why_not_here();

}  // namespace pw::truth
