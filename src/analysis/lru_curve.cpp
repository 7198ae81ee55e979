#include "analysis/lru_curve.hpp"

#include <algorithm>
#include <bit>

#include "base/check.hpp"

namespace pw::analysis {

namespace {
constexpr std::size_t kWordBits = 64;
constexpr std::size_t kLeastWords = 16;

void tell(const std::function<void(double)>& progress, std::size_t done, std::size_t all) {
  constexpr std::size_t kEvery = std::size_t{1} << 18;
  if (done % kEvery == 0 && progress) {
    progress(static_cast<double>(done) / static_cast<double>(all));
  }
}

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

LruCurve lru_curve(const DenseTrace& trace, const std::function<void(double)>& progress) {
  LruCurve curve;
  curve.known_from = trace.filter_pages;
  curve.inferred = trace.inferred;
  RestStack rest(trace.ids);
  std::uint64_t in_use = 0;
  for (std::size_t i = 0; i < trace.ops.size(); ++i) {
    const PageId id = trace.ops[i].id();
    switch (trace.ops[i].kind()) {
      case OpKind::Use:
        if (rest.contains(id)) {
          curve.count(in_use + rest.above(id) + 1);
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
    tell(progress, i, trace.ops.size());
  }
  curve.sum_up();
  return curve;
}

LruCurve lru_curve(const PageTrace& trace, const std::function<void(double)>& progress) {
  LruCurve curve;
  RestStack stack(trace.ids);
  PageId last = kNoNext;
  for (std::size_t i = 0; i < trace.pages.size(); ++i) {
    const PageId id = trace.pages[i];
    if (id == last) {
      curve.count(1);
      continue;
    }
    last = id;
    if (stack.contains(id)) {
      curve.count(stack.above(id) + 1);
      stack.remove(id);
    } else {
      ++curve.cold;
    }
    stack.push(id);
    tell(progress, i, trace.pages.size());
  }
  curve.sum_up();
  return curve;
}

}  // namespace pw::analysis
