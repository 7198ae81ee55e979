// Plain text: one id after the other, decimal or hexadecimal (0x...), with blanks, line ends,
// commas or semicolons between; from '#' to the end of the line is a remark. And the text that LIRS
// and its relatives read: the same, where a line of its own with '*' marks a checkpoint and is no
// reference.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/formats/format.hpp"
#include "analysis/formats/text.hpp"

namespace pw::analysis {
namespace {

bool is_gap(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == ',' || c == ';' || c == '\n';
}

struct Line {
  std::string_view rest;

  // The next word; empty: no more.
  std::string_view word() {
    std::size_t begin = 0;
    while (begin < rest.size() && is_gap(rest[begin])) ++begin;
    if (begin == rest.size() || rest[begin] == '#') return {};
    std::size_t end = begin;
    while (end < rest.size() && !is_gap(rest[end]) && rest[end] != '#') ++end;
    const std::string_view found = rest.substr(begin, end - begin);
    rest.remove_prefix(end);
    return found;
  }
};

Result<void> read_text(InputBytes& input, TraceBuilder& out, bool checkpoints) {
  TextReader text(input);
  Piece piece;
  for (;;) {
    const Result<bool> got = text.next_words(piece);
    if (!got) return tl::unexpected(got.error());
    if (!*got) return {};
    Line line = {piece.text};
    for (std::string_view word = line.word(); !word.empty(); word = line.word()) {
      const std::optional<std::uint64_t> id = number_of(word);
      if (!id && word == "*" && checkpoints) continue;
      if (!id) {
        return text.wrong(piece, word,
                          word == "*" ? "is a checkpoint; read it with '--format lirs'"
                                      : "is not an id (decimal, or 0x and hexadecimal)");
      }
      PW_TRY(out.room_for(1));
      out.add(*id);
    }
  }
}

// The first words of the text are ids (or checkpoints).
bool ids_and(const Beginning& beginning, bool checkpoints) {
  constexpr std::size_t kLook = 4096;
  std::string_view bytes = beginning.bytes.substr(0, kLook);
  bool any = false;
  bool checkpoint = false;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    Line line = {bytes.substr(0, end)};
    for (std::string_view word = line.word(); !word.empty(); word = line.word()) {
      const bool last = word.data() + word.size() == beginning.bytes.data() + kLook;
      if (word == "*") {
        checkpoint = true;
      } else if (!number_of(word) && !last) {
        return false;
      }
      any = true;
    }
    bytes = end == std::string_view::npos ? std::string_view() : bytes.substr(end + 1);
  }
  return any && checkpoint == checkpoints;
}

}  // namespace

bool looks_like_plain(const Beginning& beginning) { return ids_and(beginning, false); }
bool looks_like_lirs(const Beginning& beginning) { return ids_and(beginning, true); }

Result<void> read_plain(InputBytes& input, FormatOptions& options, TraceBuilder& out) {
  PW_TRY(options.all_taken("plain"));
  return read_text(input, out, false);
}

Result<void> read_lirs(InputBytes& input, FormatOptions& options, TraceBuilder& out) {
  PW_TRY(options.all_taken("lirs"));
  return read_text(input, out, true);
}

}  // namespace pw::analysis
