// A swap tier in RAM: pages compressed with zstd, a page of one repeated word as that word (what
// zram keeps as ZRAM_SAME, drivers/block/zram). What it keeps is charged to the machine, so that
// RAM shrinks as the tier fills.
//
// Owned by a SwapArea; the charge must outlive it. A page is written whole. It is refused (NoSpace)
// when no frame is left to charge, and when it hardly compresses: more than three quarters of a
// page would free too little to be worth the work. The charge is the sum of the compressed sizes in
// 16-byte units, in whole frames; the fragmentation of a real allocator (zsmalloc) is not part of
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "port/backing_store.hpp"
#include "port/memory_charge.hpp"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace pw::host {

class CompressedStore final : public BackingStore {
 public:
  static constexpr std::uint64_t kMostBytes = kPageSize * 3 / 4;  // of a page that is kept
  static constexpr int kLevel = 1;                                // of zstd

  explicit CompressedStore(MemoryCharge& charge);
  ~CompressedStore() override;

  ByteCount size() const override { return bytes_of(PageCount(pages_.size())); }
  // Errors: Invalid (not one whole page), Io (what was kept is broken). A page never written reads
  // as zeros.
  Result<void> read(ByteCount offset, std::span<std::byte> out) override;
  // Errors: Invalid, NoSpace. After a failure the page's bytes are gone.
  Result<void> write(ByteCount offset, std::span<const std::byte> bytes) override;
  Result<void> resize(ByteCount size) override;
  Result<void> sync() override { return {}; }
  void discard(ByteCount offset, ByteCount length) override;

  std::uint64_t stored_pages() const { return stored_; }
  std::uint64_t same_filled_pages() const { return same_filled_; }
  ByteCount compressed_bytes() const { return ByteCount(bytes_); }
  std::uint64_t charged_frames() const { return charged_; }

 private:
  struct Page {
    std::unique_ptr<std::byte[]> bytes;  // compressed; null: the word, repeated
    std::uint64_t word = 0;
    std::uint32_t size = 0;  // of bytes
    bool kept = false;
  };
  struct FreeContext {
    void operator()(ZSTD_CCtx_s* context) const;
    void operator()(ZSTD_DCtx_s* context) const;
  };

  bool charge_for(std::uint64_t bytes);
  void forget(Page& page);

  MemoryCharge* charge_;
  std::unique_ptr<ZSTD_CCtx_s, FreeContext> compressor_;
  std::unique_ptr<ZSTD_DCtx_s, FreeContext> decompressor_;
  std::vector<Page> pages_;
  std::vector<std::byte> scratch_;
  std::uint64_t stored_ = 0, same_filled_ = 0, bytes_ = 0, charged_ = 0;
};

}  // namespace pw::host
