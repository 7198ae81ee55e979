// The options of run, replay and report that say which machines to replay on.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "tools/options.hpp"

namespace CLI {
class App;
}

namespace pw::tools {

struct MachineFlags {
  std::vector<std::pair<std::string, std::string>> settings;  // in the order given
  std::string tlb;
  std::string what_if;
  bool no_pcid = false;
};

struct Machines {
  MachineRequest base;
  std::vector<WhatIf> what_if;
};

// `flags` must outlive the parsing.
void add_machine_flags(CLI::App& verb, MachineFlags& flags, bool with_what_if);

Result<Machines> machines(const MachineFlags& flags);

}  // namespace pw::tools
