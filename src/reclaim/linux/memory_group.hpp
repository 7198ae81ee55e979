// The group that the machine's programs are in, with its limit: when a charge means reclaim
// (try_charge_memcg(), consume_stock(), mm/memcontrol.c).
//
// Charges are taken from the group in batches of 64 pages and handed out from a stock of the CPU,
// so that a group is at its limit up to 63 pages before it has used that much. What is used is told
// by the caller: user pages that the group's programs brought in, page tables, other kernel memory.
//
// Owned by LinuxReclaim.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pw {

class MemoryGroup {
 public:
  static constexpr std::uint64_t kBatch = 64;  // MEMCG_CHARGE_BATCH

  // limit: pages; 0: none.
  explicit MemoryGroup(std::uint64_t limit) : limit_(limit) {}

  std::uint64_t limit() const { return limit_; }
  std::uint64_t peak() const { return peak_; }  // the stock included, as memory.peak is
  // Pages that can be charged without reclaim (mem_cgroup_margin()).
  std::uint64_t margin(std::uint64_t used) const {
    if (limit_ == 0) return ~std::uint64_t{0};
    return used + stock_ < limit_ ? limit_ - used - stock_ : 0;
  }

  // Charges `pages` more than are `used`, if the limit allows. False: reclaim first.
  bool charge(std::uint64_t used, std::uint64_t pages) {
    if (stock_ >= pages) {
      stock_ -= pages;
      return true;
    }
    const std::uint64_t batch = std::max(kBatch, pages);
    if (fits(used, batch)) {
      put_in_stock(batch - pages);
      note_peak(used + pages);
      return true;
    }
    if (!fits(used, pages)) return false;
    note_peak(used + pages);
    return true;
  }
  // A kernel page that goes is kept for the next charge (obj_cgroup_uncharge_pages()).
  void put_in_stock(std::uint64_t pages) {
    stock_ += pages;
    if (stock_ > kBatch) stock_ = 0;  // refill_stock() gives it all back
  }
  void drain_stock() { stock_ = 0; }

 private:
  bool fits(std::uint64_t used, std::uint64_t pages) const {
    return limit_ == 0 || used + stock_ + pages <= limit_;
  }
  void note_peak(std::uint64_t used) { peak_ = std::max(peak_, used + stock_); }

  std::uint64_t limit_;
  std::uint64_t stock_ = 0;
  std::uint64_t peak_ = 0;
};

}  // namespace pw
