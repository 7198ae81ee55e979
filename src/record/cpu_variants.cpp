#include "record/cpu_variants.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/stat.h>

#include <cstring>
#include <string_view>

namespace pw::record {

namespace {

// The dynamic section of a library that has been relocated, so that it holds addresses.
class Dynamic {
 public:
  explicit Dynamic(const dl_phdr_info& library) {
    for (Elf64_Half i = 0; i < library.dlpi_phnum; ++i) {
      const Elf64_Phdr& segment = library.dlpi_phdr[i];
      if (segment.p_type != PT_DYNAMIC) continue;
      first_ = reinterpret_cast<const Elf64_Dyn*>(library.dlpi_addr + segment.p_vaddr);
    }
  }
  // 0: it is not there.
  std::uint64_t value(std::int64_t tag) const {
    for (const Elf64_Dyn* entry = first_; entry != nullptr && entry->d_tag != DT_NULL; ++entry) {
      if (entry->d_tag == tag) return entry->d_un.d_val;
    }
    return 0;
  }
  std::string_view name() const {
    const char* const strings = reinterpret_cast<const char*>(value(DT_STRTAB));
    const std::uint64_t at = value(DT_SONAME);
    return strings == nullptr || at == 0 ? std::string_view() : strings + at;
  }

 private:
  const Elf64_Dyn* first_ = nullptr;
};

// The header: a version, how three things are encoded, the first of them, their number, and the
// table. Of encodings, the only one that linkers write for the table: relative to the header, four
// bytes each. LSB Core 5.0, 10.6.2.
bool find_table(const dl_phdr_info& library, const Elf64_Phdr& segment, CpuVariants& to) {
  struct Header {
    std::uint8_t version, frames, count, table;
    std::int32_t frames_at;
    std::uint32_t entries;
  } header = {};
  constexpr std::uint8_t kFourBytes = 0x03, kOfHeader = 0x3b;  // DW_EH_PE_udata4, datarel | sdata4
  std::memcpy(&header, reinterpret_cast<const void*>(library.dlpi_addr + segment.p_vaddr),
              sizeof header);
  if (header.version != 1 || header.count != kFourBytes || header.table != kOfHeader) return false;
  to.header = segment.p_vaddr;
  to.table = segment.p_vaddr + sizeof header;
  to.entries = header.entries;
  return true;
}

void add_chosen(const dl_phdr_info& library, std::uint64_t relocations, std::uint64_t bytes,
                const Elf64_Phdr& text, CpuVariants& to) {
  const auto* each = reinterpret_cast<const Elf64_Rela*>(relocations);
  for (std::size_t i = 0; i < bytes / sizeof *each; ++i) {
    if (ELF64_R_TYPE(each[i].r_info) != R_X86_64_IRELATIVE) continue;
    std::uint64_t function = 0;
    std::memcpy(&function, reinterpret_cast<const void*>(library.dlpi_addr + each[i].r_offset),
                sizeof function);
    function -= library.dlpi_addr;
    if (function - text.p_vaddr < text.p_memsz) to.chosen.emplace_back(each[i].r_offset, function);
  }
}

int look_at(dl_phdr_info* library, std::size_t, void* result) {
  if (library->dlpi_name[0] != '/') return 0;  // the program; vdso, which nobody has relocated
  const Dynamic dynamic(*library);
  if (dynamic.name() != "libc.so.6") return 0;
  auto& found = *static_cast<CpuVariants*>(result);
  struct stat file = {};
  const Elf64_Phdr* text = nullptr;
  bool has_table = false;
  for (Elf64_Half i = 0; i < library->dlpi_phnum; ++i) {
    const Elf64_Phdr& segment = library->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0) text = &segment;
    if (segment.p_type == PT_GNU_EH_FRAME) has_table = find_table(*library, segment, found);
  }
  if (text == nullptr || !has_table || ::stat(library->dlpi_name, &file) != 0) return 1;
  found.device = file.st_dev;
  found.inode = file.st_ino;
  found.text_shift = text->p_vaddr - text->p_offset;
  add_chosen(*library, dynamic.value(DT_RELA), dynamic.value(DT_RELASZ), *text, found);
  if (dynamic.value(DT_PLTREL) == DT_RELA) {
    add_chosen(*library, dynamic.value(DT_JMPREL), dynamic.value(DT_PLTRELSZ), *text, found);
  }
  return 1;
}

}  // namespace

CpuVariants cpu_variants() {
  CpuVariants variants;
  ::dl_iterate_phdr(look_at, &variants);
  return variants;
}

std::string to_option(const CpuVariants& variants) {
  std::string option = fmt::format("{:x},{:x},{:x},{:x},{:x},{:x}", variants.device, variants.inode,
                                   variants.text_shift, variants.header, variants.table,
                                   variants.entries);
  for (const auto& [slot, function] : variants.chosen) {
    option += fmt::format(",{:x}:{:x}", slot, function);
  }
  return option;
}

}  // namespace pw::record
