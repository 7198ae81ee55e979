// pagewright report REC: the full report, with the memory that the program needs.
#include "tools/show_replays.hpp"

namespace pw::tools {

void add_report(CLI::App& app, Call& call) {
  add_replay_verb(app, call,
                  {"report", "the full report on a recording, with the memory it needs",
                   "Examples:\n"
                   "  pagewright report sort.pwrec\n"
                   "  pagewright report sort.pwrec --html sort.html\n"
                   "  pagewright report sort.pwrec --perfetto sort.pftrace\n"
                   "  pagewright report sort.pwrec --folded sort.folded --folded-of bytes\n"
                   "  pagewright report sort.pwrec --what-if ram=50%,ram=25%,ram=25%+policy=lru\n"
                   "  pagewright report sort.pwrec --truth sort.truth.json --html sort.html\n"
                   "  pagewright report sort.pwrec --json -o sort.json",
                   true});
}

}  // namespace pw::tools
