#include "proc/layout.hpp"

#include <algorithm>

#include "arch/x86/pte.hpp"

namespace pw {

ProcessLayout make_layout(const LayoutConfig& config, Random& random) {
  using namespace literals;
  // The last page of the user half is never mapped (TASK_SIZE_MAX). With 5 levels programs get the
  // 47-bit window as well unless they ask for more; the machine gives them all of it.
  const std::uint64_t top = config.bits32 ? 0xC000'0000ULL
                                          : x86::user_end(config.levels).value - kPageSize;
  auto jitter = [&](std::uint64_t pages) {
    return config.aslr ? random.below(pages) << kPageShift : 0;
  };
  const std::uint64_t stack_pages = config.bits32 ? 1ULL << 11 : 1ULL << 22;  // 8 MiB, 16 GiB
  const std::uint64_t mmap_pages = config.bits32 ? 1ULL << 8 : 1ULL << 28;    // mmap_rnd_bits
  const std::uint64_t brk_pages = config.bits32 ? 1ULL << 11 : 1ULL << 13;    // 8 MiB, 32 MiB

  ProcessLayout layout;
  layout.stack_top = VirtAddr(top - jitter(stack_pages));
  const std::uint64_t pad = (config.aslr ? stack_pages << kPageShift : 0) +
                            bytes_of(config.stack_guard_gap).value;
  const std::uint64_t gap = std::clamp(config.stack_limit.value + pad, (128_MiB).value,
                                       top / 6 * 5);
  const std::uint64_t mmap_top = top - gap - jitter(mmap_pages);
  layout.program_base = VirtAddr(((top / 3 * 2) & ~(kPageSize - 1)) +
                                 (config.bits32 ? 0 : jitter(mmap_pages)));
  layout.space.mmap_top = page_of(VirtAddr(mmap_top));
  layout.space.user_end = page_of(VirtAddr(top));
  layout.space.heap_begin = page_of(layout.program_base + 16_MiB + ByteCount(jitter(brk_pages)));
  return layout;
}

}  // namespace pw
