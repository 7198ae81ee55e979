// What a replacement policy is (see DESIGN: one algorithm, three uses).
//
// A policy orders resident pages, known by dense 32-bit ids, and names victims. It is a plain
// class, no virtual functions; the curve engine instantiates it as a template, the reclaimer and
// the live pager reach it through an adapter. A policy never knows frames, areas or time beyond
// what it is told here.
//
//   explicit P(std::uint32_t ids)             ids in use are 0 .. ids-1; memory is taken as they
//                                             come into use
//   static constexpr std::string_view kName
//   static constexpr Needs kNeeds             what the policy lives on
//   void insert(Id)                           the page became resident; it was not before
//   void touch(Id)                            it was referenced; called only if kNeeds is
//                                             References
//   void erase(Id)                            it went for another reason (unmapped, truncated);
//                                             it must be resident
//   template <class Probe> Id victim(Probe&&) chooses a victim and forgets it; kNoPage if none
//                                             may go
//   std::uint32_t size() const                resident pages
//
// Probe is called as `Verdict probe(Id)` for a candidate; it tests and clears the accessed bit. A
// policy whose kNeeds is Nothing or References calls it too, and honours Unevictable only. victim()
// returns kNoPage after having met every page without finding one that may go: it always ends.
#pragma once

#include <cstdint>
#include <string_view>

namespace pw::policy {

using Id = std::uint32_t;
inline constexpr Id kNoPage = 0xFFFF'FFFFU;

enum class Needs : std::uint8_t { Nothing, AccessedBits, References };
enum class Verdict : std::uint8_t { Idle, Accessed, Unevictable };

}  // namespace pw::policy
