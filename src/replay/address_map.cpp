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
  last_ = {};
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
  runs_[from.begin.value] = {from.end, to, false};
}

void AddressMap::leave_out(VpnRange from) {
  if (identity_ || from.begin >= from.end) return;
  forget(from);
  runs_[from.begin.value] = {from.end, from.begin, true};
}

bool AddressMap::look_for(Vpn recorded) const {
  const auto run = at(recorded);
  if (run == runs_.end() || run->second.out) return false;
  last_ = {run->first, run->second.end.value, run->second.to.value};
  return true;
}

bool AddressMap::left_out(Vpn recorded) const {
  if (identity_) return false;
  const auto run = at(recorded);
  return run != runs_.end() && run->second.out;
}

VirtAddr AddressMap::address(VirtAddr recorded) const {
  const std::optional<Vpn> page = find(page_of(recorded));
  if (!page) return recorded;
  return VirtAddr(address_of(*page).value + recorded.value % kPageSize);
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
