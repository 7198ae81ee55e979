// What Valgrind's tool lackey prints with --trace-mem=yes, one access a line:
//
//   I  04000a10,3     instruction      address in hexadecimal, bytes in decimal
//    L 1ffefff8b8,8   load
//    S 1ffefff8b0,4   store
//    M 0421c7cc,4     load and store by one instruction: one reference
//
// Each access references its page of 4 KiB, both pages if it straddles. Lines that Valgrind writes
// beside these (they begin with "==", "--" or "**") and empty ones are passed over. Option:
// instructions=no leaves out the lines with I.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/formats/format.hpp"
#include "analysis/formats/text.hpp"
#include "base/units.hpp"

namespace pw::analysis {
namespace {

struct LackeyAccess {
  char kind = 0;
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
};

bool is_beside(std::string_view line) {
  return line.find_first_not_of(' ') == std::string_view::npos || line.starts_with("==") ||
         line.starts_with("--") || line.starts_with("**");
}

std::optional<LackeyAccess> parse(std::string_view line) {
  if (line.size() < 4) return std::nullopt;
  LackeyAccess access;
  if (line.starts_with("I  ")) {
    access.kind = 'I';
  } else if (line[0] == ' ' && line[2] == ' ' &&
             std::string_view("LSM").find(line[1]) != std::string_view::npos) {
    access.kind = line[1];
  } else {
    return std::nullopt;
  }
  const std::size_t comma = line.find(',', 3);
  if (comma == std::string_view::npos) return std::nullopt;
  const auto address = hex_number_of(line.substr(3, comma - 3));
  const auto bytes = number_of(line.substr(comma + 1));
  if (!address || !bytes || *bytes == 0 || *bytes > kPageSize || *address + *bytes < *address) {
    return std::nullopt;
  }
  access.address = *address;
  access.bytes = *bytes;
  return access;
}

}  // namespace

bool looks_like_lackey(const Beginning& beginning) {
  std::string_view bytes = beginning.bytes;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view line = bytes.substr(0, end);
    if (!is_beside(line)) return parse(line).has_value();
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
  }
  return false;
}

Result<void> read_lackey(InputBytes& input, FormatOptions& options, TraceBuilder& out) {
  const std::string instructions = options.take("instructions");
  if (!instructions.empty() && instructions != "yes" && instructions != "no") {
    return fail(Errno::Invalid, "instructions= is yes or no, not '" + instructions + "'");
  }
  PW_TRY(options.all_taken("lackey"));
  TextReader text(input);
  Piece line;
  for (;;) {
    const Result<bool> got = text.next_line(line);
    if (!got) return tl::unexpected(got.error());
    if (!*got) return {};
    const std::optional<LackeyAccess> access = parse(line.text);
    if (!access) {
      if (is_beside(line.text)) continue;
      return TextReader::wrong(line, line.text,
                               "is not an access as lackey prints it (such as ' L 04a1,8')");
    }
    if (access->kind == 'I' && instructions == "no") continue;
    const std::uint64_t first = access->address >> kPageShift;
    const std::uint64_t last = (access->address + access->bytes - 1) >> kPageShift;
    PW_TRY(out.room_for(2));
    out.add(first);
    if (last != first) out.add(last);
  }
}

}  // namespace pw::analysis
