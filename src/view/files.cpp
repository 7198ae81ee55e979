#include "view/files.hpp"

#include "view/areas.hpp"
#include "view/memory.hpp"
#include "view/status.hpp"
#include "view/vmstat.hpp"

namespace pw::view {

namespace {

constexpr ProcessFile kOfProcess[] = {
    {"maps", maps},     {"smaps", smaps}, {"smaps_rollup", smaps_rollup},
    {"status", status}, {"statm", statm}, {"numa_maps", numa_maps},
};
constexpr MachineFile kOfMachine[] = {
    {"meminfo", meminfo},     {"vmstat", vmstat},           {"swaps", swaps},
    {"buddyinfo", buddyinfo}, {"memory.stat", memory_stat}, {"pagetypeinfo", pagetypeinfo},
};

template <class Table>
auto find_in(const Table& table, std::string_view name) -> decltype(&table[0]) {
  for (const auto& file : table) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

}  // namespace

std::span<const ProcessFile> process_files() { return kOfProcess; }
std::span<const MachineFile> machine_files() { return kOfMachine; }
const ProcessFile* find_process_file(std::string_view name) { return find_in(kOfProcess, name); }
const MachineFile* find_machine_file(std::string_view name) { return find_in(kOfMachine, name); }

}  // namespace pw::view
