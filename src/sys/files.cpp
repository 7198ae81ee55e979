#include "sys/files.hpp"

namespace pw::sys {

Result<int> FdTable::add(std::shared_ptr<OpenFile> file) {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (files_[i] == nullptr) {
      files_[i] = std::move(file);
      return static_cast<int>(i) + kFirst;
    }
  }
  if (files_.size() + kFirst >= kMost) return fail(Errno::TooManyFiles);
  files_.push_back(std::move(file));
  return static_cast<int>(files_.size()) - 1 + kFirst;
}

OpenFile* FdTable::find(std::uint64_t fd) const { return share(fd).get(); }

// The upper half of the register is not looked at: descriptors are ints.
std::shared_ptr<OpenFile> FdTable::share(std::uint64_t fd) const {
  const auto number = static_cast<std::int32_t>(fd);
  if (number < kFirst || static_cast<std::size_t>(number - kFirst) >= files_.size()) return nullptr;
  return files_[static_cast<std::size_t>(number - kFirst)];
}

Result<void> FdTable::remove(std::uint64_t fd) {
  if (find(fd) == nullptr) return fail(Errno::BadFile);
  files_[static_cast<std::size_t>(static_cast<std::int32_t>(fd) - kFirst)] = nullptr;
  return {};
}

}  // namespace pw::sys
