// Which protection keys of a space are taken, and by whom; what PKRU says of them.
//
// Owned by an AddressSpace. Key 0 is every page's from the start. One key may be set aside for
// memory that may only be executed: programs can neither name nor free it.
//
// Sources: Intel SDM vol. 3A 4.6.2; arch/x86/include/asm/pkeys.h and arch/x86/mm/pkeys.c of Linux.
#pragma once

#include <cstdint>
#include <optional>

namespace pw {

inline constexpr unsigned kKeyCount = 16;
// PKRU of a new program: key 0 is open, all others are closed (init_pkru_value).
inline constexpr std::uint32_t kInitialPkru = 0x5555'5554;
inline constexpr std::uint32_t kPkruAccessDisable = 1, kPkruWriteDisable = 2;  // of each key

// Whether a load (or a store, if `write`) from a page with this key is refused.
constexpr bool key_denies(std::uint32_t pkru, unsigned key, bool write) {
  const std::uint32_t bits = pkru >> 2 * key & 3;
  return (bits & kPkruAccessDisable) != 0 || (write && (bits & kPkruWriteDisable) != 0);
}

constexpr std::uint32_t with_key_rights(std::uint32_t pkru, unsigned key, std::uint32_t disabled) {
  return (pkru & ~(std::uint32_t{3} << 2 * key)) | disabled << 2 * key;
}

class ProtectionKeys {
 public:
  // The lowest that is free.
  std::optional<unsigned> allocate() {
    for (unsigned key = 0; key < kKeyCount; ++key) {
      if ((taken_ >> key & 1U) != 0) continue;
      taken_ = static_cast<std::uint16_t>(taken_ | 1U << key);
      return key;
    }
    return std::nullopt;
  }
  // mm_pkey_is_allocated(): whether programs may name it.
  bool is_allocated(std::int64_t key) const {
    if (key < 0 || key >= kKeyCount || key == execute_only_) return false;
    return (taken_ >> key & 1U) != 0;
  }
  void release(unsigned key) { taken_ = static_cast<std::uint16_t>(taken_ & ~(1U << key)); }

  // The key of memory that may only be executed; -1: none has been needed.
  int execute_only() const { return execute_only_; }
  void set_execute_only(unsigned key) { execute_only_ = static_cast<int>(key); }

 private:
  std::uint16_t taken_ = 1;
  int execute_only_ = -1;
};

}  // namespace pw
