// Loading an ELF64 executable: its segments are mapped from the file, nothing is read but the
// headers. Source: the ELF-64 object file format, version 1.5; load_elf_binary(), fs/binfmt_elf.c.
#pragma once

#include <string>
#include <vector>

#include "space/address_space.hpp"

namespace pw {

struct ElfSegment {
  VirtAddr address;
  ByteCount file_offset, file_size, memory_size;
  Rights rights;
};

struct ElfImage {
  bool position_independent = false;
  VirtAddr entry;
  std::string interpreter;           // empty: none
  std::vector<ElfSegment> segments;  // PT_LOAD, ascending
};

struct ZeroRange {  // of the last file page of a segment: to be cleared by writing
  VirtAddr begin;
  ByteCount length;
};

struct LoadedProgram {
  VirtAddr entry;
  VirtAddr base;   // what was added to the file's addresses
  Vpn heap_begin;  // the page after the last segment
  std::vector<ZeroRange> zero_tails;
};

// Reads the headers through the page cache. Errors: NotExecutable (not ELF64 x86-64, or broken),
// Io.
Result<ElfImage> read_elf(Core& core, VmObject& file);

// Maps the segments, at `base` if position-independent. Errors: those of mmap.
Result<LoadedProgram> map_program(AddressSpace& space, const ElfImage& image, VmObject& file,
                                  VirtAddr base);

}  // namespace pw
