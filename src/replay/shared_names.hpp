// Files and shared segments by the names and numbers that the recording gives them: the same for
// all its processes. Owned by the Replayer.
//
// A file is made in the machine when the recording first names it, as it was then: with its size,
// and in the page cache or not. It stays for the rest of the replay unless its last name goes;
// then it goes when nobody has it open any more, and its pages with it, except as far as areas map
// them.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "machine/machine.hpp"
#include "record/recording.hpp"

namespace pw::replay {

inline constexpr FileId kNoFileId = ~FileId{0};

class SharedNames {
 public:
  SharedNames(Machine& machine, const record::Recording& recording);
  // The file of that path, at least `bytes` long.
  VmObject& file(const std::string& path, std::uint64_t bytes);
  // File `number` of the recording; kNoFileId: the recording has lost it, or it is gone.
  FileId file(std::uint32_t number);
  // The same to be mapped: if there is none, that of the path.
  VmObject& mapped(std::uint32_t number, const std::string& path, std::uint64_t bytes);

  // Descriptors of the file come and go.
  void opened(std::uint32_t number);
  void closed(std::uint32_t number);
  // Its last name has gone.
  void unlinked(std::uint32_t number);

  void add_segment(std::uint64_t id, std::uint64_t bytes) { segment_bytes_[id] = bytes; }
  // The System V segment `id`; null if its size is not known.
  VmObject* segment(std::uint64_t id);

 private:
  struct Known {
    FileId id = kNoFileId;
    std::uint32_t descriptors = 0;
    bool made = false;
    bool unlinked = false;
  };
  void leave_if_unused(Known& known);

  Machine* machine_;
  const record::Recording* recording_;
  std::unordered_map<std::uint32_t, Known> numbered_;
  std::unordered_map<std::string, std::uint32_t> numbers_;  // of paths, the file that has it now
  std::unordered_map<std::string, FileId> files_;           // of paths without a number
  std::unordered_map<std::uint64_t, std::uint64_t> segment_bytes_;
  std::unordered_map<std::uint64_t, FileId> segments_;
};

}  // namespace pw::replay
