#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "analysis/heat_map.hpp"
#include "report/page_parts.hpp"
#include "report/stack_names.hpp"

namespace pw::report {
namespace {

using analysis::Op;
using analysis::OpKind;
using analysis::PageId;

// Frames and stacks as the page knows them, each different one once.
class Table {
 public:
  std::uint32_t stack(const std::vector<std::string>& names) {
    std::vector<std::uint32_t> frames;
    for (const std::string& name : names) {
      const auto [at, fresh] = frame_numbers_.try_emplace(
          name, static_cast<std::uint32_t>(frame_numbers_.size()));
      if (fresh) frames_.push_back(name);
      frames.push_back(at->second);
    }
    const auto [at, fresh] = stack_numbers_.try_emplace(
        frames, static_cast<std::uint32_t>(stack_numbers_.size()));
    if (fresh) stacks_.push_back(std::move(frames));
    return at->second;
  }
  nlohmann::ordered_json json() const { return {{"frames", frames_}, {"stacks", stacks_}}; }

 private:
  std::unordered_map<std::string, std::uint32_t> frame_numbers_;
  std::map<std::vector<std::uint32_t>, std::uint32_t> stack_numbers_;
  std::vector<std::string> frames_;
  std::vector<std::vector<std::uint32_t>> stacks_;  // outermost frame first
};

// By number of the recording's stacks, as PagePlace::stack has it: the page's number.
std::unordered_map<std::uint32_t, std::uint32_t> number_stacks(const record::Recording& recording,
                                                               const analysis::PageLog& log,
                                                               std::size_t most, Table& table) {
  std::unordered_map<std::uint32_t, std::uint64_t> counts;
  for (const analysis::PagePlace& place : log.places()) ++counts[place.stack];
  std::vector<std::pair<std::uint64_t, std::uint32_t>> order;
  for (const auto& [stack, count] : counts) order.emplace_back(count, stack);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::unordered_map<std::uint32_t, std::uint32_t> numbers;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t stack = order[i].second;
    if (stack == 0) {
      numbers[stack] = table.stack({kNoStackName});
    } else if (i < most) {
      numbers[stack] = table.stack(stack_names(recording, stack - 1));
    } else {
      numbers[stack] = table.stack({"(rarer call stacks)"});
    }
  }
  return numbers;
}

}  // namespace

std::vector<std::uint32_t> add_stacks(PagePack& pack, const record::Recording& recording,
                                      const analysis::DenseTrace& trace,
                                      const analysis::PageLog& log, const PageDataOptions& options,
                                      std::size_t bins) {
  Table table;
  const auto numbers = number_stacks(recording, log, options.stacks, table);
  std::vector<std::uint32_t> of_page;
  for (const analysis::PagePlace& place : log.places()) of_page.push_back(numbers.at(place.stack));

  // Pages by bin of their first use and by stack, in the order of time.
  analysis::BinWalk walk(trace.references, bins);
  std::vector<bool> seen(trace.ids);
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> touches;
  for (std::size_t i = 0; i < trace.ops.size(); ++i) {
    const PageId id = trace.ops[i].id();
    if (trace.ops[i].kind() != OpKind::Use || seen[id]) continue;
    seen[id] = true;
    const auto bin = static_cast<std::uint32_t>(walk.at(trace.times[i]));
    ++touches[{bin, of_page[id]}];
  }
  std::vector<std::uint32_t> bin, stack, pages;
  for (const auto& [key, count] : touches) {
    bin.push_back(key.first);
    stack.push_back(key.second);
    pages.push_back(count);
  }
  pack.meta["stacks"] = table.json();
  pack.add("touch.bin", bin);
  pack.add("touch.stack", stack);
  pack.add("touch.pages", pages);
  return of_page;
}

}  // namespace pw::report
