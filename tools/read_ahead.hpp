// How far the kernel of this host reads files ahead.
#pragma once

#include <cstdint>

#include "record/recording.hpp"

namespace pw::tools {

// read_ahead_kb, in pages, of the device that most of the recorded program's files lie on (by
// bytes); the kernel's default if that device is not here, or not known.
std::uint32_t readahead_pages_of(const record::Recording& recording);

}  // namespace pw::tools
