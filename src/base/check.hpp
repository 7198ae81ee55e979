// PW_CHECK: an invariant of the program itself. Always on; a failure is a bug in Pagewright,
// printed with its place, and the process aborts. Expected failures are Results, never checks.
#pragma once

namespace pw {
[[noreturn]] void check_failed(const char* condition, const char* file, int line, const char* why);
}

#define PW_CHECK(condition)                     \
  (__builtin_expect(!!(condition), 1) ? (void)0 \
                                      : ::pw::check_failed(#condition, __FILE__, __LINE__, ""))
#define PW_CHECK_MSG(condition, why)            \
  (__builtin_expect(!!(condition), 1) ? (void)0 \
                                      : ::pw::check_failed(#condition, __FILE__, __LINE__, why))
