// Payloads of the blocks that are not events: commands, areas, modules, files, stacks, symbols,
// notes.
// Each is a sequence of entries of LEB128 numbers and length-prefixed strings; decoding stops at
// the first entry that is not whole, and says so.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "record/event.hpp"
#include "record/recording.hpp"

namespace pw::record {

// A file that addresses of stacks lie in.
struct Module {
  std::string path;
  std::string build_id;  // hexadecimal; empty: the file has none, or it is not known
};

// An address as a recording keeps it: a place in a module, or bare.
struct StackFrame {
  std::uint32_t module = 0;  // 1 + its number; 0: `offset` is an address
  std::uint64_t offset = 0;  // bytes from the start of the file
  friend auto operator<=>(const StackFrame&, const StackFrame&) = default;
};
using StackFrames = std::vector<StackFrame>;

struct ModuleSymbol {
  StackFrame frame;
  Symbol symbol;
};

std::string encode_strings(const std::vector<std::string>& strings);
std::string encode_maps(const std::vector<MappedArea>& maps);
std::string encode_image(const Image& image);
std::string encode_modules(const std::vector<Module>& modules);
std::string encode_files(const std::vector<FileInfo>& files);
std::string encode_stacks(const std::vector<StackFrames>& stacks);
std::string encode_symbols(const std::vector<ModuleSymbol>& symbols);
std::string encode_wait_ends(const std::vector<WaitEnd>& ends);  // by time

// False: damaged; `out` has the whole entries before the damage.
bool decode_strings(std::string_view bytes, std::vector<std::string>& out);
bool decode_maps(std::string_view bytes, std::vector<MappedArea>& out);
bool decode_image(std::string_view bytes, Image& out);
bool decode_modules(std::string_view bytes, std::vector<Module>& out);
bool decode_files(std::string_view bytes, std::vector<FileInfo>& out);
bool decode_stacks(std::string_view bytes, std::vector<StackFrames>& out);
bool decode_symbols(std::string_view bytes, std::vector<ModuleSymbol>& out);
bool decode_wait_ends(std::string_view bytes, std::vector<WaitEnd>& out);

}  // namespace pw::record
