#include "replay/fork_bill.hpp"

#include <algorithm>
#include <tuple>

namespace pw::replay {

void ForkBill::begin(Machine& machine) {
  if (next_ != nullptr) next_->begin(machine);
}

void ForkBill::begin_chunk(std::size_t index, const record::Chunk& chunk) {
  if (next_ != nullptr) next_->begin_chunk(index, chunk);
}

void ForkBill::played(const Played& played) {
  const FaultCounters& now = played.machine.core().counters.faults;
  const std::uint64_t copied = now.copy_on_write - before_.copy_on_write;
  const std::uint64_t reused = now.reused - before_.reused;
  const record::Event* stack = copied + reused == 0
                                   ? nullptr
                                   : stack_behind(played.chunk, played.at,
                                                  record::StackCause::WriteAfterFork);
  if (stack != nullptr) {
    ForkSite& site = by_stack_.try_emplace(stack->index, ForkSite{stack->index}).first->second;
    site.copied += copied;
    site.reused += reused;
  }
  before_ = now;
  if (next_ != nullptr) next_->played(played);
}

std::vector<ForkSite> ForkBill::sites() const {
  std::vector<ForkSite> all;
  for (const auto& [stack, site] : by_stack_) all.push_back(site);
  std::sort(all.begin(), all.end(), [](const ForkSite& a, const ForkSite& b) {
    return std::tuple(b.copied, b.reused, a.stack) < std::tuple(a.copied, a.reused, b.stack);
  });
  return all;
}

}  // namespace pw::replay
