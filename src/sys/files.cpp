#include "sys/files.hpp"

#include <algorithm>

namespace pw::sys {

Result<PathEnd> Folder::walk(std::string_view path) const {
  if (path.empty()) return fail(Errno::NoEntry);
  if (path.size() > kMostPath) return fail(Errno::NameTooLong);
  PathEnd end;
  end.folder = true;
  while (!path.empty()) {
    const std::size_t begin = path.find_first_not_of('/');
    if (begin == std::string_view::npos) {
      end.slash_behind = true;
      break;
    }
    if (!end.folder) {
      return fail(entries_.count(end.name) != 0 ? Errno::NoDirectory : Errno::NoEntry);
    }
    const std::size_t stop = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, stop - begin);
    path.remove_prefix(stop);
    if (name == "." || name == "..") continue;
    if (name.size() > kMostName) return fail(Errno::NameTooLong);
    end.folder = false;
    end.name = name;
  }
  return end;
}

FolderEntry* Folder::find(const std::string& name) {
  const auto it = entries_.find(name);
  return it == entries_.end() ? nullptr : &it->second;
}

bool FdTable::full() const {
  if (entries_.size() + kFirst < kMost) return false;
  return std::all_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.file != nullptr; });
}

Result<int> FdTable::add(std::shared_ptr<OpenFile> file, bool close_on_exec) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].file == nullptr) {
      entries_[i] = {std::move(file), close_on_exec};
      return static_cast<int>(i) + kFirst;
    }
  }
  if (entries_.size() + kFirst >= kMost) return fail(Errno::TooManyFiles);
  entries_.push_back({std::move(file), close_on_exec});
  return static_cast<int>(entries_.size()) - 1 + kFirst;
}

// The upper half of the register is not looked at: descriptors are ints.
const FdTable::Entry* FdTable::at(std::uint64_t fd) const {
  const auto number = static_cast<std::int32_t>(fd);
  if (number < kFirst) return nullptr;
  const auto index = static_cast<std::size_t>(number - kFirst);
  return index < entries_.size() && entries_[index].file != nullptr ? &entries_[index] : nullptr;
}

OpenFile* FdTable::find(std::uint64_t fd) const { return share(fd).get(); }

std::shared_ptr<OpenFile> FdTable::share(std::uint64_t fd) const {
  const Entry* entry = at(fd);
  return entry == nullptr ? nullptr : entry->file;
}

bool FdTable::closes_on_exec(std::uint64_t fd) const {
  const Entry* entry = at(fd);
  return entry != nullptr && entry->close_on_exec;
}

void FdTable::set_close_on_exec(std::uint64_t fd, bool close) {
  const Entry* entry = at(fd);
  if (entry != nullptr)
    entries_[static_cast<std::size_t>(entry - entries_.data())].close_on_exec = close;
}

// The file goes once the table is in order again: closing may look at it.
Result<void> FdTable::remove(std::uint64_t fd) {
  const Entry* entry = at(fd);
  if (entry == nullptr) return fail(Errno::BadFile);
  const Entry gone = std::move(entries_[static_cast<std::size_t>(entry - entries_.data())]);
  entries_[static_cast<std::size_t>(entry - entries_.data())] = {};
  return {};
}

void FdTable::close_on_exec() {
  for (Entry& entry : entries_) {
    if (entry.close_on_exec) entry = {};
  }
}

}  // namespace pw::sys
