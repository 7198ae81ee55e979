#include "phys/host_pages.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>

#include "base/check.hpp"

#if defined(__wasm__)
#include <algorithm>
#include <vector>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace pw {
namespace {

std::optional<std::size_t> bytes_for(std::uint64_t count, std::uint64_t size) {
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return std::nullopt;
  if (bytes > static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max())) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(bytes == 0 ? 1 : bytes);
}

#if !defined(__wasm__)
// PROT_READ|WRITE without reservation: only what is touched counts against the host.
std::byte* map(std::size_t bytes, int flags, int fd) {
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, fd, 0);
  return at == MAP_FAILED ? nullptr : static_cast<std::byte*>(at);
}
#endif

}  // namespace

#if defined(__wasm__)

namespace {

// Arrays that were given back, for others: memory cannot be returned to the host.
struct Returned {
  std::byte* data;
  std::size_t bytes;
};
std::vector<Returned>& returned() {
  static std::vector<Returned> arrays;
  return arrays;
}

constexpr std::size_t kWasmPage = 65536;

// Memory that was never used: zero, and the host supplies it where it is touched, which calloc()
// would do everywhere. Null: there is no more.
std::byte* grow(std::size_t bytes) {
  const std::size_t at = __builtin_wasm_memory_grow(0, (bytes + kWasmPage - 1) / kWasmPage);
  return at == ~std::size_t{0} ? nullptr : reinterpret_cast<std::byte*>(at * kWasmPage);
}

}  // namespace

Result<HostPages> HostPages::zeroed(std::uint64_t count, std::uint64_t size) {
  const auto bytes = bytes_for(count, size);
  if (!bytes) return fail(Errno::NoMemory);
  const std::size_t whole = (*bytes + kWasmPage - 1) / kWasmPage * kWasmPage;
  if (whole < *bytes) return fail(Errno::NoMemory);
  const auto same = std::find_if(returned().begin(), returned().end(),
                                 [&](const Returned& array) { return array.bytes == whole; });
  std::byte* data = nullptr;
  if (same != returned().end()) {
    data = same->data;
    returned().erase(same);
    std::memset(data, 0, whole);
  } else {
    data = grow(whole);
  }
  if (data == nullptr) return fail(Errno::NoMemory);
  return HostPages(data, *bytes, -1);
}

Result<HostPages> HostPages::shared(std::uint64_t count, std::uint64_t size) {
  return zeroed(count, size);
}

HostPages::~HostPages() {
  if (data_ == nullptr) return;
  returned().push_back({data_, (bytes_ + kWasmPage - 1) / kWasmPage * kWasmPage});
}

void HostPages::discard(std::size_t offset, std::size_t length) {
  PW_CHECK(offset <= bytes_ && length <= bytes_ - offset);
  std::memset(data_ + offset, 0, length);
}

#else

Result<HostPages> HostPages::zeroed(std::uint64_t count, std::uint64_t size) {
  const auto bytes = bytes_for(count, size);
  if (!bytes) return fail(Errno::NoMemory);
  std::byte* data = map(*bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (data == nullptr) return fail(Errno::NoMemory);
  return HostPages(data, *bytes, -1);
}

Result<HostPages> HostPages::shared(std::uint64_t count, std::uint64_t size) {
  const auto bytes = bytes_for(count, size);
  if (!bytes) return fail(Errno::NoMemory);
  const int fd = ::memfd_create("pagewright-ram", MFD_CLOEXEC);
  if (fd < 0) return fail(errno == ENOMEM ? Errno::NoMemory : Errno::TooManyFiles);
  HostPages pages(nullptr, 0, fd);  // closes the file on the error paths
  if (::ftruncate(fd, static_cast<off_t>(*bytes)) != 0) return fail(Errno::NoMemory);
  pages.data_ = map(*bytes, MAP_SHARED, fd);
  if (pages.data_ == nullptr) return fail(Errno::NoMemory);
  pages.bytes_ = *bytes;
  return pages;
}

HostPages::~HostPages() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
  if (fd_ >= 0) ::close(fd_);
}

void HostPages::discard(std::size_t offset, std::size_t length) {
  PW_CHECK(offset <= bytes_ && length <= bytes_ - offset);
  // A hole in the file; where the host's file system has none, at least the bytes are right.
  const int error = ::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                static_cast<off_t>(offset), static_cast<off_t>(length));
  if (error != 0) std::memset(data_ + offset, 0, length);
}

#endif

}  // namespace pw
