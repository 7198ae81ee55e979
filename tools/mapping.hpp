// Memory of this process that is mapped while this exists: anonymous, or pages of a file.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/units.hpp"

namespace pw::tools {

class Mapping {
 public:
  explicit Mapping(std::size_t bytes)
      : Mapping(bytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) {}
  Mapping(std::size_t bytes, int fd, std::size_t first_page)
      : Mapping(bytes, MAP_PRIVATE, fd, static_cast<off_t>(first_page * kPageSize)) {}
  Mapping(Mapping&& other) noexcept
      : start_(std::exchange(other.start_, MAP_FAILED)), size_(other.size_) {}
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping() {
    if (ok()) munmap(start_, size_);
  }

  bool ok() const { return start_ != MAP_FAILED; }
  std::size_t size() const { return size_; }
  // A byte that the compiler does not do without.
  volatile char& at(std::size_t offset) const {
    return static_cast<volatile char*>(start_)[offset];
  }
  char load(std::size_t offset) const { return at(offset); }
  // The first offset at a multiple of `boundary` addresses.
  std::size_t to_boundary(std::size_t boundary) const {
    const auto address = reinterpret_cast<std::uintptr_t>(start_);
    return (boundary - address % boundary) % boundary;
  }
  void advise(int advice) const { madvise(start_, size_, advice); }
  std::size_t resident() const {  // pages that are in memory
    std::vector<unsigned char> there(size_ / kPageSize);
    if (mincore(start_, size_, there.data()) != 0) return 0;
    return static_cast<std::size_t>(
        std::count_if(there.begin(), there.end(), [](unsigned char page) { return page & 1; }));
  }

 private:
  Mapping(std::size_t bytes, int flags, int fd, off_t offset)
      : start_(mmap(nullptr, bytes, PROT_READ | (fd < 0 ? PROT_WRITE : 0), flags, fd, offset)),
        size_(bytes) {}

  void* start_;
  std::size_t size_;
};

}  // namespace pw::tools
