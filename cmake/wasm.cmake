# The core for WebAssembly: proves that it needs neither exceptions nor threads nor a host. The only
# outside header of the core is tl/expected.hpp; a folder with just that one keeps every other host
# header out.
find_path(PW_EXPECTED_DIR tl/expected.hpp PATHS /usr/include /usr/local/include REQUIRED
          NO_CMAKE_FIND_ROOT_PATH)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/outside/tl)
file(CREATE_LINK ${PW_EXPECTED_DIR}/tl/expected.hpp
     ${CMAKE_BINARY_DIR}/outside/tl/expected.hpp SYMBOLIC)
# size_t has 32 bits there: 64-bit numbers of the machine narrow when they index a container. No
# container of a 32-bit process has more elements, and the same code is checked for narrowing on the
# host.
target_compile_options(pw_core PUBLIC -Wno-shorten-64-to-32)
target_include_directories(pw_core SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/outside)

# Every object of the core is linked, used or not, so that no undefined symbol goes unnoticed.
add_executable(pw_core_wasm tests/web/core_in_wasm.cpp)
target_compile_options(pw_core_wasm PRIVATE -fno-exceptions)
pw_compile_options(pw_core_wasm)
target_link_options(pw_core_wasm PRIVATE -Wl,--whole-archive $<TARGET_FILE:pw_core>
                    -Wl,--no-whole-archive)
target_link_libraries(pw_core_wasm PRIVATE pw_core)
set_target_properties(pw_core_wasm PROPERTIES SUFFIX .wasm)

# pw_page_core(PAGE SOURCE...): the C++ behind a page of web/, as PAGE.wasm: a module without main()
# that exports what is marked PW_PAGE_EXPORT (web/core/page.hpp), and of the core just what that
# needs. Small code before fast code, except where a source says otherwise.
function(pw_page_core page)
  add_executable(${page} web/core/page.cpp ${ARGN})
  target_compile_options(${page} PRIVATE -fno-exceptions -fno-rtti -fvisibility=hidden)
  pw_compile_options(${page})
  target_link_options(${page} PRIVATE -mexec-model=reactor -Wl,--gc-sections -Wl,--strip-all
                      -Wl,-z,stack-size=1048576)
  target_link_libraries(${page} PRIVATE pw_core)
  set_target_properties(${page} PROPERTIES SUFFIX .wasm
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/pages)
endfunction()

file(GLOB PW_EXPLORER_SOURCES CONFIGURE_DEPENDS web/core/explorer/*.cpp)
pw_page_core(explorer ${PW_EXPLORER_SOURCES})

# The report counts again what the tool counted, by the same code.
file(GLOB PW_REPORT_SOURCES CONFIGURE_DEPENDS web/core/report/*.cpp)
set(PW_REPORT_ANALYSES job_bisection job_lanes lru_curve memory_need opt_curve play_policy sampling
                       stack_curve)
list(TRANSFORM PW_REPORT_ANALYSES PREPEND src/analysis/)
list(TRANSFORM PW_REPORT_ANALYSES APPEND .cpp)
pw_page_core(report ${PW_REPORT_SOURCES} ${PW_REPORT_ANALYSES})
