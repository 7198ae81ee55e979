// Pieces of the kernel's texts: numbers in columns, names with characters escaped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pw::view {

// At least `width` characters, filled up with blanks on the left.
std::string decimal(std::uint64_t value, unsigned width = 0);
std::string hexadecimal(std::uint64_t value, unsigned width = 0);  // filled up with zeros
// "Name:             12 kB\n", as meminfo and smaps have it; `unit` may be empty.
std::string row(std::string_view name, std::uint64_t value, std::string_view unit = " kB");
// seq_path(): each character of `escaped`, and the backslash, as \ooo.
std::string escape(std::string_view text, std::string_view escaped);

}  // namespace pw::view
