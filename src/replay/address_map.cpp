#include "replay/address_map.hpp"

#include <algorithm>

namespace pw::replay {

AddressMap::Runs::const_iterator AddressMap::at(Vpn recorded) const {
  auto it = runs_.upper_bound(recorded.value);
  if (it == runs_.begin()) return runs_.end();
  --it;
  return recorded < it->second.end ? it : runs_.end();
}

void AddressMap::forget(VpnRange from) {
  near_.fill({});
  if (from.begin >= from.end) return;
  auto it = runs_.upper_bound(from.begin.value);
  if (it != runs_.begin()) --it;
  while (it != runs_.end() && it->first < from.end.value) {
    const Vpn begin(it->first);
    const Run run = it->second;
    if (run.end <= from.begin) {
      ++it;
      continue;
    }
    it = runs_.erase(it);
    if (begin < from.begin) runs_[begin.value] = {from.begin, run.to, run.out};
    if (run.end > from.end) {
      runs_[from.end.value] = {run.end, run.to + (from.end - begin), run.out};
    }
  }
}

void AddressMap::place(VpnRange from, Vpn to) {
  if (identity_ || from.begin >= from.end) return;
  forget(from);
  // One run with its neighbours where they are moved alike: allocators ask for memory piece by
  // piece.
  Run run{from.end, to, false};
  const auto after = runs_.find(from.end.value);
  if (after != runs_.end() && !after->second.out &&
      after->second.to == to + (from.end - from.begin)) {
    run.end = after->second.end;
    runs_.erase(after);
  }
  const auto before = at(Vpn(from.begin.value - 1));
  if (before != runs_.end() && !before->second.out &&
      before->second.to + (from.begin - Vpn(before->first)) == to) {
    runs_[before->first].end = run.end;
    return;
  }
  runs_[from.begin.value] = run;
}

void AddressMap::leave_out(VpnRange from) {
  if (identity_ || from.begin >= from.end) return;
  forget(from);
  runs_[from.begin.value] = {from.end, from.begin, true};
}

bool AddressMap::look_for(Vpn recorded, Vpn& place) const {
  if (identity_) {
    place = recorded;
    return true;
  }
  const auto run = at(recorded);
  if (run == runs_.end() || run->second.out) return false;
  const std::uint64_t begin = run->first, to = run->second.to.value;
  near_[slot(recorded)] = {begin, run->second.end.value - begin, to - begin};
  place = Vpn(recorded.value - begin + to);
  return true;
}

VpnRange AddressMap::run_around(Vpn recorded) const {
  if (identity_) return {Vpn(0), Vpn(~std::uint64_t{0})};
  const auto run = at(recorded);
  return {Vpn(run->first), run->second.end};
}

bool AddressMap::left_out(Vpn recorded) const {
  if (identity_) return false;
  const auto run = at(recorded);
  return run != runs_.end() && run->second.out;
}

void AddressMap::for_each(VpnRange recorded, const std::function<void(VpnRange)>& fn) const {
  if (identity_) return fn(recorded);
  VpnRange pending{Vpn(0), Vpn(0)};
  auto it = runs_.upper_bound(recorded.begin.value);
  if (it != runs_.begin()) --it;
  for (; it != runs_.end() && it->first < recorded.end.value; ++it) {
    const Vpn begin = std::max(Vpn(it->first), recorded.begin);
    const Vpn end = std::min(it->second.end, recorded.end);
    if (begin >= end || it->second.out) continue;
    const Vpn to = it->second.to + (begin - Vpn(it->first));
    const VpnRange part{to, to + (end - begin)};
    if (part.begin == pending.end) {
      pending.end = part.end;
      continue;
    }
    if (pending.begin < pending.end) fn(pending);
    pending = part;
  }
  if (pending.begin < pending.end) fn(pending);
}

}  // namespace pw::replay
