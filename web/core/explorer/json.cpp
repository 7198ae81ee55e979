#include "web/core/explorer/json.hpp"

namespace pw::explorer {

namespace {
constexpr char kDigits[] = "0123456789abcdef";
}

Json& Json::write(std::string_view value) {
  separate();
  text_ += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (byte < 0x20) {
      text_ += "\\u00";
      text_ += kDigits[byte >> 4];
      text_ += kDigits[byte & 15];
    } else {
      text_ += c;
    }
  }
  text_ += '"';
  return *this;
}

Json& Json::hex(std::uint64_t value) {
  separate();
  text_ += "\"0x";
  int shift = 60;
  while (shift > 0 && (value >> shift & 15) == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) text_ += kDigits[value >> shift & 15];
  text_ += '"';
  return *this;
}

}  // namespace pw::explorer
