// Which functions the C library has chosen on this CPU: those that the dynamic linker finds.
#include "record/cpu_variants.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace pw::record {
namespace {

TEST(CpuVariants, AreWhereTheLinkerFindsThem) {
  const CpuVariants variants = cpu_variants();
  if (variants.chosen.empty()) GTEST_SKIP() << "the C library has no variants";
  EXPECT_GT(variants.entries, 1'000U);
  void* const library = dlopen("libc.so.6", RTLD_LAZY);
  ASSERT_NE(library, nullptr);
  for (const char* name : {"memmove", "memset", "strlen", "strchr", "strcpy"}) {
    void* const function = dlsym(library, name);
    Dl_info at{};
    ASSERT_TRUE(function != nullptr && dladdr(function, &at) != 0) << name;
    const std::uint64_t offset = reinterpret_cast<std::uintptr_t>(function) -
                                 reinterpret_cast<std::uintptr_t>(at.dli_fbase);
    EXPECT_TRUE(std::any_of(variants.chosen.begin(), variants.chosen.end(),
                            [&](const auto& each) { return each.second == offset; }))
        << name;
  }
}

TEST(CpuVariants, AreWrittenInHexadecimal) {
  const CpuVariants variants{.device = 0x10,
                             .inode = 0x2f,
                             .text_shift = 0,
                             .header = 0x1a0,
                             .table = 0x1ac,
                             .entries = 300,
                             .chosen = {{0x500, 0x20}, {0x508, 0xfff}}};
  EXPECT_EQ(to_option(variants), "10,2f,0,1a0,1ac,12c,500:20,508:fff");
}

}  // namespace
}  // namespace pw::record
