// Random cases of readahead_case.hpp: files of all sizes, read and written in the patterns that
// readahead knows and in those it does not.
#pragma once

#include "support/readahead_case.hpp"

namespace pw::readahead {

// The same for the same seed. `window`, `request`: the device's, in pages.
Case random_case(std::uint64_t seed, std::uint64_t window, std::uint64_t request);

}  // namespace pw::readahead
