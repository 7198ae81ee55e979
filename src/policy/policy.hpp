// What a replacement policy is (see DESIGN: one algorithm, three uses).
//
// A policy orders resident pages, known by dense 32-bit ids, and names victims. It is a plain
// class, no virtual functions; the curve engine instantiates it as a template, the reclaimer and
// the live pager reach it through an adapter (any_policy.hpp). A policy never knows frames, areas
// or time beyond what it is told here.
//
//   explicit P(const Setup&)                  see Setup; memory is taken as ids come into use
//   static constexpr std::string_view kName
//   static constexpr Needs kNeeds             what the policy lives on
//   void insert(Id)                           the page became resident; it was not before
//   void touch(Id)                            it was referenced; called only if kNeeds is
//                                             References or Future
//   void erase(Id)                            the page is gone for another reason (unmapped,
//                                             truncated): forgotten, its ghost too
//   template <class Probe> Id victim(Probe&&) chooses a resident page and evicts it; kNoPage if
//                                             none may go
//   std::uint32_t size() const                resident pages
//
// and, only where the policy has a use for it:
//
//   static constexpr auto kParameters         std::array of Parameter: its options, with defaults
//   static constexpr bool kRemembers = true   it knows pages after their eviction (ghosts), so an
//   id
//                                             must mean the same page until erase()
//   void miss(Id, Probe&&)                    the page is referenced and not resident; called
//   before
//                                             room is made by victim() and before insert(). A
//                                             caller that can't tell in time leaves it out:
//                                             insert() then does what is left to do. To a policy
//                                             that does not remember, the id may be kNoPage
//   std::uint64_t tick(std::uint64_t now, Probe&&)
//                                             does what is due at virtual time `now` and returns
//                                             the time of the next tick. Virtual time is the number
//                                             of the reference about to happen; called at time 0,
//                                             when a tick is due, and before each miss() to tell
//                                             the time. A caller may come late
//   Id surplus(Probe&&)                       a resident page that the policy gives up although
//                                             nobody asks, evicted by this; kNoPage: none (any
//                                             more). Asked after miss() and tick()
//   void foresee(std::uint64_t next)          Needs::Future: the time of the next reference to the
//                                             page in the insert() or touch() that follows; kNever
//   void prefetch(Id) const                   the page will be referenced soon: hint for the host
//   bool marks_new() const                    AccessedBits: whether the reference that faults sets
//                                             the accessed bit, as hardware does; without it: yes
//
// Probe is called as `Verdict probe(Id)` for a resident page; it tests and clears the accessed bit.
// A policy whose kNeeds is not AccessedBits calls it too before it evicts, and honours Unevictable
// only. victim() returns kNoPage after having met every page without finding one that may go: it
// always ends.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace pw::policy {

using Id = std::uint32_t;
inline constexpr Id kNoPage = 0xFFFF'FFFFU;
inline constexpr std::uint64_t kNever = ~std::uint64_t{0};

enum class Needs : std::uint8_t { Nothing, AccessedBits, References, Future };
enum class Verdict : std::uint8_t { Idle, Accessed, Unevictable };

// An option of a policy. Shares are 0..1, times are in references, switches 0 or 1.
struct Parameter {
  std::string_view name;
  double initial;  // the default
  double least, most;
  std::string_view what;
};

// How a policy is made.
struct Setup {
  std::uint32_t ids = 0;     // ids in use are 0 .. ids-1
  std::uint32_t frames = 0;  // resident pages at most, > 0: what shares and ghosts are counted in
  std::uint64_t seed = 1;    // for a policy that draws lots
  std::span<const double> values = {};  // in the order of kParameters; empty: the defaults

  double value(std::span<const Parameter> parameters, std::size_t index) const {
    return index < values.size() ? values[index] : parameters[index].initial;
  }
  // A share of the frames, rounded down, but `least` at least.
  std::uint32_t share(double part, std::uint32_t least = 1) const {
    const auto count = static_cast<std::uint32_t>(part * frames);
    return count < least ? least : count;
  }
};

// What a policy offers beyond the required.
struct AnswersIdle {
  Verdict operator()(Id) const { return Verdict::Idle; }
};
template <class P>
inline constexpr bool kHearsMisses = requires(P p, AnswersIdle probe) {
  p.miss(Id{}, probe);
};
template <class P>
inline constexpr bool kTicks = requires(P p, AnswersIdle probe) {
  p.tick(std::uint64_t{}, probe);
};
template <class P>
inline constexpr bool kGivesUp = requires(P p, AnswersIdle probe) {
  p.surplus(probe);
};
template <class P>
inline constexpr bool kPrefetches = requires(const P p) {
  p.prefetch(Id{});
};
// A probe may have prefetch(Id): it will be asked about the page soon; a hint for the host.
template <class Probe>
[[gnu::always_inline]] inline void prefetch_for(const Probe& probe, Id id) {
  if constexpr (requires { probe.prefetch(id); }) probe.prefetch(id);
}
template <class P>
inline constexpr bool kHearsReferences = P::kNeeds == Needs::References ||
                                         P::kNeeds == Needs::Future;
template <class P>
constexpr bool remembers() {
  if constexpr (requires { P::kRemembers; }) return P::kRemembers;
  return false;
}
template <class P>
constexpr std::span<const Parameter> parameters() {
  if constexpr (requires { P::kParameters; }) return P::kParameters;
  return {};
}

}  // namespace pw::policy
