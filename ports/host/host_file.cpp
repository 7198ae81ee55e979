#include "ports/host/host_file.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace pw::host {

namespace {

tl::unexpected<Error> last_error(const std::string& what) {
  int code = errno;
  return fail(static_cast<Errno>(code), what + ": " + std::strerror(code));
}

}  // namespace

Result<HostFile> HostFile::open(const std::string& path, Mode mode) {
  int flags = (mode == Mode::Read ? O_RDONLY : O_RDWR) | O_CLOEXEC;
  int fd = ::open(path.c_str(), flags);
  if (fd < 0) return last_error("cannot open " + path);
  HostFile file(fd, ByteCount(0), mode);
  struct stat status = {};
  if (::fstat(fd, &status) != 0) return last_error("cannot examine " + path);
  if (S_ISREG(status.st_mode)) {
    file.size_ = ByteCount(static_cast<std::uint64_t>(status.st_size));
  } else if (S_ISBLK(status.st_mode)) {
    if (::ioctl(fd, BLKGETSIZE64, &file.size_.value) != 0) {
      return last_error("cannot measure " + path);
    }
  } else if (S_ISDIR(status.st_mode)) {
    return fail(Errno::IsDirectory, path + " is a folder");
  } else {
    return fail(Errno::NoDevice, path + " is neither a regular file nor a block device");
  }
  return file;
}

Result<HostFile> HostFile::temporary(ByteCount size) {
  const char* chosen = std::getenv("TMPDIR");
  std::string folder = chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
  int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) {  // not every file system has O_TMPFILE
    std::string name = folder + "/pagewright-swap-XXXXXX";
    fd = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd < 0) return last_error("cannot create a temporary file in " + folder);
    ::unlink(name.c_str());
  }
  HostFile file(fd, ByteCount(0), Mode::ReadWrite);
  PW_TRY(file.resize(size));
  return file;
}

HostFile::~HostFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> HostFile::read(ByteCount offset, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size() && offset.value + done < size_.value) {
    ssize_t n = ::pread(fd_, out.data() + done, out.size() - done,
                        static_cast<off_t>(offset.value + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Errno::Io, std::strerror(errno));
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(done), out.end(), std::byte{0});
  return {};
}

Result<void> HostFile::write(ByteCount offset, std::span<const std::byte> bytes) {
  if (mode_ == Mode::Read) return fail(Errno::ReadOnly);
  if (offset.value > size_.value || bytes.size() > size_.value - offset.value) {
    return fail(Errno::NoSpace, "past the end of the file");
  }
  std::size_t done = 0;
  while (done < bytes.size()) {
    ssize_t n = ::pwrite(fd_, bytes.data() + done, bytes.size() - done,
                         static_cast<off_t>(offset.value + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
      return fail(full ? Errno::NoSpace : Errno::Io, std::strerror(errno));
    }
    done += static_cast<std::size_t>(n);
  }
  return {};
}

Result<void> HostFile::resize(ByteCount size) {
  if (mode_ == Mode::Read) return fail(Errno::ReadOnly);
  if (size.value > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    return fail(Errno::FileTooBig);
  }
  if (::ftruncate(fd_, static_cast<off_t>(size.value)) != 0) return last_error("cannot resize");
  size_ = size;
  return {};
}

Result<void> HostFile::sync() {
  if (::fdatasync(fd_) != 0) return fail(Errno::Io, std::strerror(errno));
  return {};
}

}  // namespace pw::host
