// Every policy of this folder: a new one is its header and one line here. Included by what chooses
// a policy at run time (any_policy.cpp) or runs them all (the curve engine).
#pragma once

#include "policy/ageing.hpp"
#include "policy/arc.hpp"
#include "policy/car.hpp"
#include "policy/clock.hpp"
#include "policy/clock_pro.hpp"
#include "policy/fifo.hpp"
#include "policy/lfu.hpp"
#include "policy/lfu_ageing.hpp"
#include "policy/linux_lists.hpp"
#include "policy/lirs.hpp"
#include "policy/lru.hpp"
#include "policy/mfu.hpp"
#include "policy/mglru.hpp"
#include "policy/nru.hpp"
#include "policy/opt.hpp"
#include "policy/pff.hpp"
#include "policy/random.hpp"
#include "policy/s3_fifo.hpp"
#include "policy/second_chance.hpp"
#include "policy/sieve.hpp"
#include "policy/slru.hpp"
#include "policy/two_q.hpp"
#include "policy/working_set.hpp"
#include "policy/wsclock.hpp"

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
    Opt,                       //
    Lru,                       //
    Lfu,                       //
    LfuAgeing,                 //
    Mfu,                       //
    RandomChoice,              //
    SecondChance,              //
    Clock,                     //
    Nru,                       //
    Ageing,                    //
    WorkingSet,                //
    WsClock,                   //
    Pff,                       //
    TwoQ,                      //
    Slru,                      //
    Arc,                       //
    Car,                       //
    Lirs,                      //
    ClockPro,                  //
    S3Fifo,                    //
    Sieve,                     //
    LinuxLists,                //
    Mglru                      //
    >;

}  // namespace pw::policy
