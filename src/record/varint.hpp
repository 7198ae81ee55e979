// LEB128 numbers, as spool and recording use them (recorder/common/encoding.h).
//
// The reader is for buffers that are padded: kVarintPadding zero bytes behind the last one, so that
// whoever decodes a few numbers in a row checks the bounds once, after them. It takes at most ten
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pw::record {

inline constexpr std::size_t kMaxVarintBytes = 10;
inline constexpr std::size_t kVarintPadding = 128;  // twelve numbers

inline std::uint64_t get_varint(const unsigned char*& p) {
  std::uint64_t value = *p++;
  if (value < 0x80) [[likely]]
    return value;
  value &= 0x7F;
  for (unsigned shift = 7; shift < 70; shift += 7) {
    std::uint64_t byte = *p++;
    if (shift < 64) value |= (byte & 0x7F) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

constexpr std::uint64_t zigzag(std::uint64_t difference) {
  auto n = static_cast<std::int64_t>(difference);
  return (difference << 1) ^ static_cast<std::uint64_t>(n >> 63);
}
constexpr std::uint64_t unzigzag(std::uint64_t n) { return (n >> 1) ^ (~(n & 1) + 1); }

inline void put_varint(std::string& out, std::uint64_t value) {
  char bytes[kMaxVarintBytes];
  std::size_t n = 0;
  while (value >= 0x80) {
    bytes[n++] = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  bytes[n++] = static_cast<char>(value);
  out.append(bytes, n);
}

// A walk over bytes that need no padding: each number is checked. After a failure everything reads
// as zero.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool done() const { return rest_.empty(); }
  std::size_t left() const { return rest_.size(); }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (rest_.empty()) break;
      auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      if (shift < 64) value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    return give_up();
  }
  std::string_view bytes(std::uint64_t n) {
    if (n > rest_.size()) {
      give_up();
      return {};
    }
    std::string_view result = rest_.substr(0, static_cast<std::size_t>(n));
    rest_.remove_prefix(static_cast<std::size_t>(n));
    return result;
  }
  std::string_view string() { return bytes(varint()); }

 private:
  std::uint64_t give_up() {
    ok_ = false;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

inline void put_string(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}

}  // namespace pw::record
