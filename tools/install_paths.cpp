#include "tools/install_paths.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace pw::tools {
namespace fs = std::filesystem;

std::string recorder_folder() {
  std::error_code error;
  const fs::path executable = fs::read_symlink("/proc/self/exe", error);
  const fs::path folder = executable.parent_path();
  const fs::path beside = folder / "lib" / "pagewright";
  const fs::path installed = folder.parent_path() / "lib" / "pagewright";
  return fs::exists(beside, error) || !fs::exists(installed, error) ? beside : installed;
}

std::optional<std::string> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0 && !fs::is_directory(candidate)) return candidate;
  }
  return std::nullopt;
}

std::string valgrind_tool() { return recorder_folder() + "/valgrind/pagewright-amd64-linux"; }
std::string qemu_plugin() { return recorder_folder() + "/pw-qemu.so"; }

}  // namespace pw::tools
