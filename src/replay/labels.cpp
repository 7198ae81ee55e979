#include "replay/labels.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace pw::replay {

namespace {

constexpr std::size_t kNamesShown = 3;

// Functions of C libraries and allocators through which everyone gets memory: they tell nothing.
bool is_allocator(std::string_view function) {
  static constexpr std::array<std::string_view, 30> kNames = {"mmap",
                                                              "mmap64",
                                                              "__mmap",
                                                              "__mmap64",
                                                              "brk",
                                                              "__brk",
                                                              "sbrk",
                                                              "__sbrk",
                                                              "__default_morecore",
                                                              "__glibc_morecore",
                                                              "sysmalloc",
                                                              "sysmalloc_mmap",
                                                              "_int_malloc",
                                                              "_int_realloc",
                                                              "_int_memalign",
                                                              "malloc",
                                                              "__libc_malloc",
                                                              "calloc",
                                                              "__libc_calloc",
                                                              "realloc",
                                                              "__libc_realloc",
                                                              "memalign",
                                                              "__libc_memalign",
                                                              "new_heap",
                                                              "arena_get2",
                                                              "mremap",
                                                              "__mremap",
                                                              "mremap_chunk",
                                                              "tcache_init",
                                                              "ptmalloc_init"};
  if (std::find(kNames.begin(), kNames.end(), function) != kNames.end()) return true;
  return function.starts_with("operator new") || function.starts_with("alloc_new_heap") ||
         function.starts_with("arena_get") || function.starts_with("tcache_init");
}

// The name as people know it: without symbol version (f@@GLIBC_2.34) and compiler's clone suffix
// (f.isra.0).
std::string_view plain(std::string_view function) {
  const std::size_t version = function.find('@');
  if (version != std::string_view::npos) function = function.substr(0, version);
  for (const std::string_view clone : {".isra.", ".part.", ".constprop.", ".cold"}) {
    const std::size_t at = function.find(clone);
    if (at != std::string_view::npos) function = function.substr(0, at);
  }
  return function;
}

std::string describe(const std::vector<record::Symbol>& symbols) {
  std::string name;
  std::size_t shown = 0;
  for (const record::Symbol& symbol : symbols) {
    const std::string_view function = plain(symbol.function);
    if (function.empty() || is_allocator(function)) continue;
    name += shown == 0 ? "" : " <- ";
    name += function;
    if (++shown == kNamesShown) break;
  }
  if (shown > 0) return "anon: " + name;
  for (const record::Symbol& symbol : symbols) {
    if (!symbol.file.empty()) return "anon: in " + symbol.file;
  }
  return "anon";
}

}  // namespace

const std::string& CallSiteNames::of(std::uint32_t stack) {
  const auto [it, fresh] = names_.try_emplace(stack);
  if (fresh) it->second = describe(recording_->stack(stack));
  return it->second;
}

}  // namespace pw::replay
