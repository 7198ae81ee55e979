// pagewright explore --live: the explorer page follows a script or a recording while it is carried
// out in this process.
#pragma once

#include <string>

#include "tools/machine_flags.hpp"

namespace CLI {
class App;
}

namespace pw::tools {

struct LiveFlags {
  std::string input;  // of the verb
  bool no_open = false;
  int port = 0;
  double speed = -1;  // steps per second; 0: all it can do; -1: by what is followed
  bool paused = false;
  MachineFlags machine;  // of a recording
  bool has_machine() const {
    return !machine.settings.empty() || !machine.tlb.empty() || machine.no_pcid;
  }
  bool given() const { return port != 0 || speed >= 0 || paused || has_machine(); }
};

// `flags` must outlive the parsing.
void add_live_flags(CLI::App& verb, LiveFlags& flags);

// Serves until SIGINT, SIGTERM or SIGHUP. The exit status.
int explore_live(const LiveFlags& flags);

}  // namespace pw::tools
