// What happened, in the order of time and bounded in number: where there is too much, spans that
// lie close together and are alike become one, which says how much it stands for. Nothing is left
// out, so that sums over all spans are sums over all that happened.
//
// Owned by a log of a replay (fault_spans.hpp, memory_spans.hpp). `Alike` says which spans may be
// joined, key(span), something that can be ordered, and how, append(to, span). A Span has begin_ns.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace pw::replay {

template <class Span, class Alike>
class JoinedSpans {
 public:
  // At most `most` spans, or one for each kind of alike ones if these are more.
  JoinedSpans(Alike alike, std::size_t most) : alike_(alike), most_(most) {}

  void add(const Span& span) {
    spans_.push_back(span);
    if (spans_.size() >= 2 * most_) join();
  }
  // Puts them into the order of time. Call once, when all are added.
  void finish() {
    if (spans_.size() > most_) join();
    if (stretch_ns_ > 0) join_within(stretch_ns_);  // those that came after the last time
    std::stable_sort(spans_.begin(), spans_.end(),
                     [](const Span& a, const Span& b) { return a.begin_ns < b.begin_ns; });
  }
  const std::vector<Span>& all() const { return spans_; }
  Span* last() { return spans_.empty() ? nullptr : &spans_.back(); }
  // Alike spans that begin in one stretch of so many ns were joined; 0: none were.
  std::uint64_t stretch_ns() const { return stretch_ns_; }

 private:
  void join() {
    std::uint64_t last_ns = 1;
    for (const Span& span : spans_) last_ns = std::max(last_ns, span.begin_ns);
    std::uint64_t stretch = std::max<std::uint64_t>({1, 2 * stretch_ns_, last_ns / most_});
    for (;; stretch *= 2) {
      join_within(stretch);
      if (spans_.size() <= most_) break;
      if (stretch > last_ns) {  // as few as there can be
        most_ = spans_.size();
        break;
      }
    }
    stretch_ns_ = stretch;
  }

  void join_within(std::uint64_t stretch_ns) {
    const auto key = [this, stretch_ns](const Span& span) {
      return std::pair(span.begin_ns / stretch_ns, alike_.key(span));
    };
    std::stable_sort(spans_.begin(), spans_.end(),
                     [&](const Span& a, const Span& b) { return key(a) < key(b); });
    std::size_t kept = 0;
    for (std::size_t i = 1; i < spans_.size(); ++i) {
      if (key(spans_[kept]) == key(spans_[i])) {
        alike_.append(spans_[kept], spans_[i]);
      } else {
        spans_[++kept] = spans_[i];
      }
    }
    spans_.resize(std::min(spans_.size(), kept + 1));
  }

  Alike alike_;
  std::size_t most_;
  std::uint64_t stretch_ns_ = 0;
  std::vector<Span> spans_;
};

}  // namespace pw::replay
