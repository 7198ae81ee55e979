// What this host offers to Pagewright, tried out rather than guessed. Owned by doctor.
#pragma once

#include <string>
#include <vector>

namespace pw::tools {

struct HostCheck {
  std::string name;
  bool ok = false;
  std::string found;   // what is there, or what failed
  std::string serves;  // what it is good for
  std::string enable;  // how to get it; empty if ok
};

std::vector<HostCheck> check_host();

}  // namespace pw::tools
