// What an access to memory is: its place and kind, and the mode of the CPU that makes it.
#pragma once

#include <cstdint>

#include "base/units.hpp"

namespace pw {

enum class Access : std::uint8_t { Read = 0, Write = 1, Execute = 2 };
enum class Mode : std::uint8_t { User = 0, Kernel = 1 };

// One load, store or fetch of a program, its data left out.
struct Reference {
  VirtAddr address;
  Access access = Access::Read;
};

}  // namespace pw
