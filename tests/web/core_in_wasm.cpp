// The core as the browser gets it: linked whole into a WebAssembly module (see cmake/wasm.cmake).
// Running it proves that the parts which need no machine compute the same there as on the host.
#include <cstdio>

#include "base/random.hpp"
#include "base/units.hpp"
#include "machine/config.hpp"

int main() {
  using namespace pw::literals;
  const pw::MachineConfig config;
  if (pw::pages_for(config.ram) != pw::PageCount(4U << 20)) return 1;
  if (pw::bytes_of(pw::pages_for(1_TiB)) != 1_TiB) return 1;
  std::puts("core in wasm: ok");
  return 0;
}
