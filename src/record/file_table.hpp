// The files of a whole recording: each once, numbered in the order in which they were first told
// of. Owned by the conversion of spools.
//
// Invariant: two files are one if device, inode number and time of birth are; a file system that
// gives no time of birth may give an inode number again, so there the path counts too. What is
// known of a file is what was told first: later processes find it as earlier ones have left it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/result.hpp"
#include "record/writer.hpp"

namespace pw::record {

class FileTable {
 public:
  explicit FileTable(bool redact) : redact_(redact) {}

  std::uint32_t file(const FileInfo& file);  // its number, from 0

  // Writes what came since the last time. Before any chunk that refers to it.
  Result<void> flush(Writer& writer);

 private:
  using Identity = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::string>;

  bool redact_;
  std::map<Identity, std::uint32_t> numbers_;
  std::vector<FileInfo> new_files_;
};

}  // namespace pw::record
