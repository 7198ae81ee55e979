// HostPages: a large array of zero bytes that takes host memory only where it was touched.
//
// Owned by FrameTable and FrameMemory. On a host with mmap the array is a mapping without
// reservation, private or of a memfd; in WebAssembly, which has none, it is memory by which
// the program has grown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/result.hpp"

namespace pw {

class HostPages {
 public:
  // `count` elements of `size` bytes, zero. Error: NoMemory.
  static Result<HostPages> zeroed(std::uint64_t count, std::uint64_t size);
  // The same, backed by a file without a name that others can map (KVM, a second process).
  // Errors: NoMemory, TooManyFiles.
  static Result<HostPages> shared(std::uint64_t count, std::uint64_t size);

  HostPages(HostPages&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)),
        fd_(std::exchange(other.fd_, -1)) {}
  HostPages& operator=(HostPages&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~HostPages();

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  // The file behind a shared array; -1 if there is none.
  int fd() const { return fd_; }
  // Sets a range of a shared array to zero and gives its host pages back. Offset and length are
  // multiples of the host's page size.
  void discard(std::size_t offset, std::size_t length);

 private:
  HostPages(std::byte* data, std::size_t bytes, int fd) : data_(data), bytes_(bytes), fd_(fd) {}

  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  int fd_ = -1;
};

}  // namespace pw
