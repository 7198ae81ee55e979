#include "tools/proc_tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "machine/machine.hpp"
#include "view/files.hpp"
#include "view/pagemap.hpp"

namespace pw::tools {

namespace {

namespace fs = std::filesystem;

Error cannot_write(const fs::path& path, int error) {
  Errno code = Errno::Io;
  if (error == EACCES || error == EPERM || error == EROFS) code = Errno::Access;
  if (error == ENOSPC || error == EDQUOT) code = Errno::NoSpace;
  if (error == EFBIG) code = Errno::FileTooBig;
  return {code, fmt::format("cannot write {}: {}", path.string(), std::strerror(error))};
}

class File {
 public:
  explicit File(const fs::path& path)
      : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool write_at(std::uint64_t offset, const void* data, std::size_t size) {
    const char* from = static_cast<const char*>(data);
    while (size > 0 && fd_ >= 0) {
      const ssize_t n = ::pwrite(fd_, from, size, static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      from += n;
      offset += static_cast<std::uint64_t>(n);
      size -= static_cast<std::size_t>(n);
    }
    return fd_ >= 0;
  }
  bool resize(std::uint64_t size) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < size) {
      errno = EFBIG;  // trying it would end the program
      return false;
    }
    return fd_ >= 0 && ::ftruncate(fd_, static_cast<off_t>(size)) == 0;
  }
  bool close() { return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0; }
  Error error() const { return cannot_write(path_, errno); }

 private:
  fs::path path_;
  int fd_;
};

Result<void> write_text(const fs::path& path, const std::string& text) {
  File file(path);
  if (!file.write_at(0, text.data(), text.size()) || !file.close()) {
    return tl::unexpected(file.error());
  }
  return {};
}

Result<void> write_pagemap(const fs::path& path, Machine& machine, Process& process) {
  File file(path);
  const std::uint64_t pages = process.space == nullptr ? 0 : process.space->layout().user_end.value;
  if (!file.resize(pages * 8)) return tl::unexpected(file.error());
  const std::vector<view::PagemapEntry> entries = view::pagemap(machine, process);
  std::vector<std::uint64_t> run;
  for (std::size_t i = 0; i < entries.size(); i += run.size()) {
    run.clear();
    while (i + run.size() < entries.size() &&
           entries[i + run.size()].page == entries[i].page + PageCount(run.size())) {
      run.push_back(entries[i + run.size()].bits);
    }
    if (!file.write_at(entries[i].page.value * 8, run.data(), run.size() * 8)) {
      return tl::unexpected(file.error());
    }
  }
  if (!file.close()) return tl::unexpected(file.error());
  return {};
}

Result<void> write_process(const fs::path& folder, Machine& machine, Process& process) {
  std::error_code code;
  fs::create_directory(folder, code);
  if (code) return tl::unexpected(cannot_write(folder, code.value()));
  for (const view::ProcessFile& file : view::process_files()) {
    PW_TRY(write_text(folder / file.name, file.text(machine, process)));
  }
  return write_pagemap(folder / "pagemap", machine, process);
}

Result<void> write_all(const fs::path& folder, Machine& machine) {
  for (const view::MachineFile& file : view::machine_files()) {
    PW_TRY(write_text(folder / file.name, file.text(machine)));
  }
  Result<void> written;
  machine.processes().for_each([&](Process& process) {
    if (!written) return;
    written = write_process(folder / std::to_string(process.pid), machine, process);
  });
  return written;
}

bool is_process_folder(const fs::path& path) {
  const std::string name = path.filename().string();
  std::error_code ignored;
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         fs::exists(path / "smaps_rollup", ignored);
}

// Moves what is in `made` over what `folder` has.
Result<void> move_into(const fs::path& made, const fs::path& folder) {
  std::error_code code;
  std::vector<fs::path> stale;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
    if (is_process_folder(entry.path())) stale.push_back(entry.path());
  }
  for (const fs::path& path : stale) {
    if (!code) fs::remove_all(path, code);
  }
  std::vector<fs::path> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(made)) {
    names.push_back(entry.path().filename());
  }
  for (const fs::path& name : names) {
    if (!code) fs::rename(made / name, folder / name, code);
  }
  if (code) return tl::unexpected(cannot_write(folder, code.value()));
  return {};
}

// The folder for the files until they are complete; goes with what is left in it.
class Workshop {
 public:
  explicit Workshop(const fs::path& name) : path_(name.string() + ".XXXXXX") {
    std::string made = path_.string();
    error_ = ::mkdtemp(made.data()) == nullptr ? errno : 0;
    if (error_ != 0) return;
    path_ = made;
    const mode_t mask = ::umask(0);
    ::umask(mask);
    std::error_code ignored;
    fs::permissions(path_, static_cast<fs::perms>(0777 & ~mask), ignored);
  }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;
  ~Workshop() {
    std::error_code ignored;
    if (error_ == 0) fs::remove_all(path_, ignored);
  }
  int error() const { return error_; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  int error_ = 0;
};

}  // namespace

Result<void> write_proc_tree(Machine& machine, const std::string& folder, bool force) {
  std::string trimmed = folder;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  const fs::path target(trimmed);
  std::error_code code;
  const fs::file_status status = fs::status(target, code);
  if (fs::exists(status) && !fs::is_directory(status)) {
    return fail(Errno::Exists, fmt::format("{} is no folder: choose another name", trimmed));
  }
  const bool empty = !fs::exists(status) || fs::is_empty(target, code);
  if (!empty && !force) {
    return fail(Errno::Exists,
                fmt::format("{} is not empty: choose another name or say --force", trimmed));
  }
  const bool exists = fs::exists(status);
  Workshop workshop(exists ? target / ".views" : target);
  if (workshop.error() != 0) return tl::unexpected(cannot_write(target, workshop.error()));
  PW_TRY(write_all(workshop.path(), machine));
  if (exists) return move_into(workshop.path(), target);
  fs::rename(workshop.path(), target, code);
  if (code) return tl::unexpected(cannot_write(target, code.value()));
  return {};
}

}  // namespace pw::tools
