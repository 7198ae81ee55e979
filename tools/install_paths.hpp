// Where the tool's own files are, found from the executable's place.
#pragma once

#include <optional>
#include <string>

namespace pw::tools {

// The folder with valgrind/ and pw-qemu.so: lib/pagewright beside the executable (build folder) or
// ../lib/pagewright (installed). If there is none, the first, for messages that name it.
std::string recorder_folder();

// The first executable file of that name on PATH.
std::optional<std::string> find_program(const std::string& name);

// The file's name made by Valgrind's convention: the tool for this kind of machine.
std::string valgrind_tool();
std::string qemu_plugin();

}  // namespace pw::tools
