// What an access to memory is: its kind and the mode of the CPU that makes it.
#pragma once

#include <cstdint>

namespace pw {

enum class Access : std::uint8_t { Read = 0, Write = 1, Execute = 2 };
enum class Mode : std::uint8_t { User = 0, Kernel = 1 };

}  // namespace pw
