// A BackingStore that keeps only the pages that were written, for the files and the swap of a
// script: a file of 1 TiB costs nothing until someone writes.
//
// Owned by the machine it serves. What several stores hold together is bounded by a budget they
// share; beyond it writing fails with NoSpace, as on a full disk.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <span>

#include "port/backing_store.hpp"

namespace pw::script {

struct StoreBudget {
  std::uint64_t pages = 0;  // that may still be taken
};

class SparseStore final : public BackingStore {
 public:
  SparseStore(ByteCount size, std::shared_ptr<StoreBudget> budget)
      : size_(size), budget_(std::move(budget)) {}
  ~SparseStore() override { budget_->pages += pages_.size(); }
  SparseStore(const SparseStore&) = delete;
  SparseStore& operator=(const SparseStore&) = delete;

  ByteCount size() const override { return size_; }

  Result<void> read(ByteCount offset, std::span<std::byte> out) override {
    std::fill(out.begin(), out.end(), std::byte{0});
    return each_piece(offset, out.size(), [&](std::uint64_t page, Piece piece) -> Result<void> {
      const auto it = pages_.find(page);
      if (it != pages_.end()) {
        std::copy_n(it->second->begin() + piece.in_page, piece.length, out.begin() + piece.at);
      }
      return {};
    });
  }

  Result<void> write(ByteCount offset, std::span<const std::byte> bytes) override {
    if (offset.value > size_.value || bytes.size() > size_.value - offset.value) {
      return fail(Errno::NoSpace);
    }
    return each_piece(offset, bytes.size(), [&](std::uint64_t page, Piece piece) -> Result<void> {
      std::unique_ptr<Page>& kept = pages_[page];
      if (kept == nullptr) {
        if (budget_->pages == 0) {
          pages_.erase(page);
          return fail(Errno::NoSpace);
        }
        --budget_->pages;
        kept = std::make_unique<Page>();
      }
      std::copy_n(bytes.begin() + piece.at, piece.length, kept->begin() + piece.in_page);
      return {};
    });
  }

  Result<void> resize(ByteCount size) override {
    const auto first_gone = pages_.lower_bound(pages_for(size).value);
    budget_->pages += static_cast<std::uint64_t>(std::distance(first_gone, pages_.end()));
    pages_.erase(first_gone, pages_.end());
    const auto last = pages_.find(size.value >> kPageShift);
    if (size < size_ && last != pages_.end()) {
      const auto kept = static_cast<std::ptrdiff_t>(size.value & (kPageSize - 1));
      std::fill(last->second->begin() + kept, last->second->end(), std::byte{0});
    }
    size_ = size;
    return {};
  }

  Result<void> zero(ByteCount offset, ByteCount length) override {
    discard(offset, length);  // whole pages; the others at both ends
    const std::uint64_t end = offset.value + length.value;
    for (const std::uint64_t at : {offset.value, end}) {
      const auto it = pages_.find(at >> kPageShift);
      if (it == pages_.end()) continue;
      const std::uint64_t page = it->first << kPageShift;
      const std::uint64_t from = std::max(page, offset.value), to = std::min(page + kPageSize, end);
      if (from >= to) continue;
      std::fill(it->second->begin() + static_cast<std::ptrdiff_t>(from - page),
                it->second->begin() + static_cast<std::ptrdiff_t>(to - page), std::byte{0});
    }
    return {};
  }

  Result<void> sync() override { return {}; }

  void discard(ByteCount offset, ByteCount length) override {
    const std::uint64_t first = pages_for(offset).value;
    const std::uint64_t end = (offset.value + length.value) >> kPageShift;
    if (first >= end) return;
    const auto from = pages_.lower_bound(first), to = pages_.lower_bound(end);
    budget_->pages += static_cast<std::uint64_t>(std::distance(from, to));
    pages_.erase(from, to);
  }

 private:
  using Page = std::array<std::byte, kPageSize>;
  struct Piece {
    std::ptrdiff_t at, in_page, length;
  };

  // fn(page, piece) for each page that [offset, offset + length) meets.
  template <class Fn>
  Result<void> each_piece(ByteCount offset, std::size_t length, Fn&& fn) {
    std::uint64_t at = 0;
    while (at < length) {
      const std::uint64_t where = offset.value + at;
      const std::uint64_t in_page = where & (kPageSize - 1);
      const std::uint64_t n = std::min<std::uint64_t>(kPageSize - in_page, length - at);
      PW_TRY(fn(where >> kPageShift,
                Piece{static_cast<std::ptrdiff_t>(at), static_cast<std::ptrdiff_t>(in_page),
                      static_cast<std::ptrdiff_t>(n)}));
      at += n;
    }
    return {};
  }

  ByteCount size_;
  std::shared_ptr<StoreBudget> budget_;
  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;  // by page of the file
};

}  // namespace pw::script
