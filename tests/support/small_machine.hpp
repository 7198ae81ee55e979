// A machine for a test, with what most tests of machines do: map, store and load a value.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "machine/machine.hpp"
#include "ports/sim/memory_store.hpp"

namespace pw::test {

using namespace pw::literals;

// Checked after each operation; without prefetching and without watermarks, so that counts are
// exact.
inline MachineConfig exact_config(ByteCount ram) {
  MachineConfig config;
  config.ram = ram;
  config.min_free_pages = 0;
  config.prefetch = {1, 1, 1, 1};
  config.verify_each_operation = true;
  return config;
}

inline std::unique_ptr<Machine> make_machine(const MachineConfig& config) {
  auto machine = Machine::create(config, std::make_unique<sim::MemoryStore>(ByteCount(0)));
  EXPECT_TRUE(machine) << machine.error().message;
  return std::move(*machine);
}

inline VirtAddr map(Machine& machine, Pid pid, ByteCount length, bool shared = false) {
  MmapRequest request;
  request.length = length;
  request.shared = shared;
  const auto at = machine.mmap(pid, request);
  EXPECT_TRUE(at);
  return *at;
}

// At this very address; fails if it cannot be there.
inline Result<VirtAddr> map_at(Machine& machine, Pid pid, std::uint64_t address, ByteCount length) {
  MmapRequest request;
  request.address = VirtAddr(address);
  request.length = length;
  request.fixed = true;
  return machine.mmap(pid, request);
}

// The whole file.
inline VirtAddr map_file(Machine& machine, Pid pid, FileId file, Rights rights = kReadWrite,
                         bool shared = false) {
  MmapRequest request;
  request.length = machine.object(file).size;
  request.rights = rights;
  request.shared = shared;
  request.backing = &machine.object(file);
  const auto at = machine.mmap(pid, request);
  EXPECT_TRUE(at);
  return *at;
}

inline VirtAddr page(VirtAddr base, std::uint64_t n) { return base + bytes_of(PageCount(n)); }

inline AccessResult store(Machine& machine, Pid pid, VirtAddr at, std::uint64_t value) {
  return machine.write(pid, at, std::as_bytes(std::span(&value, 1)));
}
inline std::uint64_t load(Machine& machine, Pid pid, VirtAddr at) {
  std::uint64_t value = 0;
  EXPECT_TRUE(machine.read(pid, at, std::as_writable_bytes(std::span(&value, 1))).ok());
  return value;
}

// The frame behind an address; kNoFrame if none is mapped.
inline Pfn frame_at(Machine& machine, Pid pid, VirtAddr at) {
  const x86::Pte* entry = machine.find(pid)->space->tables().find(page_of(at));
  return entry != nullptr && entry->present() ? entry->pfn() : kNoFrame;
}

inline std::uint64_t user_frames(Machine& machine) { return machine.counters().resident_pages; }

}  // namespace pw::test
