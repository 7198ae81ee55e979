// Looking through one of a policy's queues for a page that may go. Pages that may not keep their
// place and are asked again by the next search, so a search costs O(pages in front that may not
// go).
#pragma once

#include "policy/policy.hpp"

namespace pw::policy {

// The first page from the front that may go, whatever its accessed bit says; kNoPage if there is
// none. Queues is IdQueues.
template <class Queues, class Probe>
Id first_evictable(Queues& queues, unsigned queue, Probe&& probe) {
  for (Id id = queues.front(queue); id != kNoPage; id = queues.next(id)) {
    if (probe(id) != Verdict::Unevictable) return id;
  }
  return kNoPage;
}

}  // namespace pw::policy
