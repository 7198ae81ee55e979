#include "tools/host_checks.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/kvm.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>

#include "ports/host/host_target.hpp"
#include "ports/host/memory_group.hpp"
#include "report/units.hpp"
#include "tools/install_paths.hpp"

namespace pw::tools {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string first_line_of(const std::string& command) {
  const auto closer = [](std::FILE* f) { pclose(f); };
  const std::unique_ptr<std::FILE, decltype(closer)> pipe(popen(command.c_str(), "re"), closer);
  char line[256] = "";
  if (!pipe || std::fgets(line, sizeof line, pipe.get()) == nullptr) return {};
  std::string text = line;
  text.erase(text.find_last_not_of('\n') + 1);
  return text;
}

HostCheck recorder_check(const std::string& name, const std::string& program,
                         const std::string& package, const std::string& file,
                         const std::string& serves) {
  HostCheck check{name, false, "", serves, ""};
  if (!find_program(program)) {
    check.found = program + " is not installed";
    check.enable = "apt-get install " + package;
  } else if (access(file.c_str(), R_OK) != 0) {
    check.found = "the recorder is not built: " + file + " is missing";
    check.enable = "install " + package + " and build again: cmake --build build/release";
  } else {
    check.ok = true;
    check.found = first_line_of(program + " --version 2>/dev/null");
  }
  return check;
}

HostCheck kvm_check() {
  HostCheck check{"kvm", false, "", "real programs on Pagewright's own page tables", ""};
  const Descriptor kvm(open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (kvm.ok()) {
    const int version = ioctl(kvm.get(), KVM_GET_API_VERSION, 0);
    check.ok = version == KVM_API_VERSION;
    check.found = fmt::format("/dev/kvm, API {}", version);
  } else {
    check.found = fmt::format("/dev/kvm: {}", std::strerror(errno));
  }
  if (!check.ok) {
    check.enable = errno == EACCES ? "join the group kvm: usermod -aG kvm \"$USER\", log in again"
                                   : "load kvm-intel or kvm-amd; in a guest, allow nesting";
  }
  return check;
}

HostCheck userfaultfd_check() {
  HostCheck check{"userfaultfd", false, "", "the live pager: less RAM for a running program", ""};
  const Descriptor fd(
      static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY)));
  if (!fd.ok()) {
    check.found = fmt::format("userfaultfd(2): {}", std::strerror(errno));
    check.enable = "sysctl vm.unprivileged_userfaultfd=1";
    return check;
  }
  uffdio_api api{};
  api.api = UFFD_API;
  check.ok = ioctl(fd.get(), UFFDIO_API, &api) == 0;
  check.found = check.ok ? fmt::format("features {:#x}", std::uint64_t{api.features})
                         : "the kernel refuses its API";
  if (!check.ok) check.enable = "a kernel of version 5.11 or newer";
  return check;
}

HostCheck cgroup_check() {
  HostCheck check{"cgroups", false, "", "checking predictions under a real memory limit", ""};
  const Result<host::GroupParent> parent = host::find_group_parent();
  check.ok = parent.has_value();
  if (check.ok) {
    check.found = fmt::format("memory groups of version {} at {}",
                              parent->version == host::GroupVersion::V1 ? 1 : 2, parent->path);
    return check;
  }
  check.found = parent.error().message;
  const std::size_t remedy = check.found.find(": ");
  if (remedy == check.found.npos) return check;
  check.enable = check.found.substr(remedy + 2);
  check.found.resize(remedy);
  return check;
}

HostCheck perf_check() {
  HostCheck check{"perf", false, "", "fault counts of the running kernel to compare with", ""};
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.size = sizeof attr;
  attr.config = PERF_COUNT_SW_PAGE_FAULTS;
  attr.exclude_kernel = 1;
  const Descriptor fd(
      static_cast<int>(syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC)));
  check.ok = fd.ok();
  const std::string level = first_line("/proc/sys/kernel/perf_event_paranoid");
  check.found = check.ok ? "perf_event_paranoid " + level
                         : fmt::format("perf_event_open(2): {}", std::strerror(errno));
  if (!check.ok) check.enable = "sysctl kernel.perf_event_paranoid=1";
  return check;
}

HostCheck swap_check() {
  HostCheck check{"swap", false, "none", "swap traffic of the running kernel to compare with", ""};
  std::ifstream file("/proc/swaps");
  std::string line;
  std::getline(file, line);  // the heading
  std::uint64_t kib = 0;
  while (file >> line) {
    std::string type;
    std::uint64_t size = 0;
    if (!(file >> type >> size)) break;
    kib += size;
    std::getline(file, line);
  }
  if (kib > 0) {
    check.ok = true;
    check.found = report::bytes(ByteCount(kib << 10));
  } else {
    check.enable =
        "check makes its own as root; else fallocate -l 4G /swap && chmod 600 /swap && mkswap "
        "/swap && swapon /swap";
  }
  return check;
}

HostCheck processes_check() {
  HostCheck check{"processes", false, "", "scripts and differential tests on the running kernel",
                  ""};
  const Result<void> found = host::HostTarget::available();
  check.ok = found.has_value();
  check.found = check.ok ? "processes carry out steps" : found.error().message;
  if (!check.ok) check.enable = "Linux 5.14 or newer, /proc, sysctl vm.memfd_noexec=0";
  return check;
}

}  // namespace

std::vector<HostCheck> check_host() {
  return {recorder_check("valgrind", "valgrind", "valgrind", valgrind_tool(),
                         "recording programs (exact, one thread at a time)"),
          recorder_check("qemu-user", "qemu-x86_64", "qemu-user", qemu_plugin(),
                         "recording programs that Valgrind cannot run"),
          processes_check(),
          kvm_check(),
          userfaultfd_check(),
          cgroup_check(),
          perf_check(),
          swap_check()};
}

}  // namespace pw::tools
