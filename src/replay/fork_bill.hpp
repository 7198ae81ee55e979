// What a fork costs afterwards: pages shared with a child or a parent that one of them writes, by
// the call stack of the write. A recording has that stack for a page that was touched before the
// fork; only such faults are in the bill, so that copies of files' pages are not.
//
// Owned by whoever asked; may stand before another watcher, which hears all of it too.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/counters.hpp"
#include "replay/watcher.hpp"

namespace pw::replay {

struct ForkSite {
  std::uint32_t stack = 0;   // Recording::stack()
  std::uint64_t copied = 0;  // pages
  std::uint64_t reused = 0;  // pages that nobody else had any more: no copy
  auto operator<=>(const ForkSite&) const = default;
};

class ForkBill final : public Watcher {
 public:
  explicit ForkBill(Watcher* next = nullptr) : next_(next) {}

  void begin(Machine& machine) override;
  void begin_chunk(std::size_t index, const record::Chunk& chunk) override;
  void played(const Played& event) override;

  // Most copied pages first, then most reused, then by stack.
  std::vector<ForkSite> sites() const;

 private:
  Watcher* next_;
  FaultCounters before_;
  std::unordered_map<std::uint32_t, ForkSite> by_stack_;
};

}  // namespace pw::replay
