// AnyPolicy: a replacement policy chosen by name at run time, for the reclaimer and the live pager.
// A virtual call is nothing beside a page fault; the curve engine, which makes millions of
// decisions a second, uses the policies as templates instead.
//
// make_policy() knows every policy of this folder: a new one is its header and one line in
// any_policy.cpp.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "policy/policy.hpp"

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

// The operations are those of policy.hpp.
class AnyPolicy {
 public:
  virtual ~AnyPolicy() = default;
  virtual void insert(Id id) = 0;
  virtual void touch(Id id) = 0;
  virtual void erase(Id id) = 0;
  virtual Id victim(ProbeRef probe) = 0;
  virtual std::uint32_t size() const = 0;
  virtual Needs needs() const = 0;
  virtual std::string_view name() const = 0;
};

template <class P>
class PolicyAdapter final : public AnyPolicy {
 public:
  explicit PolicyAdapter(std::uint32_t ids) : policy_(ids) {}
  void insert(Id id) override { policy_.insert(id); }
  void touch(Id id) override { policy_.touch(id); }
  void erase(Id id) override { policy_.erase(id); }
  Id victim(ProbeRef probe) override { return policy_.victim(probe); }
  std::uint32_t size() const override { return policy_.size(); }
  Needs needs() const override { return P::kNeeds; }
  std::string_view name() const override { return P::kName; }

 private:
  P policy_;
};

// Null if there is no policy of that name.
std::unique_ptr<AnyPolicy> make_policy(std::string_view name, std::uint32_t ids);
// All names, in the order in which people are shown them.
std::span<const std::string_view> policy_names();

}  // namespace pw::policy
