// What processes have open, and the names files have: below the system calls on files.
//
// Owned by the Kernel. A file of the directory is an object of the machine with its page cache; its
// bytes lie in a store that the directory makes (in memory, or of the host). A description is what
// open(2) makes and fork shares; the last descriptor that goes closes it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "machine/machine.hpp"

namespace pw::sys {

// Makes the store of a new, empty file. Error: whatever open(2) is to answer.
using MakeStore = std::function<Result<std::unique_ptr<BackingStore>>(const std::string& path)>;

enum class FileType : std::uint8_t { Disk, Memfd, Shm };

struct OpenFile {
  FileId object = 0;
  FileType type = FileType::Disk;
  bool readable = true, writable = false, append = false;
  std::uint64_t serial = 0;  // tells descriptions apart
  std::string path;          // as /proc/PID/maps names it
};

// The descriptors of one process; shared with what it cloned with CLONE_FILES.
class FdTable {
 public:
  static constexpr std::size_t kMost = 1024;  // RLIMIT_NOFILE
  static constexpr int kFirst = 3;            // 0, 1 and 2 are the terminal's

  // The lowest free number. Error: TooManyFiles.
  Result<int> add(std::shared_ptr<OpenFile> file);
  OpenFile* find(std::uint64_t fd) const;
  std::shared_ptr<OpenFile> share(std::uint64_t fd) const;
  Result<void> remove(std::uint64_t fd);  // Error: BadFile

 private:
  std::vector<std::shared_ptr<OpenFile>> files_;
};

}  // namespace pw::sys
