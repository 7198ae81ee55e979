// What a port asks when an access could not be translated, and what it is told.
#pragma once

#include <cstdint>

#include "base/access.hpp"
#include "space/address_space.hpp"

namespace pw {

struct FaultRequest {
  AddressSpace* space = nullptr;
  VirtAddr address;
  Access access = Access::Read;
  bool major = false;      // this access has waited for a device already: it is being tried again
  std::uint32_t pkru = 0;  // of the thread; 0: keys are not asked
  // A read that needs the page to be this space's alone, as a write would (FAULT_FLAG_UNSHARE).
  bool unshare = false;
  std::uint32_t memory_waits = 0;  // how often it has waited for frames that transfers held
};

enum class SignalCode : std::uint8_t {
  MapErr,
  AccErr,
  AdrErr,
  PkuErr,
  Kernel
};  // si_code of SIGSEGV and SIGBUS

struct FaultOutcome {
  enum class Kind : std::uint8_t {
    Resolved,  // access again
    Wait,      // access again at until_ns, with request.major as it is now
    Segv,
    Bus,
    Oom,
  };
  Kind kind = Kind::Resolved;
  SignalCode code = SignalCode::MapErr;
  std::uint64_t until_ns = 0;

  static FaultOutcome resolved() { return {}; }
  static FaultOutcome wait(std::uint64_t until_ns) { return {Kind::Wait, {}, until_ns}; }
  static FaultOutcome segv(SignalCode code) { return {Kind::Segv, code, 0}; }
  static FaultOutcome bus() { return {Kind::Bus, SignalCode::AdrErr, 0}; }
  static FaultOutcome oom() { return {Kind::Oom, {}, 0}; }
};

// The steps of a fault, for whoever watches one (tests, the explorer). Null pointers are allowed
// nowhere; a machine without a watcher has none.
enum class FaultStep : std::uint8_t { Request, Area, Frame, PageIn, Install, Restart };

class FaultWatcher {
 public:
  virtual ~FaultWatcher() = default;
  virtual void step(FaultStep step, const FaultRequest& request, std::uint64_t detail) = 0;
};

}  // namespace pw
