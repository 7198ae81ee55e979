// Where the parts of an address space lie: x86-64 with 4 or 5 levels, or 32-bit with 3 GiB for the
// user. Source: arch/x86/mm/mmap.c, fs/binfmt_elf.c of Linux; randomisation widths as there.
#pragma once

#include "base/random.hpp"
#include "space/address_space.hpp"

namespace pw {

struct LayoutConfig {
  int levels = 4;
  bool bits32 = false;  // 3 GiB of user space, whatever the tables could reach
  bool aslr = false;
  ByteCount stack_limit{8ULL << 20};
  PageCount stack_guard_gap{256};
};

struct ProcessLayout {
  SpaceLayout space;
  VirtAddr program_base;  // of a position-independent program
  VirtAddr stack_top;     // exclusive
};

// `random` is drawn from only with aslr.
ProcessLayout make_layout(const LayoutConfig& config, Random& random);

}  // namespace pw
