// Every policy of the catalogue, instantiated for both kinds of traces.
#include "analysis/sweep.hpp"
#include "base/check.hpp"
#include "policy/catalogue.hpp"

namespace pw::analysis {
namespace {

policy::Setup setup_of(std::uint32_t ids, std::uint32_t frames, const policy::PolicySpec& spec) {
  policy::Setup setup;
  setup.ids = ids;
  setup.frames = frames;
  setup.values = spec.values;
  return setup;
}

}  // namespace

Played play_policy(const PageTrace& trace, const policy::PolicySpec& spec, std::uint32_t frames,
                   const std::uint32_t* next) {
  Played played;
  policy::Everything::for_each([&]<class P>() {
    if (spec.name != P::kName) return;
    P policy(setup_of(trace.ids, frames, spec));
    played = play(trace, policy, frames, next);
  });
  return played;
}

Played play_policy(const DenseTrace& trace, const policy::PolicySpec& spec, std::uint32_t frames) {
  Played played;
  policy::Everything::for_each([&]<class P>() {
    if constexpr (P::kNeeds != policy::Needs::Future) {
      if (spec.name != P::kName) return;
      P policy(setup_of(trace.ids, frames, spec));
      played = play(trace, policy, frames);
    } else {
      PW_CHECK(spec.name != P::kName);
    }
  });
  return played;
}

}  // namespace pw::analysis
