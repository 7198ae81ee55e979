// What a memory system call costs on the machine, next to the running kernel's in the same run.
//
// A process with many areas of one page, every other one read-only so that none merge; then, at
// random places among them, each call by itself: median of 2,001, by the monotonic clock, its own
// cost taken off. The kernel has a limit of areas (vm.max_map_count), so its column stops there.
// fork: the whole call, median of 5; in the kernel the child ends at once.
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

#include "base/random.hpp"
#include "ports/sim/memory_store.hpp"
#include "sys/abi.hpp"
#include "sys/kernel.hpp"

namespace {

using namespace pw;

constexpr std::uint64_t kBase = 0x1000'0000'0000, kStride = 2 * kPageSize;
constexpr std::size_t kCalls = 2'001;

double now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> taken) {
  std::sort(taken.begin(), taken.end());
  return taken[taken.size() / 2];
}

// Who is asked: numbers as of the system call, the answer as the kernel gives it.
using Caller = std::function<std::int64_t(sys::Call, std::uint64_t, std::uint64_t, std::uint64_t)>;

struct Costs {
  double mmap_ns = 0, munmap_ns = 0, mprotect_ns = 0;
};

constexpr std::uint64_t kHow = sys::kMapPrivate | sys::kMapAnonymous | sys::kMapFixed;

// `flags` of mmap are always kHow.
Costs costs_of(const Caller& call, std::uint64_t areas) {
  for (std::uint64_t i = 0; i < areas; ++i) {
    const std::uint64_t rights = i % 2 == 0 ? sys::kProtRead : sys::kProtRead | sys::kProtWrite;
    if (call(sys::Call::Mmap, kBase + i * kStride, kPageSize, rights) < 0) std::abort();
  }
  Random random(1);
  std::vector<double> map, unmap, protect, nothing;
  for (std::size_t i = 0; i < kCalls; ++i) {
    const std::uint64_t at = kBase + random.below(areas) * kStride;
    const double t0 = now_ns();
    const double t1 = now_ns();
    (void)call(sys::Call::Munmap, at, kPageSize, 0);
    const double t2 = now_ns();
    (void)call(sys::Call::Mmap, at, kPageSize, sys::kProtRead);
    const double t3 = now_ns();
    (void)call(sys::Call::Mprotect, at, kPageSize, sys::kProtRead | sys::kProtWrite);
    const double t4 = now_ns();
    nothing.push_back(t1 - t0);
    unmap.push_back(t2 - t1);
    map.push_back(t3 - t2);
    protect.push_back(t4 - t3);
  }
  const double clock = median(nothing);
  return {median(map) - clock, median(unmap) - clock, median(protect) - clock};
}

struct World {
  std::unique_ptr<Machine> machine;
  std::unique_ptr<sys::Kernel> kernel;
  Pid pid = 0;
};

World simulated() {
  MachineConfig config;
  config.max_areas = 1 << 20;
  config.contents = Contents::MetadataOnly;
  World world;
  world.machine = std::move(*Machine::create(config));
  world.kernel = std::make_unique<sys::Kernel>(*world.machine, [](const std::string&) {
    return Result<std::unique_ptr<BackingStore>>(fail(Errno::NoEntry));
  });
  world.pid = *world.kernel->spawn("bench");
  return world;
}

Caller caller_of(World& world) {
  return
      [&world](sys::Call call, std::uint64_t address, std::uint64_t length, std::uint64_t rights) {
        sys::Request request;
        request.call = call;
        request.args = {address, length, rights, kHow, ~std::uint64_t{0}, 0};
        return world.kernel->call(world.pid, request).value;
      };
}

std::int64_t ask_host(sys::Call call, std::uint64_t address, std::uint64_t length,
                      std::uint64_t rights) {
  return syscall(sys::signature(call).number, address, length, rights, kHow, ~std::uint64_t{0}, 0L);
}

double fork_of(World& world) {
  std::vector<double> taken;
  for (int i = 0; i < 5; ++i) {
    const double begin = now_ns();
    const sys::Reply child = world.kernel->call(world.pid, {sys::Call::Fork, {}, {}});
    taken.push_back(now_ns() - begin);
    (void)world.machine->exit(static_cast<Pid>(child.value), 0);
    (void)world.machine->reap(static_cast<Pid>(child.value));
  }
  return median(taken) / 1e6;
}

double host_fork() {
  std::vector<double> taken;
  for (int i = 0; i < 5; ++i) {
    const double begin = now_ns();
    const pid_t child = ::fork();
    if (child == 0) _exit(0);
    taken.push_back(now_ns() - begin);
    ::waitpid(child, nullptr, 0);
  }
  return median(taken) / 1e6;
}

void compare(std::uint64_t areas, bool with_host) {
  World world = simulated();
  const Costs ours = costs_of(caller_of(world), areas);
  const double ours_fork = fork_of(world);
  Costs host;
  double host_fork_ms = 0;
  if (with_host) {
    host = costs_of(ask_host, areas);
    host_fork_ms = host_fork();
    ::munmap(reinterpret_cast<void*>(kBase), areas * kStride);
  }
  const auto line = [&](const char* what, double mine, double theirs, const char* unit,
                        const char* goal) {
    std::printf("%7llu areas  %-9s machine %9.2f %s", static_cast<unsigned long long>(areas), what,
                mine, unit);
    if (with_host) std::printf("   kernel %9.2f %s", theirs, unit);
    std::printf("   [%s]\n", goal);
  };
  line("mmap", ours.mmap_ns, host.mmap_ns, "ns", "<= 1000");
  line("munmap", ours.munmap_ns, host.munmap_ns, "ns", "<= 1000");
  line("mprotect", ours.mprotect_ns, host.mprotect_ns, "ns", "<= 1000");
  line("fork", ours_fork, host_fork_ms, "ms", "<= 50 at 100000");
}

}  // namespace

int main() {
  compare(1'000, true);
  compare(50'000, true);
  compare(100'000, false);
}
