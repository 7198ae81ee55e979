# The distribution's Clang: its default version, else one that it may have beside GCC.
find_program(PW_CLANG NAMES clang clang-14 clang-18 clang-19 REQUIRED)
find_program(PW_CLANGXX NAMES clang++ clang++-14 clang++-18 clang++-19 REQUIRED)
set(CMAKE_C_COMPILER ${PW_CLANG})
set(CMAKE_CXX_COMPILER ${PW_CLANGXX})
