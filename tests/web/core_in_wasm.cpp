// A small machine under memory pressure: 4 MiB of RAM, two processes with 12 MiB between them, the
// rest in swap. Prints what it counted. Built for the host and, as the browser gets the core, for
// WebAssembly (cmake/wasm.cmake): both must print the same.
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "base/random.hpp"
#include "base/units.hpp"
#include "machine/config.hpp"
#include "machine/machine.hpp"
#include "ports/sim/memory_store.hpp"

namespace {

using namespace pw::literals;

constexpr std::uint64_t kPages = 1536;

pw::VirtAddr nth_page(pw::VirtAddr start, std::uint64_t n) {
  return start + pw::bytes_of(pw::PageCount(n));
}

// What process `owner` last wrote to page n.
std::uint64_t word_of(pw::Pid owner, std::uint64_t n) { return n * 1000 + owner; }

bool write_word(pw::Machine& machine, pw::Pid pid, pw::VirtAddr at, std::uint64_t word) {
  std::array<std::byte, sizeof word> bytes;
  std::memcpy(bytes.data(), &word, sizeof word);
  return machine.write(pid, at, bytes).ok();
}

bool reads_word(pw::Machine& machine, pw::Pid pid, pw::VirtAddr at, std::uint64_t word) {
  std::array<std::byte, sizeof word> bytes;
  std::uint64_t found = 0;
  if (!machine.read(pid, at, bytes).ok()) return false;
  std::memcpy(&found, bytes.data(), sizeof found);
  return found == word;
}

// The parent writes every page; the child, forked then, every third one. Each must see its own.
bool diverge(pw::Machine& machine, pw::Pid parent, pw::VirtAddr start) {
  for (std::uint64_t n = 0; n < kPages; ++n) {
    if (!write_word(machine, parent, nth_page(start, n), word_of(parent, n))) return false;
  }
  const auto child = machine.fork(parent);
  if (!child) return false;
  for (std::uint64_t n = 0; n < kPages; n += 3) {
    if (!write_word(machine, *child, nth_page(start, n), word_of(*child, n))) return false;
  }
  pw::Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t n = random.below(kPages);
    const pw::Pid childs_view = n % 3 == 0 ? *child : parent;
    if (!reads_word(machine, parent, nth_page(start, n), word_of(parent, n))) return false;
    if (!reads_word(machine, *child, nth_page(start, n), word_of(childs_view, n))) return false;
  }
  return true;
}

}  // namespace

int main() {
  pw::MachineConfig config;
  config.ram = 4_MiB;
  config.swap = 32_MiB;
  auto machine = pw::Machine::create(config, std::make_unique<pw::sim::MemoryStore>(config.swap));
  if (!machine) return 2;
  const auto pid = (*machine)->spawn("parent");
  if (!pid) return 3;
  pw::MmapRequest request;
  request.length = pw::bytes_of(pw::PageCount(kPages));
  const auto start = (*machine)->mmap(*pid, request);
  if (!start) return 4;
  if (!diverge(**machine, *pid, *start)) return 5;
  if (!(*machine)->verify()) return 6;

  const pw::MachineCounters& counters = (*machine)->counters();
  std::printf("minor %" PRIu64 " major %" PRIu64 " copied %" PRIu64 " swapped out %" PRIu64
              " in %" PRIu64 " tables %" PRIu64 " time %" PRIu64 " ns\n",
              counters.faults.minor, counters.faults.major, counters.faults.copy_on_write,
              counters.reclaim.pswpout, counters.reclaim.pswpin, counters.table_peak,
              (*machine)->clock().now_ns());
  return 0;
}
