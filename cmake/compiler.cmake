# What every target is compiled with, and the options that choose a build kind.
#
# Warnings are errors on the two compilers this is written for; on a newer one they stay warnings,
# so that a fresh release of a distribution does not break the build.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(PW_TESTS "Build the tests" ON)
option(PW_BENCHMARKS "Build the benchmarks" ON)
option(PW_FUZZ "Build the fuzz targets with libFuzzer (clang)" OFF)
set(PW_SANITIZE "" CACHE STRING "Sanitizers for everything, as for -fsanitize=")
set(PW_MARCH "" CACHE STRING "Baseline CPU, as for -march=")

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(PW_MINIMUM_COMPILER 12)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(PW_MINIMUM_COMPILER 14)
else()
  message(FATAL_ERROR "Pagewright needs GCC 12 or Clang 14, or newer; "
                      "${CMAKE_CXX_COMPILER} is ${CMAKE_CXX_COMPILER_ID}")
endif()
if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS PW_MINIMUM_COMPILER)
  message(FATAL_ERROR "Pagewright needs ${CMAKE_CXX_COMPILER_ID} ${PW_MINIMUM_COMPILER} or newer; "
                      "${CMAKE_CXX_COMPILER} is ${CMAKE_CXX_COMPILER_VERSION}")
endif()

# No -march=native: the same options must give the same bytes on any machine, and x86-64-v2 has no
# fused multiply-add, which would round differently. Both options are for C++ alone: the recorders,
# in C, run inside of other programs and choose for themselves.
if(PW_MARCH)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-march=${PW_MARCH}>)
endif()
if(PW_SANITIZE)
  set(PW_SANITIZE_FLAGS -fsanitize=${PW_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${PW_SANITIZE_FLAGS}>")
  add_link_options("$<$<LINK_LANGUAGE:CXX>:-fsanitize=${PW_SANITIZE}>")
endif()

function(pw_compile_options target)
  set(warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL ${PW_MINIMUM_COMPILER}
     AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 15
     AND (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13))
    list(APPEND warnings -Werror)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Wrong for std::string's operator+ in GCC 12 (bug reports 105329 and 105651).
    list(APPEND warnings -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread
         -Wno-array-bounds)
  endif()
  target_compile_options(${target} PRIVATE ${warnings})
endfunction()
