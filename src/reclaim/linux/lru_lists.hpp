// The four lists of evictable pages, as a lruvec has them (include/linux/mmzone.h): newest in
// front, scanned from the back. What of a page's state only the lists need is kept here too, a byte
// a frame.
//
// New pages wait in a batch before they join their list, as in the per-CPU batches of mm/swap.c
// (folio_add_lru(), lru_add_drain()): sizes of lists lag behind by up to 31 pages, which reclaim's
// sums see.
//
// Owned by LinuxReclaim. Invariant: a frame that reclaim knows is in one list, in the batch, or
// isolated by the scan that goes on.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/units.hpp"
#include "policy/list.hpp"

namespace pw {

enum class Lru : std::uint8_t { InactiveAnon, ActiveAnon, InactiveFile, ActiveFile };
inline constexpr unsigned kLruLists = 4;
constexpr bool is_file(Lru list) { return list >= Lru::InactiveFile; }
constexpr bool is_active(Lru list) { return list == Lru::ActiveAnon || list == Lru::ActiveFile; }
constexpr Lru list_of(bool file, bool active) {
  return static_cast<Lru>((file ? 2 : 0) + (active ? 1 : 0));
}

// PG_active and its kin (include/linux/page-flags.h).
enum LruFlag : std::uint8_t {
  kLruActive = 1,
  kLruReferenced = 2,
  kLruWorkingset = 4,  // was active before
  kLruReclaim = 8,     // being written so that it can go: to the back when that is done
  kLruFile = 16,       // belongs to the lists of files
  kLruBatched = 32,    // not in its list yet
  kLruForeign = 64,    // of another group: not charged, not listed
  kLruBuffers = 128,   // was written to: has a buffer head, which is charged too
};

class LruLists {
 public:
  static constexpr std::size_t kBatch = 31;  // PAGEVEC_SIZE

  explicit LruLists(std::uint64_t frames)
      : lists_(static_cast<std::uint32_t>(frames)), flags_(frames) {}

  std::uint8_t& flags(Pfn pfn) { return flags_[pfn.value]; }
  bool has(Pfn pfn, std::uint8_t flag) const { return (flags_[pfn.value] & flag) != 0; }
  void set(Pfn pfn, std::uint8_t flag) { flags_[pfn.value] |= flag; }
  void unset(Pfn pfn, std::uint8_t flag) { flags_[pfn.value] &= static_cast<std::uint8_t>(~flag); }
  Lru list_of_page(Pfn pfn) const { return list_of(has(pfn, kLruFile), has(pfn, kLruActive)); }

  // In pages: a huge page is in its list once, and counts for all that it has.
  std::uint64_t size(Lru list) const { return lists_.size(index(list)) + more_[index(list)]; }
  void weigh(Lru list, std::int64_t pages) {
    more_[index(list)] += static_cast<std::uint64_t>(pages);
  }
  std::uint64_t entries() const {
    std::uint64_t all = 0;
    for (unsigned list = 0; list < kLruLists; ++list) all += lists_.size(list);
    return all;
  }
  std::uint64_t batched() const { return batch_.size(); }
  bool listed(Pfn pfn) const { return lists_.contains(static_cast<policy::Id>(pfn.value)); }

  // A page that is new here, or one that stands for several: to the front of its list, once the
  // batch is full or drained.
  void add(Pfn pfn, std::int64_t pages = 1) {
    set(pfn, kLruBatched);
    batch_.push_back(pfn);
    batch_pages_.push_back(pages);
    batched_pages_ += pages;
    if (static_cast<std::size_t>(batched_pages_) >= kBatch) drain();
  }
  void drain() {
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      unset(batch_[i], kLruBatched);
      push_front(batch_[i]);
      weigh(list_of_page(batch_[i]), batch_pages_[i] - 1);
    }
    batch_.clear();
    batch_pages_.clear();
    batched_pages_ = 0;
  }
  // Takes the page out of wherever it is.
  void remove(Pfn pfn) {
    if (has(pfn, kLruBatched)) {
      unset(pfn, kLruBatched);
      for (std::size_t i = 0; i < batch_.size(); ++i) {
        if (batch_[i] == pfn) {
          const auto at = static_cast<std::ptrdiff_t>(i);
          batched_pages_ -= batch_pages_[i];
          batch_.erase(batch_.begin() + at);
          batch_pages_.erase(batch_pages_.begin() + at);
          return;
        }
      }
      return;
    }
    if (listed(pfn)) lists_.remove(id(pfn), index(list_of_page(pfn)));
  }
  // Where the page's flags say.
  void push_front(Pfn pfn) { lists_.push_front(id(pfn), index(list_of_page(pfn))); }
  void push_back(Pfn pfn) { lists_.push_back(id(pfn), index(list_of_page(pfn))); }
  // For those who look: the pages of a list, that which is scanned next first; those that are in no
  // list yet.
  template <class Visit>
  void for_each(Lru list, Visit&& visit) const {
    for (policy::Id at = lists_.back(index(list)); at != policy::kNoPage; at = lists_.prev(at)) {
      visit(Pfn(at));
    }
  }
  const std::vector<Pfn>& batch() const { return batch_; }
  // The page that is looked at next; false: the list is empty.
  bool back(Lru list, Pfn& out) const {
    const policy::Id last = lists_.back(index(list));
    if (last == policy::kNoPage) return false;
    out = Pfn(last);
    return true;
  }

 private:
  static unsigned index(Lru list) { return static_cast<unsigned>(list); }
  static policy::Id id(Pfn pfn) { return static_cast<policy::Id>(pfn.value); }

  policy::IdLists<kLruLists> lists_;
  std::array<std::uint64_t, kLruLists> more_{};  // pages of huge pages, their heads left out
  policy::ZeroedArray<std::uint8_t> flags_;
  std::vector<Pfn> batch_;
  std::vector<std::int64_t> batch_pages_;  // of each, that it stands for
  std::int64_t batched_pages_ = 0;
};

}  // namespace pw
