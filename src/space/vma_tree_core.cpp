#include "space/vma_tree_core.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.hpp"

namespace pw::detail {
namespace {

using Node = VmaTreeCore::Node;

std::uint64_t distance(std::uint64_t from, std::uint64_t to) { return to > from ? to - from : 0; }

std::uint64_t largest_hole(const Node& node) {
  std::uint64_t largest = 0;
  if (node.leaf) {
    for (unsigned i = 1; i < node.count; ++i) {
      largest = std::max(largest, distance(node.end[i - 1], node.gap_begin[i]));
    }
    return largest;
  }
  largest = node.hole[0];
  for (unsigned i = 1; i < node.count; ++i) {
    const std::uint64_t between = distance(node.end[i - 1], node.gap_begin[i]);
    largest = std::max(largest, std::max(node.hole[i], between));
  }
  return largest;
}

Node* child_of(const Node& node, unsigned i) { return static_cast<Node*>(node.child[i]); }

// Index of the first entry that ends above `page`; count if none does. Branch-free: the entries are
// few and a mispredicted branch costs more than the whole loop.
unsigned first_ending_above(const Node& node, std::uint64_t page) {
  unsigned below = 0;
  for (unsigned i = 0; i < node.count; ++i) below += node.end[i] <= page ? 1U : 0U;
  return below;
}

// Moves `count` entries; the two places may overlap.
void move_entries(Node& to, unsigned to_index, const Node& from, unsigned from_index,
                  unsigned count) {
  const std::size_t bytes = count * sizeof(std::uint64_t);
  std::memmove(to.end + to_index, from.end + from_index, bytes);
  std::memmove(to.gap_begin + to_index, from.gap_begin + from_index, bytes);
  std::memmove(to.hole + to_index, from.hole + from_index, bytes);
  std::memmove(to.child + to_index, from.child + from_index, count * sizeof(void*));
}

void open_slot(Node& node, unsigned index) {
  move_entries(node, index + 1, node, index, node.count - index);
  ++node.count;
}

void close_slot(Node& node, unsigned index) {
  --node.count;
  move_entries(node, index, node, index + 1, node.count - index);
}

// Copies the summary of `child` into entry `index` of its parent. False if it was there already.
bool summarise(Node& parent, unsigned index, Node& child) {
  const std::uint64_t end = child.end[child.count - 1];
  const std::uint64_t gap_begin = child.gap_begin[0];
  const std::uint64_t hole = largest_hole(child);
  if (parent.child[index] == &child && parent.end[index] == end &&
      parent.gap_begin[index] == gap_begin && parent.hole[index] == hole) {
    return false;
  }
  parent.child[index] = &child;
  parent.end[index] = end;
  parent.gap_begin[index] = gap_begin;
  parent.hole[index] = hole;
  return true;
}

void destroy(Node* node) {
  if (!node->leaf) {
    for (unsigned i = 0; i < node->count; ++i) destroy(child_of(*node, i));
  }
  delete node;
}

// A leaf's entry `i` is the first that ends above a new item's begin: is the item's place free?
bool free_below_next(const Node& leaf, unsigned i, std::uint64_t item_end) {
  return i == leaf.count || item_end <= leaf.begin[i];
}

struct Wanted {
  std::uint64_t pages;
  std::uint64_t low;
  std::uint64_t high;
};

// Both searches read the node as: hole, entry, hole, entry, ..., hole. The outermost holes reach to
// the window's edges; for a child the window is cut to the child's own span, which makes those two
// empty. A child that lies wholly inside the window and has a hole large enough cannot disappoint,
// and at most two children on each level are cut by the window: O(log n).
bool worth_entering(const Node& node, unsigned i, const Wanted& want) {
  return !node.leaf && node.hole[i] >= want.pages && node.end[i] > want.low &&
         node.gap_begin[i] < want.high;
}

Wanted cut_to_child(const Node& node, unsigned i, const Wanted& want) {
  return {want.pages, std::max(want.low, node.gap_begin[i]), std::min(want.high, node.end[i])};
}

std::optional<std::uint64_t> highest_in(const Node& node, const Wanted& want) {
  unsigned i = node.count;
  while (i > 1 && node.end[i - 2] > want.high)
    --i;  // entry i - 1 is the one that meets the window's top
  for (;; --i) {
    const std::uint64_t from = i == 0 ? want.low : std::max(want.low, node.end[i - 1]);
    const std::uint64_t to = i == node.count ? want.high : std::min(want.high, node.gap_begin[i]);
    if (distance(from, to) >= want.pages) return to - want.pages;
    if (i == 0 || node.end[i - 1] <= want.low) return std::nullopt;
    if (worth_entering(node, i - 1, want)) {
      const auto found = highest_in(*child_of(node, i - 1), cut_to_child(node, i - 1, want));
      if (found) return found;
    }
  }
}

std::optional<std::uint64_t> lowest_in(const Node& node, const Wanted& want) {
  for (unsigned i = first_ending_above(node, want.low);; ++i) {
    const std::uint64_t from = i == 0 ? want.low : std::max(want.low, node.end[i - 1]);
    const std::uint64_t to = i == node.count ? want.high : std::min(want.high, node.gap_begin[i]);
    if (distance(from, to) >= want.pages) return from;
    if (i == node.count || from >= want.high) return std::nullopt;
    if (worth_entering(node, i, want)) {
      const auto found = lowest_in(*child_of(node, i), cut_to_child(node, i, want));
      if (found) return found;
    }
  }
}

}  // namespace

VmaTreeCore::VmaTreeCore(VmaTreeCore&& other) noexcept
    : root_(std::exchange(other.root_, nullptr)), size_(std::exchange(other.size_, 0)) {}

VmaTreeCore& VmaTreeCore::operator=(VmaTreeCore&& other) noexcept {
  if (this == &other) return *this;
  clear();
  root_ = std::exchange(other.root_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void VmaTreeCore::clear() {
  if (root_ != nullptr) destroy(root_);
  root_ = nullptr;
  size_ = 0;
}

VmaTreeCore::Cursor VmaTreeCore::first() const {
  const Node* node = root_;
  if (node == nullptr) return {};
  while (!node->leaf) node = child_of(*node, 0);
  return {node, 0};
}

VmaTreeCore::Cursor VmaTreeCore::lower_bound(std::uint64_t page) const {
  const Node* node = root_;
  while (node != nullptr) {
    const unsigned i = first_ending_above(*node, page);
    if (i == node->count) return {};
    if (node->leaf) return {node, i};
    node = child_of(*node, i);
  }
  return {};
}

void* VmaTreeCore::last_before(std::uint64_t page) const {
  // The answer is the entry left of the path to `page`; where the path leaves along the left edge,
  // the rightmost item of the last subtree that was left of it.
  const Node* node = root_;
  const Node* left = nullptr;
  while (node != nullptr) {
    const unsigned i = first_ending_above(*node, page);
    if (node->leaf) {
      if (i > 0) return node->child[i - 1];
      break;
    }
    if (i > 0) left = child_of(*node, i - 1);
    node = i < node->count ? child_of(*node, i) : nullptr;
  }
  if (left == nullptr) return nullptr;
  while (!left->leaf) left = child_of(*left, left->count - 1);
  return left->child[left->count - 1];
}

// The path to the first item that ends above `page`, or to the place behind the last item.
VmaTreeCore::Path VmaTreeCore::descend(std::uint64_t page) const {
  Path path;
  Node* node = root_;
  for (unsigned depth = 0;; ++depth) {
    unsigned i = first_ending_above(*node, page);
    path.node[depth] = node;
    if (node->leaf) {
      path.index[depth] = i;
      path.leaf = depth;
      return path;
    }
    i = std::min(i, node->count - 1);
    path.index[depth] = i;
    node = child_of(*node, i);
  }
}

// Carries the summary of the node at `depth` upwards, until nothing changes any more.
void VmaTreeCore::refresh(const Path& path, unsigned depth) {
  while (depth > 0) {
    if (!summarise(*path.node[depth - 1], path.index[depth - 1], *path.node[depth])) return;
    --depth;
  }
}

void VmaTreeCore::grow_root() {
  auto* root = new Node{};
  root->count = 1;
  summarise(*root, 0, *root_);
  root_ = root;
}

// Halves the full node at `depth` (not the root) and lets the path go on into the half that has its
// entry. The parent has room.
void VmaTreeCore::split(Path& path, unsigned depth) {
  Node& left = *path.node[depth];
  Node& parent = *path.node[depth - 1];
  unsigned& place = path.index[depth - 1];
  auto* right = new Node{};
  const unsigned keep = kMaxEntries / 2;
  right->leaf = left.leaf;
  right->count = left.count - keep;
  move_entries(*right, 0, left, keep, right->count);
  left.count = keep;
  right->next_leaf = std::exchange(left.next_leaf, left.leaf ? right : nullptr);
  open_slot(parent, place + 1);
  summarise(parent, place, left);
  summarise(parent, place + 1, *right);
  if (path.index[depth] >= keep) {
    path.node[depth] = right;
    path.index[depth] -= keep;
    ++place;
  }
}

void VmaTreeCore::insert(std::uint64_t begin, std::uint64_t gap_begin, std::uint64_t end,
                         void* item) {
  if (root_ == nullptr) {
    root_ = new Node{};
    root_->leaf = true;
  }
  Path path = descend(begin);
  PW_CHECK_MSG(free_below_next(*path.node[path.leaf], path.index[path.leaf], end),
               "an area overlaps another");
  if (path.node[path.leaf]->count == kMaxEntries) {
    // Split from the highest full node of the unbroken run above the leaf, so that each parent has
    // room.
    unsigned top = path.leaf;
    while (top > 0 && path.node[top - 1]->count == kMaxEntries) --top;
    if (top == 0) {
      grow_root();
      path = descend(begin);
      top = 1;
    }
    for (unsigned depth = top; depth <= path.leaf; ++depth) split(path, depth);
  }
  Node& leaf = *path.node[path.leaf];
  const unsigned i = path.index[path.leaf];
  open_slot(leaf, i);
  leaf.end[i] = end;
  leaf.gap_begin[i] = gap_begin;
  leaf.begin[i] = begin;
  leaf.child[i] = item;
  ++size_;
  refresh(path, path.leaf);
}

void VmaTreeCore::erase(std::uint64_t begin, const void* item) {
  PW_CHECK(root_ != nullptr);
  Path path = descend(begin);
  Node& leaf = *path.node[path.leaf];
  const unsigned i = path.index[path.leaf];
  PW_CHECK(i < leaf.count && leaf.child[i] == item);
  close_slot(leaf, i);
  --size_;
  if (size_ == 0) {
    clear();
    return;
  }
  unsigned depth = path.leaf;
  while (depth > 0 && path.node[depth]->count < kMinEntries) rebalance(path, depth--);
  refresh(path, depth);
  while (!root_->leaf && root_->count == 1) delete std::exchange(root_, child_of(*root_, 0));
}

// The node at `depth` has too few entries: joins it with a neighbour, or shares the neighbour's
// entries evenly. Their entries in the parent are right afterwards; the parent's own summary is the
// caller's next step.
void VmaTreeCore::rebalance(Path& path, unsigned depth) {
  Node& parent = *path.node[depth - 1];
  const unsigned left_place = path.index[depth - 1] > 0 ? path.index[depth - 1] - 1 : 0;
  Node& left = *child_of(parent, left_place);
  Node& right = *child_of(parent, left_place + 1);
  const unsigned total = left.count + right.count;
  if (total <= kMaxEntries * 3 / 4) {  // leaves room, so that the next insert does not split again
    move_entries(left, left.count, right, 0, right.count);
    left.count = total;
    left.next_leaf = right.next_leaf;
    delete &right;
    close_slot(parent, left_place + 1);
  } else {
    const unsigned keep = total / 2;
    if (left.count > keep) {
      const unsigned moved = left.count - keep;
      move_entries(right, moved, right, 0, right.count);
      move_entries(right, 0, left, keep, moved);
    } else {
      const unsigned moved = keep - left.count;
      move_entries(left, left.count, right, 0, moved);
      move_entries(right, 0, right, moved, right.count - moved);
    }
    left.count = keep;
    right.count = total - keep;
    summarise(parent, left_place + 1, right);
  }
  summarise(parent, left_place, left);
}

void VmaTreeCore::update(std::uint64_t begin, const void* item, std::uint64_t new_begin,
                         std::uint64_t new_gap_begin, std::uint64_t new_end) {
  PW_CHECK(root_ != nullptr);
  const Path path = descend(begin);
  Node& leaf = *path.node[path.leaf];
  const unsigned i = path.index[path.leaf];
  PW_CHECK(i < leaf.count && leaf.child[i] == item);
  leaf.begin[i] = new_begin;
  leaf.gap_begin[i] = new_gap_begin;
  leaf.end[i] = new_end;
  refresh(path, path.leaf);
}

std::optional<std::uint64_t> VmaTreeCore::highest_gap(std::uint64_t pages, std::uint64_t low,
                                                      std::uint64_t high) const {
  PW_CHECK(pages > 0);
  if (root_ != nullptr) return highest_in(*root_, {pages, low, high});
  if (distance(low, high) < pages) return std::nullopt;
  return high - pages;
}

std::optional<std::uint64_t> VmaTreeCore::lowest_gap(std::uint64_t pages, std::uint64_t low,
                                                     std::uint64_t high) const {
  PW_CHECK(pages > 0);
  if (root_ != nullptr) return lowest_in(*root_, {pages, low, high});
  if (distance(low, high) < pages) return std::nullopt;
  return low;
}

unsigned VmaTreeCore::verify_node(const Node& node, bool root, std::size_t& items) const {
  PW_CHECK(node.count <= kMaxEntries);
  PW_CHECK(node.count >= (root ? (node.leaf ? 1U : 2U) : kMinEntries));
  for (unsigned i = 1; i < node.count; ++i) PW_CHECK(node.end[i - 1] < node.end[i]);
  if (node.leaf) {
    for (unsigned i = 0; i < node.count; ++i) {
      PW_CHECK(node.gap_begin[i] <= node.begin[i] && node.begin[i] < node.end[i]);
    }
    items += node.count;
    return 1;
  }
  unsigned height = 0;
  for (unsigned i = 0; i < node.count; ++i) {
    const Node& child = *child_of(node, i);
    const unsigned child_height = verify_node(child, false, items);
    PW_CHECK(i == 0 || child_height == height);
    height = child_height;
    PW_CHECK(node.end[i] == child.end[child.count - 1]);
    PW_CHECK(node.gap_begin[i] == child.gap_begin[0]);
    PW_CHECK(node.hole[i] == largest_hole(child));
  }
  return height + 1;
}

void VmaTreeCore::verify() const {
  std::size_t items = 0;
  if (root_ != nullptr) verify_node(*root_, true, items);
  PW_CHECK(items == size_);
  std::size_t chained = 0;
  for (Cursor at = first(); at.leaf != nullptr; at.advance()) ++chained;
  PW_CHECK(chained == size_);
}

}  // namespace pw::detail
