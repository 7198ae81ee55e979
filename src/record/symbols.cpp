#include "record/symbols.hpp"

#include <cxxabi.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

namespace pw::record {

namespace {

struct DwflEnd {
  void operator()(Dwfl* dwfl) const { dwfl_end(dwfl); }
};

std::string demangled(const char* name) {
  int status = 0;
  std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  return status == 0 && text != nullptr ? text.get() : name;
}

std::string build_id_of(Dwfl_Module* module) {
  const unsigned char* bits = nullptr;
  GElf_Addr address = 0;
  int length = dwfl_module_build_id(module, &bits, &address);
  std::string text;
  for (int i = 0; i < length; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    text.push_back(kDigits[bits[i] >> 4]);
    text.push_back(kDigits[bits[i] & 15]);
  }
  return text;
}

// Where the loader puts the byte at `offset`, in the file's own address space. False: nowhere.
bool address_of_offset(Elf* elf, std::uint64_t offset, GElf_Addr& address) {
  std::size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return false;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr) continue;
    if (header.p_type != PT_LOAD || offset < header.p_offset) continue;
    if (offset - header.p_offset >= header.p_filesz) continue;
    address = header.p_vaddr + (offset - header.p_offset);
    return true;
  }
  return false;
}

Symbol symbol_at(Dwfl_Module* module, GElf_Addr address, const std::string& path) {
  Symbol symbol;
  symbol.file = path;
  if (const char* name = dwfl_module_addrname(module, address)) {
    symbol.function = demangled(name);
  }
  if (Dwfl_Line* line = dwfl_module_getsrc(module, address)) {
    int number = 0;
    const char* file = dwfl_lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr);
    if (file != nullptr && number > 0) {
      symbol.file = file;
      symbol.line = static_cast<std::uint32_t>(number);
    }
  }
  return symbol;
}

}  // namespace

std::vector<Symbol> resolve_symbols(const Module& module,
                                    const std::vector<std::uint64_t>& offsets) {
  std::vector<Symbol> symbols(offsets.size(), Symbol{{}, module.path, 0});
  struct stat status = {};
  // Only regular files: opening a device or a pipe may have effects, or wait for ever.
  if (::stat(module.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return symbols;

  Dwfl_Callbacks callbacks = {};
  callbacks.find_elf = dwfl_build_id_find_elf;
  callbacks.find_debuginfo = dwfl_standard_find_debuginfo;
  callbacks.section_address = dwfl_offline_section_address;
  std::unique_ptr<Dwfl, DwflEnd> dwfl(dwfl_begin(&callbacks));
  if (dwfl == nullptr) return symbols;
  Dwfl_Module* file = dwfl_report_elf(dwfl.get(), module.path.c_str(), module.path.c_str(), -1, 0,
                                      false);
  dwfl_report_end(dwfl.get(), nullptr, nullptr);
  if (file == nullptr) return symbols;
  if (!module.build_id.empty() && build_id_of(file) != module.build_id) return symbols;

  GElf_Addr bias = 0;
  Elf* elf = dwfl_module_getelf(file, &bias);
  if (elf == nullptr) return symbols;
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    GElf_Addr address = 0;
    if (!address_of_offset(elf, offsets[i], address)) continue;
    symbols[i] = symbol_at(file, address + bias, module.path);
  }
  return symbols;
}

}  // namespace pw::record
