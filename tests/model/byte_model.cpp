#include "model/byte_model.hpp"

#include <algorithm>

namespace pw::model {

bool PageState::continues(const PageState& next) const {
  return rights == next.rights && may == next.may && shared == next.shared &&
         grows_down == next.grows_down && object == next.object &&
         (object == nullptr || object_page + 1 == next.object_page);
}

PageState* Space::find(std::uint64_t vpn) {
  const auto it = pages.find(vpn);
  return it == pages.end() ? nullptr : &it->second;
}

bool Space::free(std::uint64_t begin, std::uint64_t end) const {
  const auto it = pages.lower_bound(begin);
  return it == pages.end() || it->first >= end;
}

void Space::erase(std::uint64_t begin, std::uint64_t end) {
  pages.erase(pages.lower_bound(begin), pages.lower_bound(end));
}

// expand_downwards(): the next area above grows if it is a stack, within its limit, and a guard gap
// away from what lies below.
Verdict Space::grow(std::uint64_t vpn, bool refused) {
  const Verdict no{AccessResult::Kind::Segv, SignalCode::MapErr, false};
  const auto above = pages.upper_bound(vpn);
  if (above == pages.end() || !above->second.grows_down || vpn < lowest) return no;
  std::uint64_t end = above->first;
  bool one_origin = true;
  for (auto it = above; it != pages.end() && it->first == end; ++it, ++end) {
    const PageState& below = it == above ? it->second : std::prev(it)->second;
    if (it != above && !below.continues(it->second)) break;
    one_origin = one_origin && (it == above || below.surely_continues(it->second));
  }
  Verdict verdict;
  if (end - vpn > stack_limit_pages) {
    if (one_origin) return no;
    verdict.either = true;
  }
  if (above != pages.begin()) {
    const auto& [page, state] = *std::prev(above);
    const bool accessible = state.rights.read || state.rights.write || state.rights.execute;
    if (!state.grows_down && accessible && page + 1 + guard_pages > vpn) return no;
  }
  if (verdict.either && refused) return no;
  PageState fresh = above->second;
  fresh.own.clear();
  // A stack that grows down to another does not become one with it.
  if (moved || (vpn > 0 && find(vpn - 1) != nullptr)) fresh.origin = next_growth++;
  for (std::uint64_t page = above->first; page-- > vpn;) {
    --fresh.origin_index;
    pages[page] = fresh;
  }
  return verdict;
}

Verdict Space::access(std::uint64_t vpn, Access access, bool refused) {
  if (vpn >= user_end) return {AccessResult::Kind::Segv, SignalCode::MapErr, false};
  if (find(vpn) == nullptr) {
    const Verdict grown = grow(vpn, refused);
    if (grown.kind != AccessResult::Kind::Ok) return grown;
  }
  const PageState& page = *find(vpn);
  const Rights& rights = page.rights;
  const bool allowed = access == Access::Write     ? rights.write
                       : access == Access::Execute ? rights.execute
                                                   : rights.read || rights.write || rights.execute;
  const Verdict denied{AccessResult::Kind::Segv, SignalCode::AccErr, false};
  // A fetch from a page that is not there is taken for a read first.
  const bool accessible = rights.read || rights.write || rights.execute;
  if (!allowed && (access != Access::Execute || !accessible)) return denied;
  if (page.own.empty() && page.object != nullptr && page.object_page >= page.object->pages()) {
    return {AccessResult::Kind::Bus, SignalCode::AdrErr, false};
  }
  return allowed ? Verdict{} : denied;
}

void Space::load(std::uint64_t vpn, std::size_t offset, std::span<std::byte> out) {
  const PageState& page = *find(vpn);
  if (!page.own.empty()) {
    std::copy_n(page.own.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return;
  }
  std::fill(out.begin(), out.end(), std::byte{0});
  if (page.object == nullptr) return;
  const std::size_t from = page.object_page * kPageSize + offset;
  const Bytes& bytes = page.object->bytes;
  if (from >= bytes.size()) return;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(from),
              std::min(out.size(), bytes.size() - from), out.begin());
}

void Space::store(std::uint64_t vpn, std::size_t offset, std::span<const std::byte> bytes) {
  PageState& page = *find(vpn);
  if (page.shared) {
    const std::size_t at = page.object_page * kPageSize + offset;
    std::copy(bytes.begin(), bytes.end(),
              page.object->bytes.begin() + static_cast<std::ptrdiff_t>(at));
    return;
  }
  if (page.own.empty()) {
    Bytes copy(kPageSize);
    load(vpn, 0, copy);
    page.own = std::move(copy);
  }
  std::copy(bytes.begin(), bytes.end(), page.own.begin() + static_cast<std::ptrdiff_t>(offset));
}

bool Space::discard(std::uint64_t begin, std::uint64_t end) {
  std::uint64_t met = 0;
  for (auto it = pages.lower_bound(begin); it != pages.end() && it->first < end; ++it, ++met) {
    it->second.own.clear();
  }
  return met == end - begin;
}

int Space::protect(std::uint64_t begin, std::uint64_t end, Rights rights) {
  if (end > user_end) return static_cast<int>(Errno::NoMemory);
  torn = true;
  for (std::uint64_t vpn = begin; vpn < end; ++vpn) {
    PageState* page = find(vpn);
    if (page == nullptr) return static_cast<int>(Errno::NoMemory);
    if ((rights.write && !page->may.write) || (rights.execute && !page->may.execute)) {
      return static_cast<int>(Errno::Access);
    }
    page->rights = rights;
  }
  return 0;
}

bool Space::one_area(std::uint64_t begin, std::uint64_t end, bool& surely) {
  surely = true;
  for (std::uint64_t vpn = begin; vpn < end; ++vpn) {
    const PageState* page = find(vpn);
    if (page == nullptr) return false;
    const PageState* below = vpn == begin ? nullptr : find(vpn - 1);
    if (below != nullptr && !below->continues(*page)) return false;
    surely = surely && (below == nullptr || (!torn && below->surely_continues(*page)));
  }
  return true;
}

void Space::move(std::uint64_t from, std::uint64_t n, std::uint64_t to) {
  std::vector<PageState> taken;
  for (std::uint64_t i = 0; i < n; ++i) taken.push_back(std::move(*find(from + i)));
  erase(from, from + n);
  for (std::uint64_t i = 0; i < n; ++i) pages[to + i] = std::move(taken[i]);
  moved = true;
}

void Space::extend(const PageState& last, std::uint64_t at, std::uint64_t n, std::uint64_t origin) {
  PageState next = last;
  next.own.clear();
  next.origin = origin;
  for (std::uint64_t i = 0; i < n; ++i) {
    ++next.object_page;
    next.origin_index = i;
    pages[at + i] = next;
  }
}

void Space::forget_tail(const Object& object, std::uint64_t first) {
  for (auto& [vpn, page] : pages) {
    if (page.object.get() == &object && page.object_page >= first) page.own.clear();
  }
}

std::string name_of(AccessResult::Kind kind) {
  switch (kind) {
    case AccessResult::Kind::Ok:
      return "ok";
    case AccessResult::Kind::Segv:
      return "SIGSEGV";
    case AccessResult::Kind::Bus:
      return "SIGBUS";
    case AccessResult::Kind::Oom:
      return "OOM";
  }
  return "?";
}

}  // namespace pw::model
