# Clang of the distribution with wasi-libc and libc++ for wasm32 (packages wasi-libc,
# libc++-dev-wasm32, libclang-rt-dev-wasm32, lld, and llvm for its ar). Its default version comes
# first: that is the one that these packages are for.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
find_program(PW_CLANG NAMES clang clang-14 clang-18 clang-19 REQUIRED)
find_program(PW_CLANGXX NAMES clang++ clang++-14 clang++-18 clang++-19 REQUIRED)
set(CMAKE_C_COMPILER ${PW_CLANG})
set(CMAKE_CXX_COMPILER ${PW_CLANGXX})
set(CMAKE_C_COMPILER_TARGET wasm32-wasi)
set(CMAKE_CXX_COMPILER_TARGET wasm32-wasi)
set(CMAKE_EXECUTABLE_SUFFIX .wasm)
