// Disks and zram.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "base/random.hpp"
#include "ports/host/memory_group.hpp"
#include "tools/calibration.hpp"
#include "tools/mapping.hpp"

namespace pw::tools {
namespace {

constexpr std::size_t kFileBytes = 64 << 20, kBlock = 1 << 20;

// Opened past the page cache; its name is gone already. -1: not possible there.
int direct_file(const std::string& folder) {
  struct statfs system {};
  if (statfs(folder.c_str(), &system) != 0 || system.f_type == TMPFS_MAGIC) return -1;
  std::string name = folder + "/pagewright-XXXXXX";
  const int fd = mkostemp(name.data(), O_CLOEXEC | O_DIRECT);
  if (fd >= 0) unlink(name.c_str());
  return fd;
}

struct Freed {
  void operator()(void* block) const { std::free(block); }
};

void measure_file(Calibration& into, int fd) {
  const std::unique_ptr<void, Freed> block(std::aligned_alloc(kPageSize, kBlock));
  auto* bytes = static_cast<unsigned char*>(block.get());
  if (bytes == nullptr) return;
  Random random(3);
  for (std::size_t i = 0; i < kBlock; ++i) bytes[i] = static_cast<unsigned char>(random.below(256));
  constexpr double kPages = static_cast<double>(kBlock / kPageSize);
  constexpr std::size_t kBlocks = kFileBytes / kBlock;
  const auto timed = [&](auto call, std::size_t size, std::size_t offset) -> double {
    const double began = wall_ns();
    const auto done = call(fd, block.get(), size, static_cast<off_t>(offset));
    return done == static_cast<ssize_t>(size) ? wall_ns() - began : -1;
  };
  std::size_t at = 0;
  const auto next = [&at] { return at++ % kBlocks * kBlock; };
  sample(into.costs.disk_write_page, kBlocks, kPages,
         [&] { return timed(pwrite, kBlock, next()); });
  fsync(fd);
  sample(into.costs.disk_page, kBlocks, kPages, [&] { return timed(pread, kBlock, next()); });
  sample(into.costs.disk_read, 300, 1,
         [&] { return timed(pread, kPageSize, random.below(kFileBytes / kPageSize) * kPageSize); });
}

// Half of each page is noise, the other half the same byte: it halves when compressed, as data of
// programs does about.
void fill(const Mapping& memory, std::size_t page, Random& random) {
  constexpr std::size_t kNoise = kPageSize / 2;
  for (std::size_t i = 0; i < kNoise; i += 8) {
    const std::uint64_t noise = random.next();
    reinterpret_cast<volatile std::uint64_t&>(memory.at(page * kPageSize + i)) = noise;
  }
}

// What filling a page takes without any fault.
double fill_ns() {
  constexpr std::size_t kPages = 64;
  const Mapping memory(kPages * kPageSize);
  if (!memory.ok()) return 0;
  Random random(6);
  double best = 0;
  for (int round = 0; round < 8; ++round) {
    const double began = cpu_ns();
    for (std::size_t page = 0; page < kPages; ++page) fill(memory, page, random);
    const double ns = (cpu_ns() - began) / kPages;
    if (round == 1 || (round > 1 && ns < best)) best = ns;  // the first round faults
  }
  return best;
}

struct Pressed {  // what one round in the group took, CPU time of the child
  double first_ns = 0, again_ns = 0;
  double pages = 0, swapped_in = 0, failed = 1;
};

// In the group: fills four times what fits, then reads it all.
Pressed press(std::size_t pages) {
  Pressed result;
  const Mapping memory(pages * kPageSize);
  if (!memory.ok()) return result;
  memory.advise(MADV_NOHUGEPAGE);
  Random random(5);
  const double first_at = cpu_ns();
  for (std::size_t page = 0; page < pages; ++page) fill(memory, page, random);
  result.first_ns = cpu_ns() - first_at - static_cast<double>(pages) * fill_ns();
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const double again_at = cpu_ns();
  for (std::size_t page = 0; page < pages; ++page)
    (void)memory.load(page * kPageSize + kPageSize / 2);
  result.again_ns = cpu_ns() - again_at;
  getrusage(RUSAGE_SELF, &after);
  result.pages = static_cast<double>(pages);
  result.swapped_in = static_cast<double>(after.ru_majflt - before.ru_majflt);
  result.failed = 0;
  return result;
}

// One round in a child that has entered the group.
Pressed press_in(const host::MemoryGroup& group, std::size_t pages) {
  Pressed result;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return result;
  const pid_t child = fork();
  if (child == 0) {
    if (!host::write_to_file(group.processes_file(), "0")) _exit(1);
    const Pressed done = press(pages);
    _exit(write(ends[1], &done, sizeof done) == sizeof done ? 0 : 1);
  }
  close(ends[1]);
  if (read(ends[0], &result, sizeof result) != sizeof result) result = {};
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  return result;
}

std::uint64_t swapped_out() {
  const auto counters = host::parse_counters(host::text_of_file("/proc/vmstat"));
  return host::value_of(counters, "pswpout") + host::value_of(counters, "swpout_zero");
}

}  // namespace

void measure_disk(Calibration& into, const std::string& folder) {
  const int fd = direct_file(folder);
  if (fd < 0) {
    into.notes.push_back(
        fmt::format("disk: {} is on no disk that can be read past the page cache "
                    "(--folder)",
                    folder));
    return;
  }
  measure_file(into, fd);
  close(fd);
}

void measure_zram(Calibration& into, host::Guardian& guardian) {
  constexpr std::uint64_t kLimit = 16 << 20;
  constexpr std::size_t kPages = 4 * kLimit / kPageSize;
  constexpr unsigned kRounds = 7;
  const auto give_up = [&](const Error& error) { into.notes.push_back("zram: " + error.message); };
  const auto parent = host::find_group_parent();
  if (!parent) return give_up(parent.error());
  if (parent->make_room) {
    const auto room = guardian.make_room(*parent);
    if (!room) return give_up(room.error());
  }
  const auto device = guardian.make_zram(8 * kLimit, "");
  if (!device) return give_up(device.error());
  std::vector<double> in, out;
  for (unsigned round = 0; round < kRounds; ++round) {
    const auto path = guardian.make_group(*parent);
    if (!path) return give_up(path.error());
    const host::MemoryGroup group(parent->version, *path);
    std::vector<std::string> ignored;
    const auto set = group.set({kLimit, 60, true}, ignored);
    if (!set) return give_up(set.error());
    const std::uint64_t before = swapped_out();
    const Pressed done = press_in(group, kPages);
    (void)guardian.remove_group(*path);
    if (done.failed != 0 || swapped_out() == before || done.swapped_in < done.pages / 2) continue;
    // A page comes in for another that goes out; while memory is first filled they only go out.
    const double gone = done.pages - static_cast<double>(kLimit / kPageSize);
    const double out_ns = std::max((done.first_ns - done.pages * into.costs.anon_fault.ns) / gone,
                                   0.0);
    out.push_back(out_ns);
    in.push_back(std::max(done.again_ns / done.swapped_in - out_ns, 0.0));
  }
  if (out.empty()) return give_up({Errno::Io, "nothing was swapped"});
  into.costs.zram_out = cost_of(out);
  into.costs.zram_in = cost_of(in);
}

}  // namespace pw::tools
