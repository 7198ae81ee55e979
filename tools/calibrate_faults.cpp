#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/units.hpp"
#include "tools/calibration.hpp"
#include "tools/mapping.hpp"

namespace pw::tools {
namespace {

constexpr std::size_t kBatchPages = 256;
constexpr unsigned kBatches = 120;
constexpr std::size_t kHuge = 2 << 20;
constexpr std::size_t kWindowPages = 16;  // fault-around: 64 KiB

void write_pages(const Mapping& memory) {
  for (std::size_t at = 0; at < memory.size(); at += kPageSize) memory.at(at) = 1;
}
void read_pages(const Mapping& memory, std::size_t step) {
  for (std::size_t at = 0; at < memory.size(); at += step) (void)memory.load(at);
}

double time_of(const std::function<void()>& work) {
  const double began = cpu_ns();
  work();
  return cpu_ns() - began;
}

double fresh_pages(bool write) {
  const Mapping memory(kBatchPages * kPageSize);
  if (!memory.ok()) return -1;
  memory.advise(MADV_NOHUGEPAGE);
  return time_of([&] { write ? write_pages(memory) : read_pages(memory, kPageSize); });
}

// Writes to pages that a child shares: while it lives they are copied, afterwards reused.
double shared_pages(bool child_lives) {
  const Mapping memory(kBatchPages * kPageSize);
  int gate[2];
  if (!memory.ok() || pipe2(gate, O_CLOEXEC) != 0) return -1;
  memory.advise(MADV_NOHUGEPAGE);
  write_pages(memory);
  const pid_t child = fork();
  if (child == 0) {
    close(gate[1]);
    char byte = 0;
    while (child_lives && read(gate[0], &byte, 1) < 0 && errno == EINTR) {
    }
    _exit(0);
  }
  close(gate[0]);
  if (child > 0 && !child_lives) waitpid(child, nullptr, 0);
  const double ns = child < 0 ? -1 : time_of([&] { write_pages(memory); });
  close(gate[1]);
  if (child > 0 && child_lives) waitpid(child, nullptr, 0);
  return ns;
}

double cpu_of(const rusage& usage) {
  const auto ns = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_usec) * 1e3;
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

// fork, exit and wait, in the CPU time of both, with that much more resident memory.
double fork_time(std::size_t pages) {
  const Mapping memory(std::max<std::size_t>(pages, 1) * kPageSize);
  if (!memory.ok()) return -1;
  memory.advise(MADV_NOHUGEPAGE);
  if (pages > 0) write_pages(memory);
  rusage used{};
  const double began = cpu_ns();
  const pid_t child = fork();
  if (child == 0) _exit(0);
  if (child < 0 || wait4(child, nullptr, 0, &used) != child) return -1;
  return cpu_ns() - began + cpu_of(used);
}

void measure_fork(Calibration& into) {
  constexpr std::size_t kPages = 16'384;
  constexpr unsigned kForks = 20;
  predict::Costs& costs = into.costs;
  sample(costs.fork_process, kForks, 1, [] { return fork_time(0); });
  const double small = costs.fork_process.ns;
  sample(costs.fork_page, kForks, kPages, [&] {
    const double ns = fork_time(kPages);
    return ns < 0 ? ns : std::max(ns - small, 0.0);
  });
}

void measure_huge(Calibration& into) {
  constexpr std::size_t kPages = 8;
  bool huge = true;
  sample(into.costs.huge_fault, 12, kPages, [&]() -> double {
    const Mapping memory((kPages + 1) * kHuge);
    if (!memory.ok()) return -1;
    memory.advise(MADV_HUGEPAGE);
    const std::size_t first = memory.to_boundary(kHuge);
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    const double ns = time_of([&] {
      for (std::size_t i = 0; i < kPages; ++i) memory.at(first + i * kHuge) = 1;
      for (std::size_t i = 0; i < kPages; ++i) memory.at(first + (i + 1) * kHuge - 1) = 1;
    });
    getrusage(RUSAGE_SELF, &after);
    huge = huge && after.ru_minflt - before.ru_minflt <= static_cast<long>(kPages) + 2;
    return huge ? ns : -1;
  });
  if (!huge) into.notes.emplace_back("huge_fault: the system gives no huge pages");
}

// A file whose pages are in the page cache one by one; its name is gone already.
class CachedFile {
 public:
  CachedFile(const std::string& folder, std::size_t pages) {
    std::string name = folder + "/pagewright-XXXXXX";
    fd_ = mkostemp(name.data(), O_CLOEXEC);
    if (fd_ < 0) return;
    unlink(name.c_str());
    const std::string page(kPageSize, 'p');
    for (std::size_t i = 0; i < pages; ++i) {
      const auto written = pwrite(fd_, page.data(), page.size(), static_cast<off_t>(i * kPageSize));
      if (written != static_cast<ssize_t>(page.size())) return;
    }
    ok_ = true;
  }
  CachedFile(const CachedFile&) = delete;
  CachedFile& operator=(const CachedFile&) = delete;
  ~CachedFile() {
    if (fd_ >= 0) close(fd_);
  }
  bool ok() const { return ok_; }
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
  bool ok_ = false;
};

}  // namespace

void measure_faults(Calibration& into) {
  predict::Costs& costs = into.costs;
  sample(costs.anon_fault, kBatches, kBatchPages, [] { return fresh_pages(true); });
  sample(costs.zero_page_fault, kBatches, kBatchPages, [] { return fresh_pages(false); });
  sample(costs.copy_fault, kBatches / 2, kBatchPages, [] { return shared_pages(true); });
  sample(costs.reuse_fault, kBatches / 2, kBatchPages, [] { return shared_pages(false); });
  measure_fork(into);
  measure_huge(into);
}

void measure_file_faults(Calibration& into, const std::string& folder) {
  const CachedFile file(folder, kBatchPages);
  if (!file.ok()) {
    into.notes.push_back(fmt::format("file faults: cannot write to {}", folder));
    return;
  }
  predict::Costs& costs = into.costs;
  // An area of one page cannot be mapped around.
  sample(costs.file_fault, kBatches, kBatchPages / 2, [&]() -> double {
    std::vector<Mapping> areas;
    for (std::size_t i = 0; i < kBatchPages; i += 2) areas.emplace_back(kPageSize, file.fd(), i);
    return time_of([&] {
      for (const Mapping& area : areas) (void)area.load(0);
    });
  });
  const double alone = costs.file_fault.ns;
  constexpr std::size_t kWindows = kBatchPages / kWindowPages;
  sample(costs.file_page, kBatches, static_cast<double>(kWindows * (kWindowPages - 1)), [&] {
    const Mapping area(kBatchPages * kPageSize, file.fd(), 0);
    const double ns = time_of([&] { read_pages(area, kWindowPages * kPageSize); });
    return std::max(ns - alone * static_cast<double>(kWindows), 0.0);
  });
}

}  // namespace pw::tools
