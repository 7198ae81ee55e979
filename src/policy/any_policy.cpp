#include "policy/any_policy.hpp"

#include <algorithm>
#include <cstdlib>

#include "policy/catalogue.hpp"

namespace pw::policy {
namespace {

template <class P>
class PolicyAdapter final : public AnyPolicy {
 public:
  explicit PolicyAdapter(const Setup& setup) : policy_(setup) {}
  void insert(Id id) override { policy_.insert(id); }
  void touch(Id id) override { policy_.touch(id); }
  void erase(Id id) override { policy_.erase(id); }
  Id victim(ProbeRef probe) override { return policy_.victim(probe); }
  void miss(Id id, ProbeRef probe) override {
    if constexpr (kHearsMisses<P>) policy_.miss(id, probe);
  }
  std::uint64_t tick(std::uint64_t now, ProbeRef probe) override {
    if constexpr (kTicks<P>) return policy_.tick(now, probe);
    return kNever;
  }
  Id surplus(ProbeRef probe) override {
    if constexpr (kGivesUp<P>) return policy_.surplus(probe);
    return kNoPage;
  }
  std::uint32_t size() const override { return policy_.size(); }
  Needs needs() const override { return P::kNeeds; }
  bool remembers() const override { return policy::remembers<P>(); }
  bool ticks() const override { return kTicks<P>; }
  bool hears_misses() const override { return kHearsMisses<P>; }
  bool marks_new() const override {
    if constexpr (requires { policy_.marks_new(); }) return policy_.marks_new();
    return P::kNeeds == Needs::AccessedBits;
  }
  std::string_view name() const override { return P::kName; }
  std::vector<ShownList> lists() override {
    if constexpr (kShows<P>) return policy_.lists();
    return {};
  }

 private:
  P policy_;
};

const std::vector<PolicyInfo>& all() {
  static const std::vector<PolicyInfo> infos = [] {
    std::vector<PolicyInfo> made;
    Everything::for_each([&]<class P>() {
      made.push_back({P::kName, P::kNeeds, parameters<P>(), remembers<P>()});
    });
    return made;
  }();
  return infos;
}

const PolicyInfo* find(std::string_view name) {
  const auto at = std::find_if(all().begin(), all().end(),
                               [&](const PolicyInfo& info) { return info.name == name; });
  return at == all().end() ? nullptr : &*at;
}

template <class Range, class Name>
std::string listed(const Range& range, Name&& name_of) {
  std::string text;
  for (const auto& each : range) text += (text.empty() ? "" : ", ") + std::string(name_of(each));
  return text;
}

std::string number(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

// One OPTION=VALUE into its place.
Result<void> set_option(const PolicyInfo& info, std::string_view option,
                        std::vector<double>& values) {
  const std::size_t equals = option.find('=');
  const std::string_view name = option.substr(0, equals);
  const auto at = std::find_if(info.parameters.begin(), info.parameters.end(),
                               [&](const Parameter& known) { return known.name == name; });
  if (equals == std::string_view::npos || at == info.parameters.end()) {
    const std::string known = listed(info.parameters, [](const auto& p) { return p.name; });
    return fail(Errno::Invalid, "policy " + std::string(info.name) + " has no option '" +
                                    std::string(option) + "'; it has " +
                                    (known.empty() ? "none" : known + " (as in NAME=VALUE)"));
  }
  const std::string text(option.substr(equals + 1));
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= at->least && value <= at->most)) {
    return fail(Errno::Invalid, "policy " + std::string(info.name) + ": " + std::string(name) +
                                    " is from " + number(at->least) + " to " + number(at->most) +
                                    ", not '" + text + "'");
  }
  values[static_cast<std::size_t>(at - info.parameters.begin())] = value;
  return {};
}

}  // namespace

std::string PolicySpec::text() const {
  std::string text = name;
  const PolicyInfo* info = find(name);
  if (info == nullptr) return text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == info->parameters[i].initial) continue;
    text += ":" + std::string(info->parameters[i].name) + "=" + number(values[i]);
  }
  return text;
}

Result<PolicySpec> parse_policy(std::string_view text) {
  const std::size_t colon = text.find(':');
  const PolicyInfo* info = find(text.substr(0, colon));
  if (info == nullptr) {
    return fail(Errno::Invalid, "no policy '" + std::string(text.substr(0, colon)) +
                                    "'; there are " +
                                    listed(all(), [](const auto& p) { return p.name; }));
  }
  PolicySpec spec{std::string(info->name), {}};
  for (const Parameter& parameter : info->parameters) spec.values.push_back(parameter.initial);
  std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  while (!rest.empty()) {
    const std::size_t next = rest.find(':');
    PW_TRY(set_option(*info, rest.substr(0, next), spec.values));
    rest = next == std::string_view::npos ? "" : rest.substr(next + 1);
  }
  return spec;
}

std::span<const PolicyInfo> policies() { return all(); }

std::span<const std::string_view> policy_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> made;
    for (const PolicyInfo& info : all()) {
      if (info.needs != Needs::Future) made.push_back(info.name);
    }
    return made;
  }();
  return names;
}

bool remembers(const PolicySpec& spec) {
  const PolicyInfo* info = find(spec.name);
  return info != nullptr && info->remembers;
}

std::unique_ptr<AnyPolicy> make_policy(const PolicySpec& spec, Setup setup) {
  setup.values = spec.values;
  std::unique_ptr<AnyPolicy> made;
  Everything::for_each([&]<class P>() {
    if constexpr (P::kNeeds != Needs::Future) {
      if (spec.name == P::kName) made = std::make_unique<PolicyAdapter<P>>(setup);
    }
  });
  return made;
}

std::unique_ptr<AnyPolicy> make_policy(std::string_view text, const Setup& setup) {
  const auto spec = parse_policy(text);
  return spec ? make_policy(*spec, setup) : nullptr;
}

}  // namespace pw::policy
