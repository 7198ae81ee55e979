#include "analysis/larger_pages.hpp"

#include <map>
#include <utility>

namespace pw::analysis {
namespace {

constexpr PageId kNone = 0xFFFF'FFFFU;

struct Large {
  PageId id = kNone;
  std::uint32_t in_use = 0;
  std::uint32_t touched = 0;  // parts that are not given back
};

class Merger {
 public:
  Merger(const DenseTrace& trace, const std::vector<PagePlace>& places, unsigned bits)
      : trace_(trace), large_of_(trace.ids, kNone), touched_(trace.ids) {
    std::map<std::pair<std::uint32_t, std::uint64_t>, PageId> numbers;
    for (PageId id = 0; id < trace.ids; ++id) {
      const std::pair key(places[id].pid, places[id].page >> bits);
      const auto next = static_cast<PageId>(numbers.size());
      large_of_[id] = numbers.try_emplace(key, next).first->second;
    }
    large_.resize(numbers.size());
    out_.trace.filter_pages = trace.filter_pages;
    out_.trace.references = trace.references;
    out_.trace.inferred = trace.inferred;
  }

  LargeTrace merge() {
    for (std::size_t i = 0; i < trace_.ops.size(); ++i) step(i);
    return std::move(out_);
  }

 private:
  void step(std::size_t i) {
    const Op op = trace_.ops[i];
    Large& large = large_[large_of_[op.id()]];
    switch (op.kind()) {
      case OpKind::Use:
        if (!touched_[op.id()]) {
          touched_[op.id()] = true;
          ++large.touched;
        }
        if (large.id == kNone) {
          large.id = out_.trace.ids++;
          out_.first_part.push_back(op.id());
        }
        if (large.in_use++ == 0) emit(i, {OpKind::Use, large.id});
        break;
      case OpKind::Rest:
        if (--large.in_use == 0) emit(i, {OpKind::Rest, large.id});
        break;
      case OpKind::Drop:
        if (!touched_[op.id()]) break;
        touched_[op.id()] = false;
        if (--large.touched > 0) break;
        emit(i, {OpKind::Drop, large.id});
        large.id = kNone;
        break;
    }
  }
  void emit(std::size_t i, Op op) {
    out_.trace.ops.push_back(op);
    if (!trace_.times.empty()) out_.trace.times.push_back(trace_.times[i]);
  }

  const DenseTrace& trace_;
  std::vector<PageId> large_of_;  // by small id: its place in large_
  std::vector<bool> touched_;     // by small id
  std::vector<Large> large_;
  LargeTrace out_;
};

}  // namespace

LargeTrace with_larger_pages(const DenseTrace& trace, const std::vector<PagePlace>& places,
                             unsigned bits) {
  return Merger(trace, places, bits).merge();
}

}  // namespace pw::analysis
