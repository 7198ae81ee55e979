// What the verbs replay and report share: a recording in, what machines do with it out.
#pragma once

#include "tools/verbs.hpp"

namespace pw::tools {

struct ReplayVerb {
  const char* name;
  const char* what;  // its line in the help
  const char* examples;
  bool curves;  // with fault counts by size of RAM
};

void add_replay_verb(CLI::App& app, Call& call, const ReplayVerb& about);

}  // namespace pw::tools
