// What the importers of text share: lines with their numbers and places, numbers, messages.
//
// Owned by a reader for one input. Lines longer than kMaxLineBytes are an error, except for
// next_words(), which breaks them between words; so memory stays bounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "analysis/formats/input_bytes.hpp"
#include "base/result.hpp"

namespace pw::analysis {

// Decimal, or 0x and hexadecimal; nothing else, no sign, at most 64 bits.
std::optional<std::uint64_t> number_of(std::string_view word);
// Hexadecimal without 0x.
std::optional<std::uint64_t> hex_number_of(std::string_view word);

struct Piece {
  std::string_view text;     // without its line end (LF or CRLF)
  std::uint64_t line = 0;    // from 1
  std::uint64_t offset = 0;  // of its first byte
};

class TextReader {
 public:
  static constexpr std::size_t kMaxLineBytes = std::size_t{1} << 16;

  explicit TextReader(InputBytes& input) : input_(input) {}

  // The next line; false: no more. Valid until the next call. Errors: those of the input; Invalid
  // for a line that is too long.
  Result<bool> next_line(Piece& piece) { return next(piece, false); }
  // The same, but a line that is too long comes in pieces that end between words. Error: Invalid
  // for a word that is too long.
  Result<bool> next_words(Piece& piece) { return next(piece, true); }

  // "line 2, byte 17: 'abc' is not a number": about `part`, a part of the piece's text.
  static tl::unexpected<Error> wrong(const Piece& piece, std::string_view part,
                                     std::string_view what);

 private:
  Result<bool> next(Piece& piece, bool may_break);

  InputBytes& input_;
  std::uint64_t line_ = 1;
  std::size_t used_ = 0;  // bytes of the input that the last piece was made of
  bool ends_line_ = false;
};

}  // namespace pw::analysis
