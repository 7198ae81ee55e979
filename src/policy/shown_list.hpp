// A policy's queues as they stand, for whoever shows them: read only, in the order in which the
// policy would look at its pages.
//
// What a policy offers, if it has anything to show:  std::vector<ShownList> lists()
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "policy/policy.hpp"

namespace pw::policy {

struct ShownList {
  std::string_view name;
  bool gone = false;      // names of pages that are not resident
  std::vector<Id> pages;  // the next candidate in front
  Id hand = kNoPage;      // the page that a hand points at
};

template <class P>
inline constexpr bool kShows = requires(P p) {
  p.lists();
};

// A queue of an IdQueues.
template <class Queues>
ShownList shown_queue(Queues& queues, unsigned queue, std::string_view name, bool gone = false) {
  ShownList list{name, gone, {}, kNoPage};
  queues.for_each(queue, [&list](Id id) { list.pages.push_back(id); });
  return list;
}
// An IdLog.
template <class Log>
ShownList shown_log(const Log& log, std::string_view name) {
  ShownList list{name, false, {}, kNoPage};
  log.for_each([&list](Id id) { list.pages.push_back(id); });
  return list;
}

}  // namespace pw::policy
