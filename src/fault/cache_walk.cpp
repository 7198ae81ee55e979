#include "fault/cache_walk.hpp"

namespace pw {

namespace {

// The place of a walk (struct xa_state): the page that it counts, and the entry that it looks at,
// a page, or of a folio of 64 pages or more one of its blocks.
class Walk {
 public:
  Walk(const VmObject& file, std::uint64_t index) : file_(file), index_(index) {
    // xas_load(): the entry that stands for the folio is its first.
    descend();
    const FolioSpan folio = file_.folios.find(PageOffset(index));
    if (present()) entry_ = in_blocks_ ? folio.first.value / kNode : folio.first.value;
  }

  bool present() const { return file_.cached(PageOffset(in_blocks_ ? entry_ * kNode : entry_)); }
  std::uint64_t index() const { return index_; }

  void next() {
    ++index_;
    const std::uint64_t own = in_blocks_ ? index_ / kNode : index_;
    if (!in_blocks_ && entry_ % kNode != kNode - 1) {
      ++entry_;
      return;
    }
    if (entry_ % kNode != own % kNode) ++entry_;
    // On to the next node, or within a node of blocks: from the entry down.
    if (in_blocks_) {
      enter(entry_);
    } else {
      enter(entry_ / kNode);
    }
  }

  void previous() {
    --index_;
    const std::uint64_t own = in_blocks_ ? index_ / kNode : index_;
    if (!in_blocks_ && entry_ % kNode != 0) {
      --entry_;
      return;
    }
    if (entry_ % kNode != own % kNode) --entry_;
    if (in_blocks_) {
      enter(entry_);
    } else {
      enter(entry_ / kNode);
    }
  }

 private:
  static constexpr std::uint64_t kNode = 64;  // XA_CHUNK_SIZE
  static constexpr unsigned kBlockOrder = 6;

  // Whether the block is held by a large folio's entry rather than by a node of its own.
  bool is_entry(std::uint64_t block) const {
    const PageOffset first(block * kNode);
    return file_.cached(first) && file_.folios.find(first).order >= kBlockOrder;
  }
  void enter(std::uint64_t block) {
    in_blocks_ = is_entry(block);
    entry_ = in_blocks_ ? block : block * kNode + index_ % kNode;
  }
  void descend() { enter(index_ / kNode); }

  const VmObject& file_;
  std::uint64_t index_;
  std::uint64_t entry_ = 0;
  bool in_blocks_ = false;
};

}  // namespace

std::uint64_t next_miss(const VmObject& file, std::uint64_t index, std::uint64_t most) {
  Walk walk(file, index);
  for (std::uint64_t left = most; left > 0; --left) {
    if (!walk.present()) return walk.index();
    walk.next();
  }
  return index + most;
}

std::uint64_t previous_miss(const VmObject& file, std::uint64_t index, std::uint64_t most) {
  Walk walk(file, index);
  for (std::uint64_t left = most; left > 0; --left) {
    if (!walk.present()) return walk.index();
    if (left == 1) break;
    if (walk.index() == 0) return kBeforeFile;
    walk.previous();
  }
  return walk.index();
}

}  // namespace pw
