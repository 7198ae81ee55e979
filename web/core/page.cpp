#include "web/core/page.hpp"

#include <cstdlib>
#include <utility>

namespace pw::page {
namespace {

std::string& kept() {
  static std::string text;
  return text;
}

}  // namespace

void answer(std::string text) { kept() = std::move(text); }
std::string_view answered() { return kept(); }

}  // namespace pw::page

PW_PAGE_EXPORT(pw_alloc) void* pw_alloc(std::uint32_t bytes) { return std::malloc(bytes); }
PW_PAGE_EXPORT(pw_free) void pw_free(void* at) { std::free(at); }
PW_PAGE_EXPORT(pw_answer) const char* pw_answer() { return pw::page::answered().data(); }
PW_PAGE_EXPORT(pw_answer_size) std::uint32_t pw_answer_size() {
  return static_cast<std::uint32_t>(pw::page::answered().size());
}
