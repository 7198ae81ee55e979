// What the whole machine costs on the host: replaying references, fork, mmap, faults, its start,
// its metadata. CPU seconds, median of five, beside the target.
//
// References: a 64-entry 4-way L1, a 2048-entry 8-way L2, four levels, one CPU, every page
// resident, frames without bytes, the default policy. The loops include the making of the
// addresses.
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>

#include "base/random.hpp"
#include "machine/machine.hpp"
#include "ports/sim/memory_store.hpp"
#include "tests/support/host_memory.hpp"

namespace {

using namespace pw;
using namespace pw::literals;

constexpr int kRuns = 5;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Taken {
  double median = 0, best = 0;
};

// CPU seconds of `body`, run five times; `after` is not timed.
template <class Body, class After>
Taken time_of(Body&& body, After&& after) {
  std::array<double, kRuns> taken{};
  for (double& run : taken) {
    const double start = cpu_seconds();
    body();
    run = cpu_seconds() - start;
    after();
  }
  std::sort(taken.begin(), taken.end());
  return {taken[kRuns / 2], taken[0]};
}
template <class Body>
Taken time_of(Body&& body) {
  return time_of(body, [] {});
}

void print(const char* what, double value, double best, const char* unit, const char* target) {
  std::printf("%-46s %10.2f %-8s best %10.2f   [%s]\n", what, value, unit, best, target);
}

MachineConfig config_of(ByteCount ram, Contents contents) {
  MachineConfig config;
  config.ram = ram;
  config.contents = contents;
  return config;
}

std::unique_ptr<Machine> machine_of(ByteCount ram, Contents contents) {
  auto machine = Machine::create(config_of(ram, contents));
  PW_CHECK(machine);
  return std::move(*machine);
}

VirtAddr map(Machine& machine, Pid pid, ByteCount length) {
  MmapRequest request;
  request.length = length;
  const auto at = machine.mmap(pid, request);
  PW_CHECK(at);
  return *at;
}

void touch_all(Machine& machine, Pid pid, VirtAddr base, ByteCount length) {
  const auto result = machine.reference_all(
      *machine.find(pid), pages_for(length).value, [base](std::uint64_t i) {
        return Reference{base + ByteCount(i * kPageSize), Access::Write};
      });
  PW_CHECK(result.ok());
}

// `offset(i)`: where in a resident region of `size` bytes the i-th reference goes.
template <class Offset>
void references(const char* what, ByteCount size, std::uint64_t count, const char* target,
                Offset&& offset) {
  const auto machine = machine_of(2_GiB, Contents::MetadataOnly);
  const Pid pid = *machine->spawn();
  const VirtAddr base = map(*machine, pid, size);
  touch_all(*machine, pid, base, size);
  Process& process = *machine->find(pid);
  const Taken taken = time_of([&] {
    const auto result = machine->reference_all(process, count, [&](std::uint64_t i) {
      return Reference{base + ByteCount(offset(i)), Access::Read};
    });
    PW_CHECK(result.ok());
  });
  const double millions = static_cast<double>(count) * 1e-6;
  print(what, millions / taken.median, millions / taken.best, "M/s", target);
}

void all_references() {
  Random random(1);
  references("references: sequential, 256 MiB", 256_MiB, 100'000'000, ">= 250",
             [](std::uint64_t i) { return i * 8 % (256_MiB).value; });
  references("references: random, 16 MiB", 16_MiB, 20'000'000, ">= 60",
             [&](std::uint64_t) { return random.next() % (16_MiB).value; });
  references("references: random, 256 MiB", 256_MiB, 20'000'000, ">= 35",
             [&](std::uint64_t) { return random.next() % (256_MiB).value; });
}

void forks() {
  const auto machine = machine_of(4_GiB, Contents::MetadataOnly);
  const Pid parent = *machine->spawn();
  const VirtAddr base = map(*machine, parent, 1_GiB);
  touch_all(*machine, parent, base, 1_GiB);
  Pid child = 0;
  const auto bury = [&] { PW_CHECK(machine->exit(child, 0) && machine->reap(child)); };
  const auto born = [&] {
    const auto pid = machine->fork(parent);
    PW_CHECK(pid);
    child = *pid;
  };
  born();  // the first takes write permission from every page; the ones timed do it again
  bury();
  const Taken again = time_of(born, bury);
  print("fork: 1 GiB resident, shared before", again.median * 1e3, again.best * 1e3, "ms", "< 2");
  const Taken fresh = time_of([&] { born(); },
                              [&] {
                                bury();
                                touch_all(*machine, parent, base, 1_GiB);
                              });
  print("fork: 1 GiB resident, written since", fresh.median * 1e3, fresh.best * 1e3, "ms", "< 2");
}

void areas() {
  constexpr std::uint64_t kTimes = 200'000;
  constexpr std::uint64_t kAlive = 64;
  const auto machine = machine_of(1_GiB, Contents::MetadataOnly);
  const Pid pid = *machine->spawn();
  const auto churn = [&](bool merging) {
    std::array<VirtAddr, kAlive> alive{};
    const Taken taken = time_of([&] {
      for (std::uint64_t i = 0; i < kTimes; ++i) {
        VirtAddr& at = alive[i % kAlive];
        if (at.value != 0) PW_CHECK(machine->munmap(pid, at, 16_KiB));
        MmapRequest request;
        request.length = 16_KiB;
        if (!merging && i % 2 == 0) request.rights = kReadOnly;
        at = *machine->mmap(pid, request);
      }
    });
    for (const VirtAddr at : alive) PW_CHECK(machine->munmap(pid, at, 16_KiB));
    return Taken{taken.median / kTimes * 1e9, taken.best / kTimes * 1e9};
  };
  const Taken merging = churn(true);
  print("mmap + munmap: merging with neighbours", merging.median, merging.best, "ns", "< 1000");
  const Taken apart = churn(false);
  print("mmap + munmap: areas stay apart", apart.median, apart.best, "ns", "< 1000");
}

void faults(const char* what, Contents contents, ByteCount size, const char* target) {
  const auto machine = machine_of(2_GiB, contents);
  const Pid pid = *machine->spawn();
  VirtAddr base = map(*machine, pid, size);
  const auto renew = [&] {
    PW_CHECK(machine->munmap(pid, base, size));
    base = map(*machine, pid, size);
  };
  touch_all(*machine, pid, base, size);  // the host's own first touches are not what is measured
  renew();
  const Taken taken = time_of([&] { touch_all(*machine, pid, base, size); }, renew);
  const double pages = static_cast<double>(pages_for(size).value);
  print(what, taken.median / pages * 1e9, taken.best / pages * 1e9, "ns", target);
}

// What a fault with bytes cannot do without: clearing a page that is in no cache.
void clearing() {
  constexpr std::uint64_t kPages = 1 << 16;
  auto memory = FrameMemory::create(PageCount(kPages));
  PW_CHECK(memory);
  const auto clear = [&] {
    for (std::uint64_t n = 0; n < kPages; ++n) memory->zero(Pfn(n));
  };
  clear();
  const Taken taken = time_of(clear);
  print("  of this, clearing 4 KiB", taken.median / kPages * 1e9, taken.best / kPages * 1e9, "ns",
        "the host's memory");
}

void start() {
  std::unique_ptr<Machine> machine;
  const std::uint64_t before = test::resident_bytes_of_this_process();
  std::uint64_t resident = 0;
  const Taken taken = time_of(
      [&] {
        machine = machine_of(64_GiB, Contents::Bytes);
        PW_CHECK(machine->spawn());
      },
      [&] {
        resident = std::max(resident, test::resident_bytes_of_this_process() - before);
        machine.reset();
      });
  print("64 GiB machine: start", taken.median * 1e3, taken.best * 1e3, "ms", "< 200");
  const double mib = static_cast<double>(resident) / static_cast<double>((1_MiB).value);
  print("64 GiB machine: host memory", mib, mib, "MiB", "< 64");
}

void metadata() {
  constexpr ByteCount kSize = 1_GiB;
  const auto machine = machine_of(4_GiB, Contents::MetadataOnly);
  const Pid pid = *machine->spawn();
  const VirtAddr base = map(*machine, pid, kSize);
  const std::uint64_t before = test::resident_bytes_of_this_process();
  const std::uint64_t tables_before = machine->counters().table_pages;
  touch_all(*machine, pid, base, kSize);
  const std::uint64_t tables = (machine->counters().table_pages - tables_before) * kPageSize;
  const std::uint64_t grown = test::resident_bytes_of_this_process() - before;
  const double each = static_cast<double>(grown - tables) /
                      static_cast<double>(pages_for(kSize).value);
  print("metadata of a resident frame, beside tables", each, each, "bytes", "<= 64");
}

}  // namespace

int main() {
  metadata();
  start();
  all_references();
  forks();
  areas();
  faults("minor fault: fresh anonymous page", Contents::MetadataOnly, 1_GiB, "< 300");
  faults("minor fault: the same with bytes", Contents::Bytes, 256_MiB, "< 300 and the clearing");
  clearing();
  return 0;
}
