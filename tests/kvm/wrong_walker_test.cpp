// The comparison with KVM notices bugs in a walker: each walker here breaks one rule, and is caught
// by the trees on which the right one agrees.
#include <gtest/gtest.h>

#include <string>

#include "kvm/comparison.hpp"

namespace pw {
namespace {

using kvm::Batch;
using x86::Manual;
using x86::WalkRules;

// Rights.
struct UpperRightsIgnored : Manual {
  static constexpr void gather(std::uint64_t entry, std::uint64_t& all, std::uint64_t& any) {
    all = (all & entry & x86::kAccessed) | (entry & x86::kAllRights);
    any = entry;
  }
};
struct UpperNoExecuteIgnored : Manual {
  static constexpr void gather(std::uint64_t entry, std::uint64_t& all, std::uint64_t& any) {
    all &= entry;
    any = entry;
  }
};
struct UserReachesKernelPages : Manual {
  static constexpr bool permits(std::uint64_t rights, Access access, Mode mode,
                                const WalkRules& rules) {
    return Manual::permits(mode == Mode::User ? rights | x86::kUser : rights, access, mode, rules);
  }
};
struct KernelKeptFromUserPages : Manual {
  static constexpr bool permits(std::uint64_t rights, Access access, Mode mode,
                                const WalkRules& rules) {
    return Manual::permits(rights, access, mode, rules) &&
           !(mode == Mode::Kernel && (rights & x86::kUser) != 0);
  }
};
struct KernelWritesAlways : Manual {
  static constexpr bool permits(std::uint64_t rights, Access access, Mode mode, WalkRules rules) {
    rules.write_protect = false;
    return Manual::permits(rights, access, mode, rules);
  }
};
struct WriteProtectAlways : Manual {
  static constexpr bool permits(std::uint64_t rights, Access access, Mode mode, WalkRules rules) {
    rules.write_protect = true;
    return Manual::permits(rights, access, mode, rules);
  }
};
struct NoWriteProtectForUser : Manual {
  static constexpr bool permits(std::uint64_t rights, Access access, Mode mode,
                                const WalkRules& rules) {
    return Manual::permits(rules.write_protect ? rights : rights | x86::kWritable, access, mode,
                           rules);
  }
};
struct NoExecuteForReads : Manual {
  static constexpr bool permits(std::uint64_t rights, Access access, Mode mode,
                                const WalkRules& rules) {
    return Manual::permits(rights, access, mode, rules) && (rights & x86::kNoExecute) == 0;
  }
};

// Reserved bits.
struct PhysicalBitsOffByOne : Manual {
  static constexpr std::uint64_t reserved_bits(int level, bool large, WalkRules rules) {
    ++rules.physical_bits;
    return Manual::reserved_bits(level, large, rules);
  }
};
struct HighestAddressBitAllowed : Manual {
  static constexpr std::uint64_t reserved_bits(int level, bool large, const WalkRules& rules) {
    return Manual::reserved_bits(level, large, rules) & ~(1ULL << 51);
  }
};
struct PatReserved : Manual {
  static constexpr std::uint64_t reserved_bits(int level, bool large, const WalkRules& rules) {
    return Manual::reserved_bits(level, large, rules) | (level == 2 && large ? 1ULL << 12 : 0);
  }
};
struct LowestLargeBitAllowed : Manual {
  static constexpr std::uint64_t reserved_bits(int level, bool large, const WalkRules& rules) {
    return Manual::reserved_bits(level, large, rules) & ~(level == 2 && large ? 1ULL << 13 : 0);
  }
};
struct HighestLargeBitAllowed : Manual {
  static constexpr std::uint64_t reserved_bits(int level, bool large, const WalkRules& rules) {
    return Manual::reserved_bits(level, large, rules) & ~(level == 2 && large ? 1ULL << 20 : 0);
  }
};
struct PageSizeIgnoredAtLevel4 : Manual {
  static constexpr std::uint64_t reserved_bits(int level, bool large, const WalkRules& rules) {
    return Manual::reserved_bits(level, large, rules) & ~(level == 4 ? x86::kLarge : 0);
  }
};
struct GlobalReservedAbove : Manual {
  static constexpr std::uint64_t reserved_bits(int level, bool large, const WalkRules& rules) {
    return Manual::reserved_bits(level, large, rules) | (level == 2 && large ? x86::kGlobal : 0);
  }
};
struct NoExecuteNeverReserved : Manual {
  static constexpr std::uint64_t reserved_bits(int level, bool large, WalkRules rules) {
    rules.no_execute = true;
    return Manual::reserved_bits(level, large, rules);
  }
};
struct GigabytePagesAlways : Manual {
  static constexpr std::uint64_t reserved_bits(int level, bool large, WalkRules rules) {
    rules.gigabyte_pages = true;
    return Manual::reserved_bits(level, large, rules);
  }
};

// Error codes: one bit never or always told.
template <std::uint32_t kClear, std::uint32_t kSet>
struct WrongErrorCode : Manual {
  static constexpr std::uint32_t error_code(Access access, Mode mode, x86::Refusal why,
                                            const WalkRules& rules) {
    return (Manual::error_code(access, mode, why, rules) & ~kClear) | kSet;
  }
};
struct FetchAlwaysTold : Manual {
  static constexpr std::uint32_t error_code(Access access, Mode mode, x86::Refusal why,
                                            const WalkRules& rules) {
    return Manual::error_code(access, mode, why, rules) |
           (access == Access::Execute ? x86::kErrorFetch : 0U);
  }
};

// A and D.
struct ReadsMakeDirty : Manual {
  static constexpr std::uint64_t leaf_marks(Access) { return x86::kAccessed | x86::kDirty; }
};
struct WritesLeaveClean : Manual {
  static constexpr std::uint64_t leaf_marks(Access) { return x86::kAccessed; }
};
struct LeavesNeverAccessed : Manual {
  static constexpr std::uint64_t leaf_marks(Access access) {
    return access == Access::Write ? x86::kDirty : 0;
  }
};
struct UpperNeverAccessed : Manual {
  static constexpr std::uint64_t upper_marks() { return 0; }
};
struct UpperDirty : Manual {
  static constexpr std::uint64_t upper_marks() { return x86::kAccessed | x86::kDirty; }
};

// Addresses.
struct NothingNonCanonical : Manual {
  static constexpr bool canonical(VirtAddr, int) { return true; }
};
struct TopLinearBitForgotten : Manual {
  static constexpr bool canonical(VirtAddr address, int levels) {
    const auto above = static_cast<std::int64_t>(address.value) >> x86::linear_bits(levels);
    return above == 0 || above == -1;
  }
};
struct FourLevelAddressesOnly : Manual {
  static constexpr bool canonical(VirtAddr address, int) { return x86::canonical(address, 4); }
};

// Features that not every host has.
struct SmepIgnored : Manual {
  static constexpr bool permits(std::uint64_t rights, Access access, Mode mode, WalkRules rules) {
    rules.smep = false;
    return Manual::permits(rights, access, mode, rules);
  }
};
struct SmapIgnored : Manual {
  static constexpr bool permits(std::uint64_t rights, Access access, Mode mode, WalkRules rules) {
    rules.smap = false;
    return Manual::permits(rights, access, mode, rules);
  }
};
struct SmapForWritesOnly : Manual {
  static constexpr bool permits(std::uint64_t rights, Access access, Mode mode, WalkRules rules) {
    rules.smap = rules.smap && access == Access::Write;
    return Manual::permits(rights, access, mode, rules);
  }
};
struct KeysForKernelPages : Manual {
  static constexpr bool has_key(std::uint64_t) { return true; }
};
struct KeysForFetches : Manual {
  static constexpr bool key_permits(unsigned bits, Access access, Mode mode,
                                    const WalkRules& rules) {
    return Manual::key_permits(bits, access, mode, rules) && (bits & x86::kKeyAccessDisable) == 0;
  }
};
struct KeysForUserModeOnly : Manual {
  static constexpr bool key_permits(unsigned bits, Access access, Mode mode,
                                    const WalkRules& rules) {
    return mode == Mode::Kernel || Manual::key_permits(bits, access, mode, rules);
  }
};
struct KeysOverrideWriteProtect : Manual {
  static constexpr bool key_permits(unsigned bits, Access access, Mode mode, WalkRules rules) {
    rules.write_protect = true;
    return Manual::key_permits(bits, access, mode, rules);
  }
};

bool always(const WalkRules&) { return true; }
bool has_fewer_bits(const WalkRules& r) { return r.physical_bits < 52; }
bool has_no_execute(const WalkRules& r) { return r.no_execute; }
bool has_no_gigabyte_pages(const WalkRules& r) { return !r.gigabyte_pages; }
bool has_five_levels(const WalkRules& r) { return r.levels == 5; }
bool has_smep(const WalkRules& r) { return r.smep; }
bool has_smap(const WalkRules& r) { return r.smap; }
bool has_keys(const WalkRules& r) { return r.protection_keys; }

struct Wrong {
  const char* name;
  std::string (*find_mismatch)(const Batch&, x86::TableMemory, kvm::Tally*);
  bool (*can_show)(const WalkRules& abilities) = always;
  const char* needs = "";
};
std::ostream& operator<<(std::ostream& out, const Wrong& wrong) { return out << wrong.name; }

template <class Semantics>
constexpr auto kMismatch = kvm::find_mismatch<x86::BasicWalker<Semantics>>;

const Wrong kWrong[] = {
    {"UpperRightsIgnored", kMismatch<UpperRightsIgnored>},
    {"UpperNoExecuteIgnored", kMismatch<UpperNoExecuteIgnored>, has_no_execute, "NX"},
    {"UserReachesKernelPages", kMismatch<UserReachesKernelPages>},
    {"KernelKeptFromUserPages", kMismatch<KernelKeptFromUserPages>},
    {"KernelWritesAlways", kMismatch<KernelWritesAlways>},
    {"WriteProtectAlways", kMismatch<WriteProtectAlways>},
    {"NoWriteProtectForUser", kMismatch<NoWriteProtectForUser>},
    {"NoExecuteForReads", kMismatch<NoExecuteForReads>, has_no_execute, "NX"},
    {"PhysicalBitsOffByOne", kMismatch<PhysicalBitsOffByOne>, has_fewer_bits, "MAXPHYADDR < 52"},
    {"HighestAddressBitAllowed", kMismatch<HighestAddressBitAllowed>, has_fewer_bits,
     "MAXPHYADDR < 52"},
    {"PatReserved", kMismatch<PatReserved>},
    {"LowestLargeBitAllowed", kMismatch<LowestLargeBitAllowed>},
    {"HighestLargeBitAllowed", kMismatch<HighestLargeBitAllowed>},
    {"PageSizeIgnoredAtLevel4", kMismatch<PageSizeIgnoredAtLevel4>},
    {"GlobalReservedAbove", kMismatch<GlobalReservedAbove>},
    {"NoExecuteNeverReserved", kMismatch<NoExecuteNeverReserved>, has_no_execute, "NX"},
    {"GigabytePagesAlways", kMismatch<GigabytePagesAlways>, has_no_gigabyte_pages,
     "a processor without pages of 1 GiB"},
    {"PresentNeverTold", kMismatch<WrongErrorCode<x86::kErrorPresent, 0>>},
    {"PresentAlwaysTold", kMismatch<WrongErrorCode<0, x86::kErrorPresent>>},
    {"WriteNeverTold", kMismatch<WrongErrorCode<x86::kErrorWrite, 0>>},
    {"UserNeverTold", kMismatch<WrongErrorCode<x86::kErrorUser, 0>>},
    {"ReservedNeverTold", kMismatch<WrongErrorCode<x86::kErrorReserved, 0>>},
    {"FetchNeverTold", kMismatch<WrongErrorCode<x86::kErrorFetch, 0>>, has_no_execute, "NX"},
    {"FetchAlwaysTold", kMismatch<FetchAlwaysTold>},
    {"ReadsMakeDirty", kMismatch<ReadsMakeDirty>},
    {"WritesLeaveClean", kMismatch<WritesLeaveClean>},
    {"LeavesNeverAccessed", kMismatch<LeavesNeverAccessed>},
    {"UpperNeverAccessed", kMismatch<UpperNeverAccessed>},
    {"UpperDirty", kMismatch<UpperDirty>},
    {"NothingNonCanonical", kMismatch<NothingNonCanonical>},
    {"TopLinearBitForgotten", kMismatch<TopLinearBitForgotten>},
    {"FourLevelAddressesOnly", kMismatch<FourLevelAddressesOnly>, has_five_levels, "five levels"},
    {"SmepIgnored", kMismatch<SmepIgnored>, has_smep, "SMEP"},
    {"SmapIgnored", kMismatch<SmapIgnored>, has_smap, "SMAP"},
    {"SmapForWritesOnly", kMismatch<SmapForWritesOnly>, has_smap, "SMAP"},
    {"KeysForKernelPages", kMismatch<KeysForKernelPages>, has_keys, "protection keys"},
    {"KeysForFetches", kMismatch<KeysForFetches>, has_keys, "protection keys"},
    {"KeysForUserModeOnly", kMismatch<KeysForUserModeOnly>, has_keys, "protection keys"},
    {"KeysOverrideWriteProtect", kMismatch<KeysOverrideWriteProtect>, has_keys, "protection keys"},
    {"KeyNeverTold", kMismatch<WrongErrorCode<x86::kErrorProtectionKey, 0>>, has_keys,
     "protection keys"},
};

struct KvmWrongWalker : ::testing::TestWithParam<Wrong> {};
INSTANTIATE_TEST_SUITE_P(Rule, KvmWrongWalker, ::testing::ValuesIn(kWrong),
                         [](const auto& of) { return std::string(of.param.name); });

// In a quarter of the checks that the right walker passes.
TEST_P(KvmWrongWalker, IsNoticed) {
  std::string why;
  if (!kvm::TinyGuest::offered(why)) GTEST_SKIP() << why;
  const auto guest = kvm::TinyGuest::create(kvm::kGuestMemory, kvm::kMostPhysicalBits, why);
  ASSERT_NE(guest, nullptr) << why;
  if (!GetParam().can_show(guest->abilities())) {
    GTEST_SKIP() << "KVM on this host does not offer " << GetParam().needs;
  }
  const kvm::HostBytes scratch(kvm::kGuestMemory);
  const x86::TableMemory memory(scratch.data());
  kvm::Campaign campaign;
  campaign.guests = 2;
  campaign.trees = 250;
  std::string mismatch;
  std::size_t checks = 0;
  why = kvm::play(campaign, [&](const Batch& batch) {
    EXPECT_EQ(kvm::find_mismatch<x86::Walker>(batch, memory, nullptr), "");
    mismatch = GetParam().find_mismatch(batch, memory, nullptr);
    checks += batch.probes.size();
    return mismatch.empty();
  });
  ASSERT_EQ(why, "");
  EXPECT_NE(mismatch, "") << "not noticed in " << checks << " checks";
  RecordProperty("checks", static_cast<int>(checks));
}

}  // namespace
}  // namespace pw
