#include "ports/host/compressed_store.hpp"

#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "base/check.hpp"

namespace pw::host {

namespace {

constexpr std::uint64_t kUnit = 16;

std::uint64_t charged_size(std::uint64_t bytes) { return (bytes + kUnit - 1) / kUnit * kUnit; }

bool whole_page(ByteCount offset, std::size_t length, std::size_t pages) {
  return offset.value % kPageSize == 0 && length == kPageSize && offset.value / kPageSize < pages;
}

// True if the page is one word, repeated.
bool same_filled(std::span<const std::byte> page, std::uint64_t& word) {
  std::memcpy(&word, page.data(), sizeof word);
  return std::memcmp(page.data(), page.data() + sizeof word, page.size() - sizeof word) == 0;
}

}  // namespace

void CompressedStore::FreeContext::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}
void CompressedStore::FreeContext::operator()(ZSTD_DCtx_s* context) const {
  ZSTD_freeDCtx(context);
}

CompressedStore::CompressedStore(MemoryCharge& charge)
    : charge_(&charge),
      compressor_(ZSTD_createCCtx()),
      decompressor_(ZSTD_createDCtx()),
      scratch_(ZSTD_compressBound(kPageSize)) {
  PW_CHECK_MSG(compressor_ != nullptr && decompressor_ != nullptr, "zstd has no memory");
}

CompressedStore::~CompressedStore() {
  for (; charged_ > 0; --charged_) charge_->return_frame();
}

// Charges for `bytes` more. False: there are not enough frames, and nothing has changed.
bool CompressedStore::charge_for(std::uint64_t bytes) {
  const std::uint64_t wanted = pages_for(ByteCount(bytes_ + bytes)).value;
  const std::uint64_t before = charged_;
  while (charged_ < wanted && charge_->take_frame()) ++charged_;
  if (charged_ >= wanted) {
    bytes_ += bytes;
    return true;
  }
  for (; charged_ > before; --charged_) charge_->return_frame();
  return false;
}

void CompressedStore::forget(Page& page) {
  if (!page.kept) return;
  --stored_;
  if (page.bytes == nullptr) --same_filled_;
  bytes_ -= charged_size(page.size);
  page = {};
  const std::uint64_t wanted = pages_for(ByteCount(bytes_)).value;
  for (; charged_ > wanted; --charged_) charge_->return_frame();
}

Result<void> CompressedStore::write(ByteCount offset, std::span<const std::byte> bytes) {
  if (!whole_page(offset, bytes.size(), pages_.size())) return fail(Errno::Invalid);
  Page& page = pages_[offset.value / kPageSize];
  forget(page);
  Page fresh;
  fresh.kept = true;
  if (!same_filled(bytes, fresh.word)) {
    const std::size_t size = ZSTD_compressCCtx(compressor_.get(), scratch_.data(), scratch_.size(),
                                               bytes.data(), bytes.size(), kLevel);
    if (ZSTD_isError(size) != 0 || size > kMostBytes) return fail(Errno::NoSpace);
    if (!charge_for(charged_size(size))) return fail(Errno::NoSpace);
    fresh.size = static_cast<std::uint32_t>(size);
    fresh.bytes = std::make_unique<std::byte[]>(size);
    std::copy_n(scratch_.begin(), size, fresh.bytes.get());
  }
  ++stored_;
  if (fresh.bytes == nullptr) ++same_filled_;
  page = std::move(fresh);
  return {};
}

Result<void> CompressedStore::read(ByteCount offset, std::span<std::byte> out) {
  if (!whole_page(offset, out.size(), pages_.size())) return fail(Errno::Invalid);
  const Page& page = pages_[offset.value / kPageSize];
  if (page.bytes == nullptr) {
    for (std::size_t at = 0; at < out.size(); at += sizeof page.word) {
      std::memcpy(out.data() + at, &page.word, sizeof page.word);
    }
    return {};
  }
  const std::size_t size = ZSTD_decompressDCtx(decompressor_.get(), out.data(), out.size(),
                                               page.bytes.get(), page.size);
  if (ZSTD_isError(size) != 0 || size != out.size()) return fail(Errno::Io);
  return {};
}

Result<void> CompressedStore::resize(ByteCount size) {
  const std::size_t pages = size.value >> kPageShift;
  for (std::size_t i = pages; i < pages_.size(); ++i) forget(pages_[i]);
  pages_.resize(pages);
  return {};
}

void CompressedStore::discard(ByteCount offset, ByteCount length) {
  const std::uint64_t first = pages_for(offset).value;
  const std::uint64_t end = std::min<std::uint64_t>((offset + length).value >> kPageShift,
                                                    pages_.size());
  for (std::uint64_t i = first; i < end; ++i) forget(pages_[i]);
}

}  // namespace pw::host
