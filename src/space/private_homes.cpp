#include "space/private_homes.hpp"

#include <iterator>
#include <vector>

namespace pw {

PrivateHomes::Runs::const_iterator PrivateHomes::first_at(Vpn vpn) const {
  auto it = away_.upper_bound(vpn);
  if (it != away_.begin() && std::prev(it)->second.end > vpn) --it;
  return it;
}

PageOffset PrivateHomes::away_at(Vpn vpn) const {
  const auto it = first_at(vpn);
  if (it == away_.end() || it->first > vpn) return PageOffset(vpn.value);
  return it->second.offset + (vpn - it->first);
}

std::optional<Vpn> PrivateHomes::page_at(PageOffset at) const {
  if (away_.empty()) return Vpn(at.value);
  auto it = by_offset_.upper_bound(at);
  if (it != by_offset_.begin()) {
    --it;
    const Run& run = away_.at(it->second);
    if (at - it->first < run.end - it->second) return it->second + (at - it->first);
  }
  const Vpn home(at.value);
  const auto away = first_at(home);
  if (away != away_.end() && away->first <= home) return std::nullopt;  // stored elsewhere
  return home;
}

void PrivateHomes::put(VpnRange range, PageOffset offset) {
  if (offset.value == range.begin.value) return;
  const auto before = away_.lower_bound(range.begin);
  if (before != away_.begin()) {
    Run& last = std::prev(before)->second;
    const Vpn first = std::prev(before)->first;
    if (last.end == range.begin && last.offset + (last.end - first) == offset) {
      last.end = range.end;
      return;
    }
  }
  away_[range.begin] = {range.end, offset};
  by_offset_[offset] = range.begin;
}

void PrivateHomes::take(VpnRange range) {
  const auto begin = first_at(range.begin);
  for (auto it = away_.erase(begin, begin); it != away_.end() && it->first < range.end;) {
    const Vpn first = it->first;
    const Run run = it->second;
    by_offset_.erase(run.offset);
    it = away_.erase(it);
    if (first < range.begin) {
      away_[first] = {range.begin, run.offset};
      by_offset_[run.offset] = first;
    }
    if (run.end > range.end) {
      const PageOffset rest = run.offset + (range.end - first);
      away_[range.end] = {run.end, rest};
      by_offset_[rest] = range.end;
      return;
    }
  }
}

// Offsets equal to page numbers of the range may be held by pages that moved away: whoever comes
// there gets foreign ones, page run by page run.
void PrivateHomes::claim(VpnRange range) {
  if (away_.empty()) return;
  take(range);
  std::vector<VpnRange> taken;
  auto it = by_offset_.upper_bound(PageOffset(range.begin.value));
  if (it != by_offset_.begin()) --it;
  for (; it != by_offset_.end() && it->first.value < range.end.value; ++it) {
    const Run& run = away_.at(it->second);
    const Vpn first(it->first.value);
    const VpnRange held = intersection(range_of(first, run.end - it->second), range);
    if (!held.empty()) taken.push_back(held);
  }
  for (const VpnRange& pages : taken) {
    put(pages, PageOffset(next_foreign_));
    next_foreign_ += pages.pages().value;
  }
}

void PrivateHomes::release(VpnRange range) {
  if (!away_.empty()) take(range);
}

void PrivateHomes::move(VpnRange from, Vpn to) {
  struct Piece {
    VpnRange pages;
    PageOffset offset;
  };
  std::vector<Piece> pieces;
  for_each_run(from, [&](VpnRange pages, PageOffset offset) { pieces.push_back({pages, offset}); });
  take(from);
  take(range_of(to, from.pages()));
  for (const Piece& piece : pieces) {
    put(range_of(to + (piece.pages.begin - from.begin), piece.pages.pages()), piece.offset);
  }
}

}  // namespace pw
