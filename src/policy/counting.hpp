// What LFU, MFU and LFU with ageing share: a CountOrder that hears of every reference. A policy
// adds its name and its choice.
#pragma once

#include "policy/count_order.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class Counting {
 public:
  static constexpr Needs kNeeds = Needs::References;

  explicit Counting(const Setup& setup) : order_(setup) {}

  std::uint32_t size() const { return order_.size(); }
  void insert(Id id) { order_.insert(id); }
  void touch(Id id) { order_.touch(id); }
  void erase(Id id) { order_.erase(id); }
  [[gnu::always_inline]] void prefetch(Id id) const { order_.prefetch(id); }

 protected:
  CountOrder order_;
};

}  // namespace pw::policy
