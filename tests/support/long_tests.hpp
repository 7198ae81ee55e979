// Whether tests are to play their long forms: ./test --long sets PAGEWRIGHT_LONG_TESTS.
#pragma once

#include <cstdlib>

namespace pw::test {

inline bool long_tests() { return std::getenv("PAGEWRIGHT_LONG_TESTS") != nullptr; }

}  // namespace pw::test
