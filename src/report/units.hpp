// Numbers as people read them: 1,234,567; 34.2 MiB; 1.23 ms; 99.61 %.
#pragma once

#include <cstdint>
#include <string>

#include "base/units.hpp"

namespace pw::report {

std::string count(std::uint64_t n);             // thousands separated by commas
std::string bytes(ByteCount n);                 // three digits and a binary unit
std::string page_bytes(std::uint64_t pages);    // the same for base pages
std::string duration(double ns);                // three digits and ns, us, ms, s; from 100 s on min
std::string percent(double ratio);              // of 1; as many digits as tell it from 0 and 100
std::string times(double factor);               // "1.25x"
std::string rounded(double value, int digits);  // significant digits

}  // namespace pw::report
