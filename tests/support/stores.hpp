// Backing stores for tests: one whose bytes outlive the machine, and one that fails on demand.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "port/backing_store.hpp"

namespace pw::test {

using SharedBytes = std::shared_ptr<std::vector<std::byte>>;

// Keeps its bytes in a vector that the test holds too, so that they can be looked at after the
// machine has let go of the store.
class KeptStore final : public BackingStore {
 public:
  explicit KeptStore(SharedBytes bytes) : bytes_(std::move(bytes)) {}

  ByteCount size() const override { return ByteCount(bytes_->size()); }
  Result<void> read(ByteCount offset, std::span<std::byte> out) override {
    std::fill(out.begin(), out.end(), std::byte{0});
    if (offset.value >= bytes_->size()) return {};
    const std::size_t here = std::min<std::size_t>(out.size(), bytes_->size() - offset.value);
    std::copy_n(bytes_->begin() + static_cast<std::ptrdiff_t>(offset.value), here, out.begin());
    return {};
  }
  Result<void> write(ByteCount offset, std::span<const std::byte> bytes) override {
    if (offset.value + bytes.size() > bytes_->size()) return fail(Errno::NoSpace);
    std::copy(bytes.begin(), bytes.end(),
              bytes_->begin() + static_cast<std::ptrdiff_t>(offset.value));
    return {};
  }
  Result<void> resize(ByteCount size) override {
    bytes_->resize(size.value);
    return {};
  }
  Result<void> sync() override { return {}; }

 private:
  SharedBytes bytes_;
};

// Lets the n-th read or write fail with Io, once. Counts both, so that a test knows when it has
// tried them all.
struct Faults {
  std::uint64_t reads = 0, writes = 0;          // so far
  std::uint64_t fail_read = 0, fail_write = 0;  // which one fails; 0: none
};

class FailingStore final : public BackingStore {
 public:
  FailingStore(std::unique_ptr<BackingStore> inner, std::shared_ptr<Faults> faults)
      : inner_(std::move(inner)), faults_(std::move(faults)) {}

  ByteCount size() const override { return inner_->size(); }
  Result<void> read(ByteCount offset, std::span<std::byte> out) override {
    if (++faults_->reads == faults_->fail_read) return fail(Errno::Io);
    return inner_->read(offset, out);
  }
  Result<void> write(ByteCount offset, std::span<const std::byte> bytes) override {
    if (++faults_->writes == faults_->fail_write) return fail(Errno::Io);
    return inner_->write(offset, bytes);
  }
  Result<void> resize(ByteCount size) override { return inner_->resize(size); }
  Result<void> sync() override { return inner_->sync(); }

 private:
  std::unique_ptr<BackingStore> inner_;
  std::shared_ptr<Faults> faults_;
};

}  // namespace pw::test
