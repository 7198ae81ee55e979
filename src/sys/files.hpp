// What processes have open, and the names files have: below the system calls on files.
//
// Owned by the Kernel. All files lie in one folder, which any user may write to. A file is an
// object of the machine with its page cache; its bytes lie in a store that the Kernel has made (in
// memory, or of the host). A description is what open(2) makes and fork shares; the last descriptor
// that goes closes it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "machine/machine.hpp"

namespace pw::sys {

// Makes the store of a new, empty file. Error: whatever open(2) is to answer.
using MakeStore = std::function<Result<std::unique_ptr<BackingStore>>(const std::string& path)>;

// `HugeMemfd`: of huge pages, of which the machine has none in reserve. `Directory`: the folder;
// it has no object.
enum class FileType : std::uint8_t { Disk, Memfd, Shm, HugeMemfd, Directory };

struct OpenFile {
  FileId object = 0;
  FileType type = FileType::Disk;
  bool readable = true, writable = false, append = false;
  std::uint64_t serial = 0;     // tells descriptions apart
  std::uint64_t huge_size = 0;  // HugeMemfd: of a page
  std::string path;             // as /proc/PID/maps names it
};

// A name in the folder.
struct FolderEntry {
  FileId object = 0;
  UserId owner = 0;
  std::uint32_t mode = 0;
};

// What a path leads to: the folder itself, or a name in it that may or may not exist.
struct PathEnd {
  bool folder = false;
  bool slash_behind = false;
  std::string name;
};

class Folder {
 public:
  static constexpr std::size_t kMostPath = 4095;  // PATH_MAX, less the zero byte
  static constexpr std::size_t kMostName = 255;

  // As path_openat() and filename_parentat() walk, with "/" and ".." for the folder. Errors:
  // NoEntry, NameTooLong, NoDirectory (a file where a folder must be).
  Result<PathEnd> walk(std::string_view path) const;
  FolderEntry* find(const std::string& name);
  void add(const std::string& name, const FolderEntry& entry) { entries_[name] = entry; }
  void remove(const std::string& name) { entries_.erase(name); }

 private:
  std::map<std::string, FolderEntry> entries_;
};

// The descriptors of one process; shared with what it cloned with CLONE_FILES.
class FdTable {
 public:
  static constexpr std::size_t kMost = 1024;  // RLIMIT_NOFILE
  static constexpr int kFirst = 3;            // 0, 1 and 2 are the terminal's

  // The lowest free number. Error: TooManyFiles.
  Result<int> add(std::shared_ptr<OpenFile> file, bool close_on_exec = false);
  bool full() const;
  OpenFile* find(std::uint64_t fd) const;
  std::shared_ptr<OpenFile> share(std::uint64_t fd) const;
  bool closes_on_exec(std::uint64_t fd) const;
  void set_close_on_exec(std::uint64_t fd, bool close);
  Result<void> remove(std::uint64_t fd);  // Error: BadFile
  // What exec(2) closes.
  void close_on_exec();

 private:
  struct Entry {
    std::shared_ptr<OpenFile> file;
    bool close_on_exec = false;
  };
  const Entry* at(std::uint64_t fd) const;

  std::vector<Entry> entries_;
};

}  // namespace pw::sys
