#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace pw {

void check_failed(const char* condition, const char* file, int line, const char* why) {
  std::fprintf(stderr, "pagewright: broken invariant: %s (%s:%d) %s\n", condition, file, line, why);
  std::abort();
}

}  // namespace pw
