#include "analysis/formats/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace pw::analysis {
namespace {

constexpr std::string_view kGaps = " \t,;\r";

std::optional<std::uint64_t> number_in(std::string_view word, int base) {
  std::uint64_t value = 0;
  const char* const end = word.data() + word.size();
  const auto [last, error] = std::from_chars(word.data(), end, value, base);
  if (error != std::errc() || last != end || word.empty()) return std::nullopt;
  return value;
}

// As it may stand in a message: short, and nothing that upsets a terminal.
std::string shown(std::string_view part) {
  constexpr std::size_t kMost = 40;
  std::string text(part.substr(0, kMost));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = '?';
  }
  if (part.size() > kMost) text += "...";
  return text;
}

}  // namespace

std::optional<std::uint64_t> number_of(std::string_view word) {
  if (word.starts_with("0x") || word.starts_with("0X")) return number_in(word.substr(2), 16);
  return number_in(word, 10);
}

std::optional<std::uint64_t> hex_number_of(std::string_view word) { return number_in(word, 16); }

tl::unexpected<Error> TextReader::wrong(const Piece& piece, std::string_view part,
                                        std::string_view what) {
  const auto at = static_cast<std::uint64_t>(part.data() - piece.text.data());
  return fail(Errno::Invalid, fmt::format("line {}, byte {}: '{}' {}", piece.line,
                                          piece.offset + at, shown(part), what));
}

Result<bool> TextReader::next(Piece& piece, bool may_break) {
  input_.consume(used_);
  line_ += ends_line_ ? 1 : 0;
  used_ = 0;
  ends_line_ = false;
  std::size_t searched = 0;
  for (;;) {
    const std::string_view bytes = input_.bytes();
    const void* const found = searched == bytes.size() ? nullptr
                                                       : std::memchr(bytes.data() + searched, '\n',
                                                                     bytes.size() - searched);
    std::size_t length = found == nullptr ? bytes.size()
                                          : static_cast<std::size_t>(
                                                static_cast<const char*>(found) - bytes.data());
    piece = {bytes.substr(0, length), line_, input_.offset()};
    if (length > kMaxLineBytes) {
      const std::size_t gap = may_break ? bytes.substr(0, kMaxLineBytes).find_last_of(kGaps)
                                        : std::string_view::npos;
      if (gap == std::string_view::npos) {
        return wrong(piece, bytes.substr(0, length),
                     may_break ? "is too long a word" : "is too long a line");
      }
      piece.text = bytes.substr(0, gap + 1);
      used_ = gap + 1;
      return true;
    }
    if (found != nullptr) {
      used_ = length + 1;
      ends_line_ = true;
      if (piece.text.ends_with('\r')) piece.text.remove_suffix(1);
      return true;
    }
    searched = bytes.size();
    const Result<bool> more = input_.read_more();
    if (!more) return tl::unexpected(more.error());
    if (*more) continue;
    piece.text = input_.bytes();  // the last line has no end
    used_ = piece.text.size();
    if (piece.text.ends_with('\r')) piece.text.remove_suffix(1);
    return used_ != 0;
  }
}

}  // namespace pw::analysis
