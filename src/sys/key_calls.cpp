// Protection keys: pkey_alloc(2), pkey_free(2), pkey_mprotect(2).
//
// A CPU without them has not even key 0: all calls that name or want a key fail with EINVAL
// (mm/mprotect.c; arch/x86/include/asm/pkeys.h, arch_set_user_pkey_access()).
#include "sys/abi.hpp"
#include "sys/kernel.hpp"

namespace pw::sys {

Reply Kernel::pkey_alloc(Process& process, const Request& r) {
  constexpr std::uint64_t kRights = kKeyDisableAccess | kKeyDisableWrite;
  if (r.args[0] != 0 || (r.args[1] & ~kRights) != 0) return failed(Errno::Invalid);
  if (!machine_->config().protection_keys) return failed(Errno::Invalid);
  const std::optional<unsigned> key = process.space->settings().keys.allocate();
  if (!key) return failed(Errno::NoSpace);
  process.pkru = with_key_rights(process.pkru, *key, static_cast<std::uint32_t>(r.args[1]));
  return {*key, {}};
}

// Any key that is taken, key 0 not excepted. Pages that have it keep it.
Reply Kernel::pkey_free(Process& process, const Request& r) {
  const auto key = static_cast<std::int32_t>(r.args[0]);
  ProtectionKeys& keys = process.space->settings().keys;
  if (!machine_->config().protection_keys || !keys.is_allocated(key)) {
    return failed(Errno::Invalid);
  }
  keys.release(static_cast<unsigned>(key));
  return {};
}

Reply Kernel::pkey_mprotect(Process& process, const Request& r) {
  const auto key = static_cast<std::int32_t>(r.args[3]);
  if (key == -1) return protect(process, r, std::nullopt);
  // Without keys none is allocated.
  return protect(process, r, machine_->config().protection_keys ? std::int64_t{key} : -2);
}

// execute_only_pkey(), arch/x86/mm/pkeys.c.
std::optional<std::uint8_t> Kernel::execute_only_key(Process& process) {
  if (!machine_->config().protection_keys) return std::nullopt;
  ProtectionKeys& keys = process.space->settings().keys;
  if (keys.execute_only() < 0) {
    const std::optional<unsigned> fresh = keys.allocate();
    if (!fresh) return std::nullopt;
    keys.set_execute_only(*fresh);
  }
  const auto key = static_cast<unsigned>(keys.execute_only());
  if (!key_denies(process.pkru, key, false)) {
    process.pkru = with_key_rights(process.pkru, key, kPkruAccessDisable);
  }
  return static_cast<std::uint8_t>(key);
}

}  // namespace pw::sys
