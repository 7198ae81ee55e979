#include "record/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pw::record {

Result<ByteSource> ByteSource::open(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    auto code = static_cast<Errno>(errno);
    return fail(code, "cannot open " + path + ": " + std::strerror(errno));
  }
  struct stat status = {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    return fail(Errno::Invalid, path + " is not a regular file");
  }
  return ByteSource(fd, static_cast<std::uint64_t>(status.st_size));
}

ByteSource::ByteSource(ByteSource&& other) noexcept
    : memory_(other.memory_), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

ByteSource& ByteSource::operator=(ByteSource&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

ByteSource::~ByteSource() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> ByteSource::refresh() {
  if (fd_ < 0) return {};
  struct stat status = {};
  if (::fstat(fd_, &status) != 0) return fail(Errno::Io, std::strerror(errno));
  size_ = static_cast<std::uint64_t>(status.st_size);
  return {};
}

Result<std::size_t> ByteSource::read(std::uint64_t offset, char* out, std::size_t count) const {
  if (offset >= size_) return std::size_t{0};
  count = static_cast<std::size_t>(std::min<std::uint64_t>(count, size_ - offset));
  if (fd_ < 0) {
    std::memcpy(out, memory_.data() + offset, count);
    return count;
  }
  std::size_t done = 0;
  while (done < count) {
    ssize_t n = ::pread(fd_, out + done, count - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return fail(Errno::Io,
                  "reading at byte " + std::to_string(offset + done) + ": " + std::strerror(errno));
    }
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

}  // namespace pw::record
