// A BackingStore in an array: for tests, and for the browser where there are no files.
//
// Owned by whoever makes it; the machine keeps a reference. Never fails except past its bounds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "port/backing_store.hpp"

namespace pw::sim {

class MemoryStore final : public BackingStore {
 public:
  explicit MemoryStore(ByteCount size) : bytes_(static_cast<std::size_t>(size.value)) {}
  explicit MemoryStore(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  ByteCount size() const override { return ByteCount(bytes_.size()); }

  Result<void> read(ByteCount offset, std::span<std::byte> out) override {
    std::size_t here = available(offset, out.size());
    if (here != 0) std::copy_n(bytes_.begin() + at(offset), here, out.begin());
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(here), out.end(), std::byte{0});
    return {};
  }

  Result<void> write(ByteCount offset, std::span<const std::byte> bytes) override {
    if (available(offset, bytes.size()) != bytes.size()) return fail(Errno::NoSpace);
    if (!bytes.empty()) std::copy(bytes.begin(), bytes.end(), bytes_.begin() + at(offset));
    return {};
  }

  Result<void> resize(ByteCount size) override {
    bytes_.resize(static_cast<std::size_t>(size.value));
    return {};
  }
  Result<void> sync() override { return {}; }

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::size_t available(ByteCount offset, std::size_t wanted) const {
    if (offset.value >= bytes_.size()) return 0;
    return std::min(wanted, bytes_.size() - static_cast<std::size_t>(offset.value));
  }
  static std::ptrdiff_t at(ByteCount offset) { return static_cast<std::ptrdiff_t>(offset.value); }

  std::vector<std::byte> bytes_;
};

}  // namespace pw::sim
