#include "view/text.hpp"

#include <cstdio>

namespace pw::view {

std::string decimal(std::uint64_t value, unsigned width) {
  char text[32];
  std::snprintf(text, sizeof text, "%*llu", static_cast<int>(width),
                static_cast<unsigned long long>(value));
  return text;
}

std::string hexadecimal(std::uint64_t value, unsigned width) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*llx", static_cast<int>(width),
                static_cast<unsigned long long>(value));
  return text;
}

std::string row(std::string_view name, std::uint64_t value, std::string_view unit) {
  constexpr std::size_t kNameColumns = 16;
  constexpr unsigned kValueColumns = 8;
  std::string text(name);
  if (text.size() < kNameColumns) text.append(kNameColumns - text.size(), ' ');
  text += decimal(value, kValueColumns);
  text += unit;
  return text + '\n';
}

std::string escape(std::string_view text, std::string_view escaped) {
  std::string out;
  for (const char c : text) {
    if (c != '\\' && escaped.find(c) == std::string_view::npos) {
      out += c;
      continue;
    }
    const auto code = static_cast<unsigned char>(c);
    out += '\\';
    out += static_cast<char>('0' + (code >> 6));
    out += static_cast<char>('0' + (code >> 3 & 7));
    out += static_cast<char>('0' + (code & 7));
  }
  return out;
}

}  // namespace pw::view
