// Random page tables in a guest's memory, and what to try on them: mostly trees that grant an
// access, with one thing amiss here and there, so that every rule of the walk decides some of them.
//
// The tables are never changed once they are made, and come from frames that no tree had before
// (tiny_guest.hpp says why).
#pragma once

#include <vector>

#include "base/random.hpp"
#include "kvm/tiny_guest.hpp"

namespace pw::kvm {

// What a run of trees is to insist on, where the guest has it.
struct Emphasis {
  int levels = 0;  // all trees with as many; 0: any
  int leaf = 0;    // leaves of this level; 0: any
  bool smep = false, smap = false, keys = false;
};

class RandomTree {
 public:
  RandomTree(Random& random, const TinyGuest& guest, const Emphasis& emphasis, Pfn& next_table);

  Pfn root() const { return first_; }
  Pfn end() const { return end_; }  // its tables are the frames from root() to here
  Controls controls() const;
  Mode mode() const { return random_.below(5) < 2 ? Mode::User : Mode::Kernel; }
  // An access to an address with something behind it, or to one nearby, or to nonsense.
  Probe probe() const;

 private:
  Pfn new_table();
  VirtAddr random_address() const;
  std::uint64_t random_flags() const;
  std::uint64_t random_leaf(int level) const;
  void add(VirtAddr at);

  Random& random_;
  const Emphasis emphasis_;
  const x86::TableMemory memory_;
  const std::uint64_t memory_size_;
  x86::WalkRules rules_;  // what the guest can do, with this tree's levels
  Pfn first_, end_;
  std::vector<VirtAddr> addresses_;
};

}  // namespace pw::kvm
