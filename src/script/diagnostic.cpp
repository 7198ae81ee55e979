#include "script/diagnostic.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace pw::script {

namespace {

constexpr std::size_t kShown = 100;  // columns of a line

bool printable(char c) { return c >= ' ' && c <= '~'; }

std::string shown(std::string_view text) {
  std::string result(text);
  std::replace_if(
      result.begin(), result.end(), [](char c) { return !printable(c); }, '?');
  return result;
}

// The number of letters to insert, drop, change or swap with their neighbour (Damerau 1964, the
// restricted distance).
std::size_t slips(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before, last(b.size() + 1), now(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        now[j] = std::min(now[j], before[j - 2] + 1);
      }
    }
    before = last;
    last = now;
  }
  return last.back();
}

std::string lower(std::string_view word) {
  std::string result(word);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

}  // namespace

std::string in_decimal(std::uint64_t value) { return std::to_string(value); }

std::string in_hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string quoted(std::string_view word) {
  constexpr std::size_t kMost = 40;
  return '\'' + shown(word.substr(0, kMost)) + (word.size() > kMost ? "..." : "") + '\'';
}

tl::unexpected<Error> wrong(Place place, std::string_view line, const std::string& sentence) {
  std::string message = "line " + in_decimal(place.line) + ", column " + in_decimal(place.column) +
                        ": " + sentence;
  if (!line.empty() && place.column >= 1 && place.column <= line.size() + 1) {
    // A long line is shown around the place.
    std::size_t at = place.column - 1;
    const std::size_t cut = at > kShown * 3 / 4 ? at - kShown / 2 : 0;
    const std::string_view part = line.substr(cut, kShown);
    at -= cut;
    const std::size_t room = part.size() > at ? part.size() - at : 1;
    const std::size_t marks = std::clamp<std::size_t>(place.length, 1, room);
    message += "\n  " + shown(part) + "\n  " + std::string(at, ' ') + '^' +
               std::string(marks - 1, '~');
  }
  return fail(Errno::Invalid, std::move(message));
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  constexpr std::size_t kLongest = 32;
  std::string_view best;
  if (word.size() > kLongest) return best;
  std::size_t fewest = word.size() < 4 ? 2 : 3;  // more are another word
  for (const std::string_view candidate : candidates) {
    if (candidate.empty() || candidate.size() > kLongest) continue;
    const std::size_t n = slips(lower(word), lower(candidate));
    if (n < fewest && n < candidate.size()) {
      fewest = n;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates) {
  const std::string_view found = nearest(word, candidates);
  return found.empty() ? "" : "; did you mean '" + std::string(found) + "'?";
}

}  // namespace pw::script
