// AnyPolicy: a replacement policy chosen by name at run time, for the reclaimer and the live pager.
// A virtual call is nothing beside a page fault; the curve engine, which makes millions of
// decisions a second, uses the policies as templates instead (catalogue.hpp).
//
// A policy is written NAME or NAME:OPTION=VALUE:..., as in "2q:kin=0.25:kout=0.5" (PolicySpec).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "policy/policy.hpp"
#include "policy/shown_list.hpp"

namespace pw::policy {

// A reference to any callable `Verdict(Id)`; valid while that callable lives, so for the call it is
// passed to.
class ProbeRef {
 public:
  template <class Probe,
            class = std::enable_if_t<!std::is_same_v<std::remove_cvref_t<Probe>, ProbeRef>>>
  ProbeRef(Probe&& probe)  // implicit, so that a lambda can be passed
      : target_(const_cast<void*>(static_cast<const void*>(std::addressof(probe)))),
        call_([](void* target, Id id) {
          return (*static_cast<std::remove_reference_t<Probe>*>(target))(id);
        }) {}
  Verdict operator()(Id id) const { return call_(target_, id); }

 private:
  void* target_;
  Verdict (*call_)(void*, Id);
};

// The operations are those of policy.hpp; what a policy does without does nothing here.
class AnyPolicy {
 public:
  virtual ~AnyPolicy() = default;
  virtual void insert(Id id) = 0;
  virtual void touch(Id id) = 0;
  virtual void erase(Id id) = 0;
  virtual Id victim(ProbeRef probe) = 0;
  virtual void miss(Id id, ProbeRef probe) = 0;
  virtual std::uint64_t tick(std::uint64_t now, ProbeRef probe) = 0;  // kNever: has no ticks
  virtual Id surplus(ProbeRef probe) = 0;
  virtual std::uint32_t size() const = 0;
  virtual Needs needs() const = 0;
  virtual bool remembers() const = 0;
  virtual bool ticks() const = 0;
  virtual bool hears_misses() const = 0;
  virtual bool marks_new() const = 0;
  virtual std::string_view name() const = 0;
  virtual std::vector<ShownList> lists() = 0;  // shown_list.hpp; none: it shows nothing
};

// A policy by name with the values of its options.
struct PolicySpec {
  std::string name;
  std::vector<double> values;  // in the order of the policy's parameters

  // As it was written, options only where they differ from the defaults.
  std::string text() const;
};

// Error: Invalid, with a sentence that names what there is, for an unknown policy or option, and a
// value that is no number or out of range.
Result<PolicySpec> parse_policy(std::string_view text);

// What there is to know about a policy.
struct PolicyInfo {
  std::string_view name;
  Needs needs = Needs::Nothing;
  std::span<const Parameter> parameters;
  bool remembers = false;
};
// All of them, in the order in which people are shown them.
std::span<const PolicyInfo> policies();
// The names of those that need no knowledge of the future: what a machine can run.
std::span<const std::string_view> policy_names();

bool remembers(const PolicySpec& spec);

// Null if there is no policy of that name, or if it needs the future. setup.values are replaced by
// the spec's.
std::unique_ptr<AnyPolicy> make_policy(const PolicySpec& spec, Setup setup);
// The same from text; null as well if parse_policy() refuses it.
std::unique_ptr<AnyPolicy> make_policy(std::string_view text, const Setup& setup);

}  // namespace pw::policy
