// What pages of files take on their way into memory and out again, in CPU time: of whoever reads
// them, interrupts included as far as they meet it.
//
//   file_request     single pages, out of order, less the same when they are in memory
//   file_read        readahead(2), which takes a folio for each page, and waits for the last page;
//                    less a request for each call
//   file_read_large  read(2) in order, behind which folios grow, less the same when the file is in
//                    memory and a request for each window
//   file_free        file_read once more, in a group that has room for a quarter of the file; what
//                    that takes more, for each page that was freed. Without a group:
//                    posix_fadvise(DONTNEED), which is what reclaim does but for the search
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/random.hpp"
#include "ports/host/group_run.hpp"
#include "tools/calibration.hpp"
#include "tools/mapping.hpp"

namespace pw::tools {
namespace {

constexpr std::size_t kFileBytes = 64 << 20;
constexpr std::size_t kFilePages = kFileBytes / kPageSize;
constexpr std::uint64_t kRoom = kFileBytes / 4;  // of the group that presses
constexpr std::uint64_t kAmple = 8 * kFileBytes;
constexpr std::size_t kLargestCall = 4 << 20, kSmallestCall = 128 << 10;
constexpr unsigned kRounds = 7;

// A file on a disk, with its pages there and none of them dirty. Its name is gone already.
class DiskFile {
 public:
  explicit DiskFile(const std::string& folder) {
    std::string name = folder + "/pagewright-XXXXXX";
    fd_ = mkostemp(name.data(), O_CLOEXEC);
    if (fd_ < 0) return;
    unlink(name.c_str());
    Random random(4);
    std::vector<std::uint64_t> block((1 << 20) / sizeof(std::uint64_t));
    for (std::uint64_t& word : block) word = random.next();
    const std::size_t bytes = block.size() * sizeof block[0];
    for (std::size_t at = 0; at < kFileBytes; at += bytes) {
      if (pwrite(fd_, block.data(), bytes, static_cast<off_t>(at)) != static_cast<ssize_t>(bytes)) {
        return;
      }
    }
    ok_ = fsync(fd_) == 0;
  }
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;
  ~DiskFile() {
    if (fd_ >= 0) close(fd_);
  }
  bool ok() const { return ok_; }
  int fd() const { return fd_; }

  void evict() const { posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED); }
  void advise(int advice) const { posix_fadvise(fd_, 0, 0, advice); }
  std::size_t pages_in_memory() const {
    const Mapping file(kFileBytes, fd_, 0);
    return file.ok() ? file.resident() : 0;
  }

 private:
  int fd_ = -1;
  bool ok_ = false;
};

// Brings so much in and waits for the last page of it.
bool read_call(const DiskFile& file, std::size_t at, std::size_t call) {
  char byte = 0;
  readahead(file.fd(), static_cast<off64_t>(at), call);
  return pread(file.fd(), &byte, 1, static_cast<off_t>(at + call - 1)) == 1;
}

// CPU time of reading all of the file, `call` bytes at a time.
double read_in_calls(const DiskFile& file, std::size_t call) {
  file.evict();
  const double began = cpu_ns();
  for (std::size_t at = 0; at < kFileBytes; at += call) {
    if (!read_call(file, at, call)) return -1;
  }
  return cpu_ns() - began;
}

// As much as readahead(2) brings in at one call; 0: pages of this file stay in memory, or do not
// come.
std::size_t largest_call(const DiskFile& file) {
  file.evict();
  if (file.pages_in_memory() > kFilePages / 50) return 0;
  for (std::size_t call = kLargestCall; call >= kSmallestCall; call /= 2) {
    file.evict();
    if (!read_call(file, 0, call)) return 0;
    if (file.pages_in_memory() >= call / kPageSize) return call;
  }
  return 0;
}

void measure_request(predict::Costs& costs, const DiskFile& file) {
  constexpr std::size_t kReads = 40, kStep = 7'919;  // coprime to the number of pages
  constexpr unsigned kBatches = 15;
  std::size_t next = 0;
  std::array<char, kPageSize> page;
  const auto reads = [&](std::size_t first) -> double {
    const double began = cpu_ns();
    for (std::size_t i = first; i < first + kReads; ++i) {
      const std::size_t at = i * kStep % kFilePages * kPageSize;
      if (pread(file.fd(), page.data(), page.size(), static_cast<off_t>(at)) < 0) return -1;
    }
    return cpu_ns() - began;
  };
  file.evict();
  file.advise(POSIX_FADV_RANDOM);
  sample(costs.file_request, kBatches, kReads, [&]() -> double {
    const double first = reads(next);
    const double again = reads(next);
    next += kReads;
    return first < 0 || again < 0 ? -1 : std::max(first - again, 0.0);
  });
  file.advise(POSIX_FADV_NORMAL);
}

double read_in_order(const DiskFile& file) {
  constexpr std::size_t kBuffer = 64 << 10;
  std::vector<char> buffer(kBuffer);
  lseek(file.fd(), 0, SEEK_SET);
  const double began = cpu_ns();
  for (;;) {
    const ssize_t got = read(file.fd(), buffer.data(), kBuffer);
    if (got <= 0) return got < 0 ? -1 : cpu_ns() - began;
  }
}

void measure_large(predict::Costs& costs, const DiskFile& file, const std::string& folder) {
  const auto window = static_cast<double>(host::readahead_pages(folder));
  const double requests = static_cast<double>(kFilePages) / std::max(window, 1.0);
  sample(costs.file_read_large, kRounds, kFilePages, [&]() -> double {
    file.evict();
    const double first = read_in_order(file);
    const double again = read_in_order(file);
    if (first < 0 || again < 0) return -1;
    return std::max(first - again - requests * costs.file_request.ns, 0.0);
  });
}

// What it takes more if each page that comes in makes another one go.
void measure_free(predict::Costs& costs, const DiskFile& file, std::size_t call,
                  const ChildPlace& place) {
  const auto rounds = [&](std::uint64_t limit) {
    std::vector<double> samples;
    for (unsigned i = 0; i < kRounds; ++i) {
      const auto ns = in_group<double>(
          place, limit, [&](double& into) { return (into = read_in_calls(file, call)) >= 0; });
      if (ns) samples.push_back(*ns);
    }
    return samples;
  };
  const std::vector<double> ample = rounds(kAmple);
  std::vector<double> pressed = rounds(kRoom);
  if (ample.empty() || pressed.empty()) return;
  const double base = cost_of(ample).ns;
  constexpr double kFreed = static_cast<double>(kFileBytes - kRoom) / kPageSize;
  for (double& ns : pressed) ns = std::max(ns - base, 0.0) / kFreed;
  costs.file_free = cost_of(std::move(pressed));
}

void measure_dropping(predict::Costs& costs, const DiskFile& file, std::size_t call) {
  sample(costs.file_free, kRounds, kFilePages, [&]() -> double {
    if (read_in_calls(file, call) < 0) return -1;
    const double began = cpu_ns();
    file.evict();
    return cpu_ns() - began;
  });
}

}  // namespace

void measure_reads(Calibration& into, const std::string& folder,
                   const std::optional<ChildPlace>& place) {
  const auto give_up = [&](std::string_view why) {
    into.notes.push_back(fmt::format("reading files: {}", why));
  };
  const DiskFile file(folder);
  if (!file.ok()) return give_up("cannot write to " + folder);
  const std::size_t call = largest_call(file);
  if (call == 0) return give_up(folder + " is on no disk whose pages leave memory (--folder)");
  predict::Costs& costs = into.costs;
  measure_request(costs, file);
  const auto calls = static_cast<double>(kFileBytes / call);
  sample(costs.file_read, kRounds, kFilePages, [&]() -> double {
    const double ns = read_in_calls(file, call);
    return ns < 0 ? ns : std::max(ns - calls * costs.file_request.ns, 0.0);
  });
  // A single page's request had its folio in it.
  for (double* figure :
       {&costs.file_request.ns, &costs.file_request.low, &costs.file_request.high}) {
    *figure = std::max(*figure - costs.file_read.ns, 0.0);
  }
  measure_large(costs, file, folder);
  if (place) measure_free(costs, file, call, *place);
  if (!costs.file_free.measured) measure_dropping(costs, file, call);
}

}  // namespace pw::tools
