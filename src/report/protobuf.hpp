// Protobuf's wire format, as far as writing it takes: fields of a message one after the other, each
// a key (number and type) and a value (https://protobuf.dev/programming-guides/encoding).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pw::report {

class Protobuf {
 public:
  void number(std::uint32_t field, std::uint64_t value) {
    put(std::uint64_t{field} << 3 | kVarint);
    put(value);
  }
  void text(std::uint32_t field, std::string_view value) {
    put(std::uint64_t{field} << 3 | kBytes);
    put(value.size());
    bytes_ += value;
  }
  void message(std::uint32_t field, const Protobuf& value) { text(field, value.bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  static constexpr std::uint64_t kVarint = 0, kBytes = 2;
  void put(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace pw::report
