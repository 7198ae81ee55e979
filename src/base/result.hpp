// Result<T>: an expected failure, as a value.
//
// Error carries an errno-like code with Linux x86-64 numbers (so that a system call of the machine
// returns exactly what the kernel would) and, for people, an optional sentence that says what is
// wrong and how to mend it. The core gives codes only; tools add sentences.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace pw {

enum class Errno : int {
  Perm = 1,
  NoEntry = 2,
  NoProcess = 3,
  Io = 5,
  BadFile = 9,
  NoChild = 10,
  Again = 11,
  NoMemory = 12,
  Access = 13,
  Fault = 14,
  Busy = 16,
  Exists = 17,
  NoDevice = 19,
  NoDirectory = 20,
  IsDirectory = 21,
  Invalid = 22,
  TooManyFiles = 24,
  TextBusy = 26,
  FileTooBig = 27,
  NoSpace = 28,
  ReadOnly = 30,
  Range = 34,
  NameTooLong = 36,
  NotExecutable = 8,
  NotSupported = 95,
  Overflow = 75,
  NoCall = 38,
  Removed = 43,
  SeekPipe = 29,
};

struct Error {
  Errno code = Errno::Invalid;
  std::string message;  // for people; may be empty

  friend bool operator==(const Error& a, const Error& b) { return a.code == b.code; }
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Errno code, std::string message = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

}  // namespace pw

// Returns the error of `expression` from the enclosing function if it failed.
#define PW_TRY(expression)                                              \
  do {                                                                  \
    auto&& pw_try_result = (expression);                                \
    if (!pw_try_result) return ::tl::unexpected(pw_try_result.error()); \
  } while (false)
