// Real files behind the machine's memory: files that areas map, and swap.
//
// A HostFile owns its descriptor. All transfers name their position, so that several machines may
// share a file; a transfer that the host cut short is continued until it is whole.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "port/backing_store.hpp"

namespace pw::host {

class HostFile final : public BackingStore {
 public:
  enum class Mode : unsigned char { Read, ReadWrite };

  // An existing regular file or block device. Errors: NoEntry, Access, IsDirectory, NoDevice (it is
  // neither), and whatever else open() of the host gives.
  static Result<HostFile> open(const std::string& path, Mode mode);

  // A file without a name, of `size` bytes that take no disk space until they are written; gone
  // with the object or the process, however it ends. In $TMPDIR, else /tmp. Errors: Access,
  // NoSpace, FileTooBig.
  static Result<HostFile> temporary(ByteCount size);

  HostFile(HostFile&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), size_(other.size_), mode_(other.mode_) {}
  HostFile& operator=(HostFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(size_, other.size_);
    std::swap(mode_, other.mode_);
    return *this;
  }
  ~HostFile() override;

  ByteCount size() const override { return size_; }
  Result<void> read(ByteCount offset, std::span<std::byte> out) override;
  Result<void> write(ByteCount offset, std::span<const std::byte> bytes) override;
  Result<void> resize(ByteCount size) override;
  Result<void> sync() override;

 private:
  HostFile(int fd, ByteCount size, Mode mode) : fd_(fd), size_(size), mode_(mode) {}

  int fd_ = -1;
  ByteCount size_;
  Mode mode_ = Mode::Read;
};

// A swap area for the time of one run.
inline Result<HostFile> temporary_swap_file(ByteCount size) { return HostFile::temporary(size); }

}  // namespace pw::host
