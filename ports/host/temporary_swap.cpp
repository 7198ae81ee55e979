#include "ports/host/temporary_swap.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <sys/swap.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "base/units.hpp"
#include "ports/host/memory_group.hpp"

namespace pw::host {
namespace {

constexpr const char* kControl = "/sys/class/zram-control/";
constexpr int kHighestPriority = 32767;  // SWAP_FLAG_PRIO_MASK
constexpr std::uint64_t kRoomLeft = 256ULL << 20;

tl::unexpected<Error> failed(const std::string& what) {
  const int error = errno;
  return fail(static_cast<Errno>(error), fmt::format("{}: {}", what, std::strerror(error)));
}

void put32(std::string& page, std::size_t at, std::uint32_t value) {
  std::memcpy(page.data() + at, &value, sizeof value);
}

Result<void> write_header(const std::string& path, std::uint64_t bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return failed("cannot open " + path);
  const std::string header = swap_header(bytes);
  const ssize_t written = pwrite(fd, header.data(), header.size(), 0);
  const bool good = written == static_cast<ssize_t>(header.size()) && fsync(fd) == 0;
  const int error = errno;
  close(fd);
  errno = error;
  if (!good) return failed("cannot write to " + path);
  return {};
}

}  // namespace

std::vector<SwapArea> parse_swaps(const std::string& text) {
  std::vector<SwapArea> areas;
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);  // the heading
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    SwapArea area;
    std::string type;
    std::uint64_t kib = 0, used_kib = 0;
    if (!(words >> area.path >> type >> kib >> used_kib >> area.priority)) continue;
    area.zram = area.path.rfind("/dev/zram", 0) == 0;
    area.bytes = kib << 10;
    area.used_bytes = used_kib << 10;
    areas.push_back(std::move(area));
  }
  return areas;
}

std::vector<SwapArea> current_swaps() { return parse_swaps(text_of_file("/proc/swaps")); }

std::string swap_header(std::uint64_t bytes) {
  constexpr std::size_t kInfo = 1024;
  constexpr std::string_view kMagic = "SWAPSPACE2";
  std::string page(kPageSize, '\0');
  put32(page, kInfo, 1);                                                      // version
  put32(page, kInfo + 4, static_cast<std::uint32_t>(bytes / kPageSize - 1));  // last page
  put32(page, kInfo + 8, 0);                                                  // bad pages
  page.replace(page.size() - kMagic.size(), kMagic.size(), kMagic);
  return page;
}

Result<unsigned> add_zram() {
  const std::string text = text_of_file(std::string(kControl) + "hot_add");
  if (!text.empty()) return static_cast<unsigned>(std::strtoul(text.c_str(), nullptr, 10));
  if (access(kControl, F_OK) != 0) {
    return fail(Errno::NotSupported, "the kernel has no zram: modprobe zram, or --swap ssd");
  }
  return fail(Errno::Access, fmt::format("cannot read {}hot_add: run as root", kControl));
}

Result<void> remove_zram(unsigned number) {
  PW_TRY(write_to_file(fmt::format("/sys/block/zram{}/reset", number), "1"));
  return write_to_file(std::string(kControl) + "hot_remove", std::to_string(number));
}

Result<std::string> size_zram(unsigned number, std::uint64_t bytes, const std::string& algorithm) {
  const std::string folder = fmt::format("/sys/block/zram{}/", number);
  if (!algorithm.empty()) PW_TRY(write_to_file(folder + "comp_algorithm", algorithm));
  PW_TRY(write_to_file(folder + "disksize", std::to_string(bytes)));
  const std::string device = fmt::format("/dev/zram{}", number);
  for (int tries = 0; access(device.c_str(), F_OK) != 0; ++tries) {
    if (tries == 100) return fail(Errno::NoDevice, device + " has not appeared");
    usleep(10'000);
  }
  return device;
}

Result<void> make_swap_file(const std::string& path, std::uint64_t bytes) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return failed("cannot make " + path);
  struct statvfs room {};
  const bool known = fstatvfs(fd, &room) == 0;
  const std::uint64_t free = std::uint64_t{room.f_bavail} * room.f_frsize;
  if (known && free < bytes + kRoomLeft) {
    close(fd);
    return fail(Errno::NoSpace, fmt::format("a swap file of {} MiB needs more room than there is "
                                            "beside {}: --swap-folder",
                                            bytes >> 20, path));
  }
  const int error = posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  close(fd);
  errno = error;
  if (error != 0) return failed("cannot make " + path);
  return {};
}

Result<void> start_swap(const std::string& path, std::uint64_t bytes) {
  PW_TRY(write_header(path, bytes));
  if (swapon(path.c_str(), SWAP_FLAG_PREFER | kHighestPriority) == 0) return {};
  const char* hint = errno == EINVAL ? " (its file system cannot hold swap: --swap-folder)" : "";
  return failed("swapon " + path + hint);
}

// What stands in the way may pass: a signal, somebody else's swap that goes at the same time.
Result<void> stop_swap(const std::string& path) {
  constexpr int kTries = 100;
  for (int tries = 0; tries < kTries; ++tries) {
    if (swapoff(path.c_str()) == 0) return {};
    if (errno != EINTR && errno != EBUSY && errno != ENOMEM) break;
    usleep(10'000);
  }
  return failed("swapoff " + path);
}

}  // namespace pw::host
