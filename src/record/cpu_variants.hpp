// Which variants of its functions the C library has taken on this CPU, for a recorder on whose CPU
// it takes others (recorder/valgrind/variants.c).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace pw::record {

// Of the C library as this process has it loaded; addresses are relative to where that is.
struct CpuVariants {
  std::uint64_t device = 0, inode = 0;   // of its file
  std::uint64_t text_shift = 0;          // of code: its address minus its offset in the file
  std::uint64_t header = 0;              // .eh_frame_hdr
  std::uint64_t table = 0, entries = 0;  // its sorted table of functions
  std::vector<std::pair<std::uint64_t, std::uint64_t>> chosen;  // a slot, the function in it
};

// None chosen: the C library is not a shared one, or not of the GNU kind.
CpuVariants cpu_variants();

// As the recorder's option takes it, in hexadecimal: "device,inode,...,slot:function,...".
std::string to_option(const CpuVariants& variants);

}  // namespace pw::record
