// How the pages call the core: exported functions of a WebAssembly module without main().
//
// The page lends bytes by pw_alloc() and pw_free(). Numbers come back as they are; text comes back
// through answer(): the page reads pw_answer() and pw_answer_size() right after the call. One
// thread, no reentry. Nothing here is used on the host but by tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#ifdef __wasm__
#define PW_PAGE_EXPORT(name) extern "C" __attribute__((export_name(#name)))
#else
#define PW_PAGE_EXPORT(name) extern "C"
#endif

namespace pw::page {

// What the next pw_answer() gives.
void answer(std::string text);
std::string_view answered();

// Bytes that the page lent, as an exported function gets them.
inline std::string_view lent(const char* at, std::uint32_t length) { return {at, length}; }

}  // namespace pw::page
