// pagewright replay REC: what one machine, or several, do with a recording.
#include "tools/show_replays.hpp"

namespace pw::tools {

void add_replay(CLI::App& app, Call& call) {
  add_replay_verb(app, call,
                  {"replay", "what machines do with a recording",
                   "Examples:\n"
                   "  pagewright replay sort.pwrec --ram 50%\n"
                   "  pagewright replay sort.pwrec --ram 64M --swap-device nvme --policy lru\n"
                   "  pagewright replay sort.pwrec --tlb l1d=16x4,l2=128x12 --no-pcid --json",
                   false});
}

}  // namespace pw::tools
