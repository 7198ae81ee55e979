// A machine's views as files, in the places where /proc has them: FOLDER/PID/maps, FOLDER/meminfo.
#pragma once

#include <string>

#include "base/result.hpp"

namespace pw {
class Machine;
}

namespace pw::tools {

// Writes the views of the machine and of each of its processes into `folder`, which is new or
// empty. With `force` it may hold other things: files and process folders that the views have are
// replaced, folders of processes that are no more go, the rest stays. All files are written in a
// temporary folder first, and moved when they are complete.
//
// A pagemap is a sparse file as long as the addresses need, some 256 GiB that take no room.
// Errors, with a sentence: Exists, Access, NoSpace, FileTooBig, Io.
Result<void> write_proc_tree(Machine& machine, const std::string& folder, bool force);

}  // namespace pw::tools
