// The bytes of an input, in order, block by block: a file, a pipe, or memory. Zstandard frames are
// told by their magic number and decompressed on the way.
//
// Owned by who reads the input, one importer at a time. Memory is a block and what the importer has
// not consumed; nothing is mapped, so that a file that shrinks is an error and not a SIGBUS.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pw::analysis {

class InputBytes {
 public:
  static constexpr std::size_t kBlockBytes = std::size_t{1} << 18;

  // "-" is standard input. Errors: NoEntry, Access, IsDirectory, Io.
  static Result<InputBytes> open(const std::string& path);
  // `bytes` must outlive it; reads `block` bytes at a time.
  static Result<InputBytes> from_memory(std::string_view bytes, std::size_t block = kBlockBytes);

  InputBytes(InputBytes&&) noexcept;
  InputBytes& operator=(InputBytes&&) noexcept;
  ~InputBytes();

  // What was read and not consumed. Valid until the next read_more().
  std::string_view bytes() const { return {begin_, static_cast<std::size_t>(end_ - begin_)}; }
  void consume(std::size_t count) { begin_ += count; }
  // The place of bytes().front() in the input, decompressed.
  std::uint64_t offset() const { return end_offset_ - static_cast<std::uint64_t>(end_ - begin_); }

  // Reads a block behind bytes(); false: there is no more. Errors: Io; Invalid where compressed
  // data is damaged or ends within a frame, with the byte offset in the file.
  Result<bool> read_more();

  bool compressed() const;
  // Bytes of the file as it lies on the disk, and how many of them are read; 0: not known.
  std::uint64_t file_bytes() const;
  std::uint64_t file_offset() const;

 private:
  struct State;
  explicit InputBytes(std::unique_ptr<State> state);
  Result<void> detect_compression();

  std::unique_ptr<State> state_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
  std::uint64_t end_offset_ = 0;
};

}  // namespace pw::analysis
