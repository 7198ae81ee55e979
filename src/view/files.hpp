// The views by the names of the kernel's files: what /proc/PID and /proc have. The binary pagemap
// is in pagemap.hpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "machine/machine.hpp"

namespace pw::view {

struct ProcessFile {
  std::string_view name;
  std::string (*text)(Machine&, Process&);
};
struct MachineFile {
  std::string_view name;
  std::string (*text)(Machine&);
};

std::span<const ProcessFile> process_files();
std::span<const MachineFile> machine_files();
const ProcessFile* find_process_file(std::string_view name);  // null: there is none
const MachineFile* find_machine_file(std::string_view name);

}  // namespace pw::view
