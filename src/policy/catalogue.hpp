// Every policy of this folder: a new one is its header and one line here. Included by what chooses
// a policy at run time (any_policy.cpp) or runs them all (the curve engine).
#pragma once

#include "policy/clock.hpp"
#include "policy/fifo.hpp"
#include "policy/lru.hpp"
#include "policy/second_chance.hpp"

namespace pw::policy {

template <class... Policies>
struct Catalogue {
  // Calls fn.template operator()<P>() for each policy.
  template <class Fn>
  static constexpr void for_each(Fn&& fn) {
    (fn.template operator()<Policies>(), ...);
  }
  static constexpr std::array<std::string_view, sizeof...(Policies)> kNames{Policies::kName...};
};

// In the order in which people are shown them.
using Everything = Catalogue<  //
    Fifo,                      //
    Lru,                       //
    Clock,                     //
    SecondChance               //
    >;

}  // namespace pw::policy
