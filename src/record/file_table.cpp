#include "record/file_table.hpp"

#include "record/redact.hpp"

namespace pw::record {

std::uint32_t FileTable::file(const FileInfo& file) {
  const auto next = static_cast<std::uint32_t>(numbers_.size());
  const std::string path = file.birth_ns == 0 ? file.path : std::string();
  const auto [known, is_new] = numbers_.emplace(
      Identity{file.device, file.inode, file.birth_ns, path}, next);
  if (is_new) new_files_.push_back(file);
  return known->second;
}

Result<void> FileTable::flush(Writer& writer) {
  if (new_files_.empty()) return {};
  if (redact_) {
    for (FileInfo& file : new_files_) redact(file);
  }
  PW_TRY(writer.add_files(new_files_));
  new_files_.clear();
  return {};
}

}  // namespace pw::record
