#include "record/redact.hpp"

#include "record/checksum.hpp"

namespace pw::record {

namespace {

constexpr std::string_view kDeleted = " (deleted)";

std::string hashed(std::string_view kind, std::string_view name) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::uint64_t hash = checksum(name);
  std::string result(kind);
  for (int shift = 60; shift >= 16; shift -= 4) result.push_back(kDigits[hash >> shift & 15]);
  return result;
}

}  // namespace

std::string redact_path(std::string_view path) {
  if (path.empty() || path.front() == '[') return std::string(path);
  if (path.ends_with(kDeleted)) {
    path.remove_suffix(kDeleted.size());
    return redact_path(path) + std::string(kDeleted);
  }
  if (path == "/dev/zero" || path == "/dev/null") return std::string(path);
  if (path.starts_with("/memfd:")) return hashed("memfd-", path);
  std::string_view name = path.substr(path.rfind('/') + 1);
  bool library = name.ends_with(".so") || name.find(".so.") != std::string_view::npos;
  return hashed(library ? "lib-" : "file-", path);
}

std::string redact_word(std::string_view word) {
  return word.empty() ? std::string() : hashed("arg-", word);
}

std::string redact_symbol(std::string_view name) {
  return name.empty() ? std::string() : hashed("fn-", name);
}

void redact(std::vector<std::string>& command) {
  for (std::string& word : command) word = redact_word(word);
}

void redact(std::vector<MappedArea>& maps) {
  for (MappedArea& area : maps) area.name = redact_path(area.name);
}

void redact(Module& module) {
  module.path = redact_path(module.path);
  module.build_id.clear();
}

void redact(FileInfo& file) {
  file.path = redact_path(file.path);
  file.device = file.inode = file.birth_ns = 0;
}

void redact(Symbol& symbol) {
  symbol.function = redact_symbol(symbol.function);
  symbol.file = redact_path(symbol.file);
  symbol.line = 0;
}

}  // namespace pw::record
