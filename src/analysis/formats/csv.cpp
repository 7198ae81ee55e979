// Text in columns: one reference a line, its id in one of them.
//
// Options: id=NAME or id=NUMBER (from 1) names the column; without it, a column of the header that
// has one of the usual names is taken. delimiter=C (a character, or tab), header=yes|no, where the
// guess is wrong; shift=N drops the N low bits of the id (12: addresses become pages).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "analysis/formats/format.hpp"
#include "analysis/formats/text.hpp"

namespace pw::analysis {
namespace {

constexpr std::string_view kDelimiters = ",\t;|";
constexpr std::array<std::string_view, 11> kUsualNames = {
    "id",  "obj_id", "object_id", "page",     "page_id", "vpn",
    "lbn", "lba",    "block",     "block_id", "key"};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// The fields of a line, without the blanks and quotes around them. A quoted field may hold the
// delimiter.
void split(std::string_view line, char delimiter, std::vector<std::string_view>& fields) {
  fields.clear();
  std::size_t at = 0;
  for (;;) {
    std::size_t begin = at;
    while (begin < line.size() && line[begin] == ' ') ++begin;
    if (begin < line.size() && line[begin] == '"') {
      const std::size_t close = line.find('"', begin + 1);
      const std::size_t end = close == std::string_view::npos ? line.size() : close;
      fields.push_back(line.substr(begin + 1, end - begin - 1));
      at = line.find(delimiter, end);
    } else {
      at = line.find(delimiter, begin);
      const std::size_t end = at == std::string_view::npos ? line.size() : at;
      fields.push_back(trimmed(line.substr(begin, end - begin)));
    }
    if (at == std::string_view::npos) return;
    ++at;
  }
}

char guess_delimiter(std::string_view line) {
  char best = ',';
  std::ptrdiff_t most = 0;
  for (const char c : kDelimiters) {
    const auto count = std::count(line.begin(), line.end(), c);
    if (count > most) best = c;
    most = std::max(most, static_cast<std::ptrdiff_t>(count));
  }
  return best;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y) || (x == '-' && y == '_');
  });
}

std::optional<std::size_t> column_called(const std::vector<std::string_view>& header,
                                         std::string_view name) {
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (same_name(header[i], name)) return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> usual_column(const std::vector<std::string_view>& header) {
  for (const std::string_view name : kUsualNames) {
    if (const auto at = column_called(header, name)) return at;
  }
  return std::nullopt;
}

bool has_text(const std::vector<std::string_view>& fields) {
  return std::any_of(fields.begin(), fields.end(), [](std::string_view field) {
    return !field.empty() && !number_of(field) &&
           (std::isalpha(static_cast<unsigned char>(field.front())) != 0 || field.front() == '_');
  });
}

struct Choice {
  std::string id;
  std::string header;
  char delimiter = 0;  // 0: by the first line
  unsigned shift = 0;
};

Result<Choice> take_choice(FormatOptions& options) {
  Choice choice;
  choice.id = options.take("id");
  choice.header = options.take("header");
  const std::string delimiter = options.take("delimiter");
  const std::string shift = options.take("shift");
  if (!choice.header.empty() && choice.header != "yes" && choice.header != "no") {
    return fail(Errno::Invalid, "header= is yes or no, not '" + choice.header + "'");
  }
  if (delimiter == "tab") {
    choice.delimiter = '\t';
  } else if (delimiter.size() == 1) {
    choice.delimiter = delimiter.front();
  } else if (!delimiter.empty()) {
    return fail(Errno::Invalid, "delimiter= is a character or tab, not '" + delimiter + "'");
  }
  if (!shift.empty()) {
    const auto bits = number_of(shift);
    if (!bits || *bits > 63) return fail(Errno::Invalid, "shift= is 0 to 63, not '" + shift + "'");
    choice.shift = static_cast<unsigned>(*bits);
  }
  PW_TRY(options.all_taken("csv"));
  return choice;
}

struct Column {
  std::size_t at = 0;
  bool header = false;  // the first line is one
};

Result<Column> find_column(const Choice& choice, const Piece& first,
                           const std::vector<std::string_view>& fields) {
  Column column;
  const auto number = number_of(choice.id);
  if (number) {
    if (*number == 0 || *number > fields.size()) {
      return TextReader::wrong(
          first, first.text,
          fmt::format("has {} columns; there is no column {}", fields.size(), *number));
    }
    column.at = static_cast<std::size_t>(*number - 1);
    column.header = !number_of(fields[column.at]).has_value();
  } else {
    const auto at = choice.id.empty() ? usual_column(fields) : column_called(fields, choice.id);
    if (!at && !choice.id.empty()) {
      return TextReader::wrong(first, first.text, "has no column called '" + choice.id + "'");
    }
    if (!at && fields.size() > 1) {
      return TextReader::wrong(first, first.text,
                               "does not tell the column of the ids; name it or give its number "
                               "with '--format csv:id=2'");
    }
    column.at = at.value_or(0);
    column.header = at.has_value();
  }
  if (!choice.header.empty()) column.header = choice.header == "yes";
  return column;
}

}  // namespace

bool looks_like_csv(const Beginning& beginning) {
  constexpr std::size_t kLook = 4096;
  const std::string_view bytes = beginning.bytes.substr(0, kLook);
  if (bytes.find('\0') != std::string_view::npos) return false;
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos) return false;
  const std::string_view first = bytes.substr(0, end);
  const char delimiter = guess_delimiter(first);
  std::vector<std::string_view> fields;
  split(first.substr(0, first.find('\r')), delimiter, fields);
  if (has_text(fields)) return fields.size() > 1 || usual_column(fields).has_value();
  if (fields.size() == 1) return false;
  const std::size_t second = bytes.find('\n', end + 1);
  if (second == std::string_view::npos) return false;
  std::vector<std::string_view> next;
  split(bytes.substr(end + 1, second - end - 1), delimiter, next);
  return next.size() == fields.size();
}

Result<void> read_csv(InputBytes& input, FormatOptions& options, TraceBuilder& out) {
  Result<Choice> choice = take_choice(options);
  if (!choice) return tl::unexpected(choice.error());
  TextReader text(input);
  Piece line;
  std::vector<std::string_view> fields;
  std::optional<Column> column;
  for (;;) {
    const Result<bool> got = text.next_line(line);
    if (!got) return tl::unexpected(got.error());
    if (!*got) return {};
    if (trimmed(line.text).empty()) continue;
    if (choice->delimiter == 0) choice->delimiter = guess_delimiter(line.text);
    split(line.text, choice->delimiter, fields);
    if (!column) {
      const Result<Column> found = find_column(*choice, line, fields);
      if (!found) return tl::unexpected(found.error());
      column = *found;
      if (column->header) continue;
    }
    if (column->at >= fields.size()) {
      return TextReader::wrong(
          line, line.text,
          fmt::format("has {} columns; the id is in column {}", fields.size(), column->at + 1));
    }
    const auto id = number_of(fields[column->at]);
    if (!id) {
      return TextReader::wrong(line, fields[column->at],
                               "is not an id (decimal, or 0x and hexadecimal)");
    }
    PW_TRY(out.room_for(1));
    out.add(*id >> choice->shift);
  }
}

}  // namespace pw::analysis
