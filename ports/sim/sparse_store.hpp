// A BackingStore that keeps only the pages that were ever written with anything but zeros: files of
// any size that cost what they hold. For scripts and the browser, where there are no files.
//
// Owned by whoever makes it; the machine keeps a reference. Never fails except past its bounds.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <span>

#include "port/backing_store.hpp"

namespace pw::sim {

class SparseStore final : public BackingStore {
 public:
  explicit SparseStore(ByteCount size = ByteCount(0)) : size_(size) {}

  ByteCount size() const override { return size_; }

  Result<void> read(ByteCount offset, std::span<std::byte> out) override {
    while (!out.empty()) {
      const std::size_t n = within_page(offset, out.size());
      const auto it = pages_.find(offset.value >> kPageShift);
      if (it == pages_.end()) {
        std::fill_n(out.begin(), n, std::byte{0});
      } else {
        std::copy_n(it->second->begin() + in_page(offset), n, out.begin());
      }
      out = out.subspan(n);
      offset = offset + ByteCount(n);
    }
    return {};
  }

  Result<void> write(ByteCount offset, std::span<const std::byte> bytes) override {
    if (bytes.size() > size_.value || offset.value > size_.value - bytes.size()) {
      return fail(Errno::NoSpace);
    }
    while (!bytes.empty()) {
      const std::size_t n = within_page(offset, bytes.size());
      const bool zeros = std::all_of(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n),
                                     [](std::byte b) { return b == std::byte{0}; });
      const std::uint64_t at = offset.value >> kPageShift;
      auto it = pages_.find(at);
      if (it == pages_.end() && !zeros) it = pages_.emplace(at, std::make_unique<Page>()).first;
      if (it != pages_.end()) std::copy_n(bytes.begin(), n, it->second->begin() + in_page(offset));
      bytes = bytes.subspan(n);
      offset = offset + ByteCount(n);
    }
    return {};
  }

  Result<void> resize(ByteCount size) override {
    if (size < size_) PW_TRY(zero(size, size_ - size));
    size_ = size;
    return {};
  }

  Result<void> zero(ByteCount offset, ByteCount length) override {
    const std::uint64_t end = offset.value + length.value;
    auto it = pages_.lower_bound(offset.value >> kPageShift);
    while (it != pages_.end() && it->first << kPageShift < end) {
      const std::uint64_t begin = it->first << kPageShift;
      const std::uint64_t from = std::max(begin, offset.value) - begin;
      const std::uint64_t to = std::min(begin + kPageSize, end) - begin;
      if (from == 0 && to == kPageSize) {
        it = pages_.erase(it);
        continue;
      }
      std::fill(it->second->begin() + from, it->second->begin() + to, std::byte{0});
      ++it;
    }
    return {};
  }
  Result<void> sync() override { return {}; }

  std::size_t kept_pages() const { return pages_.size(); }

 private:
  using Page = std::array<std::byte, kPageSize>;

  static std::size_t in_page(ByteCount offset) {
    return static_cast<std::size_t>(offset.value % kPageSize);
  }
  static std::size_t within_page(ByteCount offset, std::size_t left) {
    return std::min(left, static_cast<std::size_t>(kPageSize) - in_page(offset));
  }

  ByteCount size_;
  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;  // by offset / 4096
};

}  // namespace pw::sim
