// Where the bytes of a recording lie: an open file, or memory. Read by position, from any thread;
// nothing is mapped, so that a file that shrinks meanwhile is an error and not a SIGBUS.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pw::record {

class ByteSource {
 public:
  // Errors: NoEntry, Access, IsDirectory, Io.
  static Result<ByteSource> open(const std::string& path);
  explicit ByteSource(std::string_view bytes) : memory_(bytes), size_(bytes.size()) {}

  ByteSource(ByteSource&& other) noexcept;
  ByteSource& operator=(ByteSource&& other) noexcept;
  ~ByteSource();

  std::uint64_t size() const { return size_; }
  // Asks again how long the file is, for one that grows. Error: Io.
  Result<void> refresh();

  // Copies `count` bytes from `offset` to `out`; fewer only at the end. Returns how many. Error:
  // Io.
  Result<std::size_t> read(std::uint64_t offset, char* out, std::size_t count) const;

 private:
  ByteSource(int fd, std::uint64_t size) : fd_(fd), size_(size) {}

  std::string_view memory_;
  int fd_ = -1;  // owned; -1: in memory
  std::uint64_t size_ = 0;
};

}  // namespace pw::record
