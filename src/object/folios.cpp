#include "object/folios.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace pw {

Folios::Map::const_iterator Folios::holder(PageOffset at) const {
  auto it = folios_.upper_bound(at.value);
  if (it == folios_.begin()) return folios_.end();
  --it;
  return span(*it).contains(at) ? it : folios_.end();
}

void Folios::add(FolioSpan folio, bool marked) {
  PW_CHECK(folio.order <= kMostFolioOrder && folio.first.value % folio.pages().value == 0);
  erase(folio.first, folio.end());
  if (folio.order == 0 && !marked) return;
  folios_[folio.first.value] = {static_cast<std::uint8_t>(folio.order), marked};
}

void Folios::clear_mark(PageOffset at) {
  const auto it = holder(at);
  if (it == folios_.end()) return;
  if (it->second.order == 0) {
    folios_.erase(it);
  } else {
    folios_[it->first].marked = false;
  }
}

void Folios::erase(PageOffset begin, PageOffset end) {
  split(begin);
  split(end);
  folios_.erase(folios_.lower_bound(begin.value), folios_.lower_bound(end.value));
}

// Makes `at` the beginning of a folio: halves the one that holds it, and the half that does, until
// it is. The parts carry no mark.
void Folios::split(PageOffset at) {
  const auto it = holder(at);
  if (it == folios_.end() || it->first == at.value) return;
  FolioSpan rest = span(*it);
  folios_.erase(it);
  while (rest.first != at) {
    --rest.order;
    const FolioSpan upper{rest.end(), rest.order};
    const bool above = at >= upper.first;
    const FolioSpan other = above ? rest : upper;
    if (other.order > 0)
      folios_[other.first.value] = {static_cast<std::uint8_t>(other.order), false};
    if (above) rest = upper;
  }
  if (rest.order > 0) folios_[rest.first.value] = {static_cast<std::uint8_t>(rest.order), false};
}

}  // namespace pw
