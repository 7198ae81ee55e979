#include "policy/any_policy.hpp"

#include <array>

#include "policy/clock.hpp"
#include "policy/fifo.hpp"
#include "policy/lru.hpp"
#include "policy/second_chance.hpp"

namespace pw::policy {
namespace {

template <class... Policies>
struct Catalogue {
  static constexpr std::array<std::string_view, sizeof...(Policies)> kNames{Policies::kName...};

  static std::unique_ptr<AnyPolicy> make(std::string_view name, std::uint32_t ids) {
    std::unique_ptr<AnyPolicy> made;
    const auto consider = [&]<class P>() {
      if (name == P::kName) made = std::make_unique<PolicyAdapter<P>>(ids);
    };
    (consider.template operator()<Policies>(), ...);
    return made;
  }
};

using All = Catalogue<Fifo, Lru, Clock, SecondChance>;

}  // namespace

std::unique_ptr<AnyPolicy> make_policy(std::string_view name, std::uint32_t ids) {
  return All::make(name, ids);
}

std::span<const std::string_view> policy_names() { return All::kNames; }

}  // namespace pw::policy
