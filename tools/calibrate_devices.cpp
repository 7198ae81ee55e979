// Disks.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/random.hpp"
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

}  // namespace pw::tools
