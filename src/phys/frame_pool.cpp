#include "phys/frame_pool.hpp"

#include <algorithm>

namespace pw {

FramePool::FramePool(FrameTable table, FrameMemory memory, Contents contents)
    : table_(std::move(table)),
      memory_(std::move(memory)),
      allocator_(table_),
      contents_(contents) {}

Result<std::unique_ptr<FramePool>> FramePool::create(PageCount total, Contents contents) {
  if (total.value == 0) return fail(Errno::Invalid, "a machine needs RAM");
  auto table = FrameTable::create(total);
  if (!table) return tl::unexpected(table.error());
  auto memory = FrameMemory::create(total);
  if (!memory) return tl::unexpected(memory.error());
  return std::unique_ptr<FramePool>(new FramePool(std::move(*table), std::move(*memory), contents));
}

void FramePool::count(FrameKind kind, std::int64_t by) {
  const auto n = static_cast<std::uint64_t>(by);  // -1 wraps, and so takes one away
  if (is_user(kind)) {
    user_frames_ += n;
    user_peak_ = std::max(user_peak_, user_frames_);
  }
  if (kind == FrameKind::File) file_frames_ += n;
  if (kind == FrameKind::Table) {
    table_frames_ += n;
    table_peak_ = std::max(table_peak_, table_frames_);
  }
}

bool FramePool::take(FrameKind kind, Pfn& out) {
  const Pfn pfn = allocator_.allocate(0);
  if (pfn == kNoFrame) return false;
  Frame& frame = table_[pfn];
  frame.kind = kind;
  if (kind == FrameKind::Anon || kind == FrameKind::Shared) frame.extra = SwapSlot{}.value;
  count(kind, 1);
  out = pfn;
  return true;
}

bool FramePool::take_block(FrameKind kind, unsigned order, Pfn& first) {
  PW_CHECK(!is_user(kind));
  first = allocator_.allocate(order);
  if (first == kNoFrame) return false;
  const std::uint64_t frames = std::uint64_t{1} << order;
  for (std::uint64_t i = 0; i < frames; ++i) table_[first + PageCount(i)].kind = kind;
  count(kind, static_cast<std::int64_t>(frames));
  return true;
}

void FramePool::give_back(Pfn pfn) {
  Frame& frame = table_[pfn];
  PW_CHECK(frame.mapcount == 0);
  if (is_user(frame.kind)) {
    PW_CHECK(frame.refs == 0 && frame.aux == 0);
    if ((frame.flags & kFrameIo) != 0) io_ready_ns_.erase(pfn.value);
    if (huge_.holds(pfn)) return make_spare(pfn);
    if ((frame.flags & kFrameListed) != 0) withdraw(pfn);
  }
  more_pages_ -= pages_of(frame) - 1;
  count(frame.kind, -1);
  allocator_.free(pfn, 0);
}

void FramePool::stand_for(Pfn pfn, std::uint32_t pages) {
  Frame& frame = table_[pfn];
  PW_CHECK(frame.kind == FrameKind::Anon && pages > 0 && pages_of(frame) == 1);
  frame.extra |= std::uint64_t{pages - 1} << 32;
  more_pages_ += pages - 1;
}

bool FramePool::take_huge(FrameKind kind, Pfn& head) {
  PW_CHECK(is_user(kind));
  head = allocator_.allocate(HugeBlocks::kOrder);
  if (head == kNoFrame) return false;
  for (std::uint64_t i = 0; i < HugeBlocks::kFrames; ++i) {
    Frame& frame = table_[head + PageCount(i)];
    frame.kind = kind;
    frame.extra = SwapSlot{}.value;
  }
  count(kind, static_cast<std::int64_t>(HugeBlocks::kFrames));
  huge_.add(head, total().value);
  return true;
}

// The head stays in the replacement order, in use or not, as long as the huge page is there.
void FramePool::make_spare(Pfn pfn) {
  Frame& frame = table_[pfn];
  const Pfn head = HugeBlocks::head_of(pfn);
  count(frame.kind, -1);
  const std::uint8_t known = kFrameListed | kFrameAside | kFrameCold;
  Frame spare{};
  spare.kind = FrameKind::Spare;
  spare.flags = pfn == head ? frame.flags & known : std::uint8_t{0};
  frame = spare;
  ++spare_frames_;
  // Reclaim is told before the huge page is none.
  if (huge_.used(pfn) == 1 && (table_[head].flags & kFrameListed) != 0) withdraw(head);
  if (huge_.drop_page(pfn)) return;
  for (std::uint64_t i = 1; i < HugeBlocks::kFrames; ++i) table_[head + PageCount(i)] = Frame{};
  spare_frames_ -= HugeBlocks::kFrames;
  allocator_.free(head, HugeBlocks::kOrder);
}

void FramePool::dissolve(Pfn head) {
  if ((table_[head].flags & kFrameListed) != 0) withdraw(head);
  table_[head].flags &= static_cast<std::uint8_t>(~kFrameAside);
  huge_.remove(head);
  for (std::uint64_t i = 0; i < HugeBlocks::kFrames; ++i) {
    const Pfn pfn = head + PageCount(i);
    if (table_[pfn].kind != FrameKind::Spare) continue;
    --spare_frames_;
    allocator_.free(pfn, 0);
  }
}

void FramePool::admit(Pfn pfn) {
  Frame& frame = table_[pfn];
  PW_CHECK((frame.flags & kFrameListed) == 0);
  frame.flags |= kFrameListed;
  if (residency_ != nullptr) residency_->admitted(pfn);
}

void FramePool::withdraw(Pfn pfn) {
  Frame& frame = table_[pfn];
  frame.flags &= static_cast<std::uint8_t>(~kFrameListed);
  if (residency_ != nullptr) residency_->departed(pfn);
}

void FramePool::start_io(Pfn pfn, std::uint64_t ready_ns) {
  table_[pfn].flags |= kFrameIo;
  io_ready_ns_[pfn.value] = ready_ns;
}

namespace {
// How long a page that was read is kept for whoever waits for it.
constexpr std::uint64_t kIoGraceNs = 100'000;
}  // namespace

bool FramePool::io_awaited(Pfn pfn, std::uint64_t now_ns) const {
  if ((table_[pfn].flags & kFrameIo) == 0) return false;
  return io_ready_ns_.find(pfn.value)->second + kIoGraceNs > now_ns;
}

std::uint64_t FramePool::next_io_release(std::uint64_t now_ns) const {
  std::uint64_t first = 0;
  for (const auto& [pfn, ready_ns] : io_ready_ns_) {
    const std::uint64_t release = ready_ns + kIoGraceNs;
    if (release > now_ns && (first == 0 || release < first)) first = release;
  }
  return first;
}

std::uint64_t FramePool::io_pending(Pfn pfn, std::uint64_t now_ns) {
  Frame& frame = table_[pfn];
  if ((frame.flags & kFrameIo) == 0) return 0;
  const auto it = io_ready_ns_.find(pfn.value);
  if (it->second > now_ns) return it->second;
  io_ready_ns_.erase(it);
  frame.flags &= static_cast<std::uint8_t>(~kFrameIo);
  return 0;
}

bool FramePool::allocate_table(int, Pfn& out) {
  if (!take(FrameKind::Table, out)) return false;
  memory_.zero(out);
  return true;
}

}  // namespace pw
