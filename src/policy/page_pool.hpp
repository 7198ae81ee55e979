// PagePool: resident pages in an array without gaps, each known by its place, so that one can be
// drawn at random in O(1). The last page takes the place of one that leaves.
//
// Owned by a policy. Memory: 4 bytes a resident page, 3 or 4 an id.
#pragma once

#include <cstdint>
#include <vector>

#include "base/check.hpp"
#include "policy/id_numbers.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class PagePool {
 public:
  explicit PagePool(const Setup& setup) : number_of_(setup.ids, setup.ids) {}

  std::uint32_t size() const { return static_cast<std::uint32_t>(pages_.size()); }
  Id operator[](std::uint32_t place) const { return pages_[place]; }
  std::uint32_t place_of(Id id) const {
    const std::uint32_t number = id < number_of_.ids() ? number_of_[id] : 0;
    PW_CHECK_MSG(number != 0, "the page is not resident in this policy");
    return number - 1;
  }

  // At the last place.
  void add(Id id) {
    PW_CHECK_MSG(id < number_of_.ids() && number_of_[id] == 0,
                 "the page is resident already, or no id of this policy");
    pages_.push_back(id);
    number_of_.set(id, size());
  }
  void remove_at(std::uint32_t place) {
    const Id gone = pages_[place];
    put(pages_.back(), place);
    pages_.pop_back();
    number_of_.set(gone, 0);
  }
  void swap(std::uint32_t a, std::uint32_t b) {
    const Id at_a = pages_[a];
    put(pages_[b], a);
    put(at_a, b);
  }

 private:
  void put(Id id, std::uint32_t place) {
    pages_[place] = id;
    number_of_.set(id, place + 1);
  }

  std::vector<Id> pages_;
  IdNumbers<> number_of_;  // place + 1; 0: not resident
};

}  // namespace pw::policy
