#include "analysis/lru_curve.hpp"

#include <algorithm>
#include <bit>

#include "base/check.hpp"

namespace pw::analysis {

namespace {
constexpr std::size_t kWordBits = 64;
constexpr std::size_t kLeastWords = 16;
}  // namespace

RestStack::RestStack(std::uint32_t ids) : position_(ids, kAbsent) { rebuild(kLeastWords); }

void RestStack::add(std::uint32_t word, std::uint32_t delta) {
  for (std::size_t i = word + 1; i < tree_.size(); i += i & (~i + 1)) tree_[i] += delta;
}

// Moves the live pages to the front of a bitmap of `words` words, keeping their order.
void RestStack::rebuild(std::size_t words) {
  std::vector<PageId> order;
  order.reserve(live_);
  for (std::uint32_t p = 0; p < next_; ++p) {
    if ((bits_[p / kWordBits] >> (p % kWordBits) & 1) != 0) order.push_back(page_at_[p]);
  }
  bits_.assign(words, 0);
  page_at_.assign(words * kWordBits, 0);
  tree_.assign(words + 1, 0);
  next_ = 0;
  for (const PageId id : order) {
    bits_[next_ / kWordBits] |= std::uint64_t{1} << (next_ % kWordBits);
    page_at_[next_] = id;
    position_[id] = next_++;
  }
  for (std::size_t i = 1; i <= words; ++i) {
    tree_[i] += static_cast<std::uint32_t>(std::popcount(bits_[i - 1]));
    const std::size_t parent = i + (i & (~i + 1));
    if (parent <= words) tree_[parent] += tree_[i];
  }
}

void RestStack::push(PageId id) {
  PW_CHECK(!contains(id));
  if (next_ == page_at_.size()) {
    // At least half of the room is free afterwards, so compaction costs O(1) an operation.
    rebuild(std::max(kLeastWords, std::bit_ceil(live_ * std::size_t{2} / kWordBits + 1)));
  }
  bits_[next_ / kWordBits] |= std::uint64_t{1} << (next_ % kWordBits);
  page_at_[next_] = id;
  position_[id] = next_;
  add(static_cast<std::uint32_t>(next_ / kWordBits), 1);
  ++next_;
  ++live_;
}

void RestStack::remove(PageId id) {
  PW_CHECK(contains(id));
  const std::uint32_t p = position_[id];
  bits_[p / kWordBits] &= ~(std::uint64_t{1} << (p % kWordBits));
  add(p / kWordBits, ~std::uint32_t{0});  // minus one
  position_[id] = kAbsent;
  --live_;
}

std::uint64_t RestStack::above(PageId id) const {
  const std::uint32_t p = position_[id];
  const std::uint64_t up_to = ~std::uint64_t{0} >> (kWordBits - 1 - p % kWordBits);
  auto below = static_cast<std::uint32_t>(std::popcount(bits_[p / kWordBits] & up_to));
  for (std::size_t i = p / kWordBits; i > 0; i -= i & (~i + 1)) below += tree_[i];
  return live_ - below;
}

std::uint64_t LruCurve::misses(std::uint64_t pages) const {
  PW_CHECK(known(pages));
  return cold + (pages < beyond.size() ? beyond[pages] : 0);
}

std::uint64_t LruCurve::fits_in() const {
  return std::max<std::uint64_t>(known_from, beyond.empty() ? 0 : beyond.size() - 1);
}

LruCurve lru_curve(const DenseTrace& trace) {
  LruCurve curve;
  curve.known_from = trace.filter_pages;
  curve.inferred = trace.inferred;
  RestStack rest(trace.ids);
  std::uint64_t in_use = 0;
  for (const Op op : trace.ops) {
    const PageId id = op.id();
    switch (op.kind()) {
      case OpKind::Use:
        if (rest.contains(id)) {
          const std::uint64_t distance = in_use + rest.above(id) + 1;
          if (distance >= curve.by_distance.size()) curve.by_distance.resize(distance + 1, 0);
          ++curve.by_distance[distance];
          rest.remove(id);
        } else {
          ++curve.cold;
        }
        ++in_use;
        break;
      case OpKind::Rest:
        --in_use;
        rest.push(id);
        break;
      case OpKind::Drop:
        if (rest.contains(id)) rest.remove(id);
        break;
    }
  }
  curve.beyond.assign(curve.by_distance.size(), 0);
  std::uint64_t sum = 0;
  for (std::size_t d = curve.by_distance.size(); d-- > 0;) {
    curve.beyond[d] = sum;
    sum += curve.by_distance[d];
  }
  return curve;
}

}  // namespace pw::analysis
