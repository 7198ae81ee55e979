# Clang of the distribution with wasi-libc and libc++ for wasm32 (packages wasi-libc,
# libc++-14-dev-wasm32, libclang-rt-14-dev-wasm32, lld).
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
find_program(PW_CLANG NAMES clang-14 clang-18 clang-19 clang REQUIRED)
find_program(PW_CLANGXX NAMES clang++-14 clang++-18 clang++-19 clang++ REQUIRED)
set(CMAKE_C_COMPILER ${PW_CLANG})
set(CMAKE_CXX_COMPILER ${PW_CLANGXX})
set(CMAKE_C_COMPILER_TARGET wasm32-wasi)
set(CMAKE_CXX_COMPILER_TARGET wasm32-wasi)
set(CMAKE_EXECUTABLE_SUFFIX .wasm)
