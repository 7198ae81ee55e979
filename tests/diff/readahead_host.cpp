#include "diff/readahead_host.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace pw::readahead {

namespace {

constexpr long kCachestat = 451;  // cachestat(2), Linux 6.5
constexpr long kExt4Magic = 0xEF53;
constexpr char kReturn = '\xC3';  // an instruction, in every byte: pages can be executed

struct CacheStat {
  std::uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::uint64_t file_size(int fd) {
  struct stat info {};
  return fstat(fd, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

std::uint64_t pages_of(std::uint64_t bytes) { return (bytes + kPage - 1) / kPage; }

class HostPlayer final : public Player {
 public:
  HostPlayer(const std::string& path, std::uint64_t most_bytes)
      : watcher_(open(path.c_str(), O_RDWR | O_CLOEXEC)),
        files_{Descriptor(open(path.c_str(), O_RDWR | O_CLOEXEC)),
               Descriptor(open(path.c_str(), O_RDWR | O_CLOEXEC))},
        pagemap_(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)) {
    // A folio of a whole table would be mapped as a huge page, which the machine does not do.
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    most_pages_ = pages_of(most_bytes);
    view_ = mmap(nullptr, most_pages_ * kPage, PROT_READ, MAP_SHARED, watcher_.get(), 0);
    buffer_.assign(most_bytes, kReturn);
    code_.assign(most_bytes, kReturn);
    seen_.assign(most_pages_, 0);
    entries_.assign(most_pages_, 0);
    unlink(path.c_str());
  }
  ~HostPlayer() override {
    munmap(view_, most_pages_ * kPage);
    for (Slot& slot : slots_) unmap(slot);
    prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
  }

  bool works() const { return view_ != MAP_FAILED && pagemap_.get() >= 0; }

  void play(const Step& s) override {
    const auto offset = static_cast<off_t>(s.a);
    const std::size_t length = std::min<std::size_t>(s.b, buffer_.size());
    rusage before{}, after{};
    ssize_t done = 0;
    getrusage(RUSAGE_SELF, &before);
    getrusage(RUSAGE_SELF, &before);
    switch (s.kind) {
      case Kind::Map:
        map(s);
        break;
      case Kind::Unmap:
        unmap(slots_[s.which]);
        break;
      case Kind::Load:
        (void)*at(s);
        break;
      case Kind::Store:
        *at(s) = kReturn;
        break;
      case Kind::Fetch:
        reinterpret_cast<void (*)()>(const_cast<char*>(at(s)))();
        break;
      case Kind::Read:
        done = pread(files_[s.which].get(), buffer_.data(), length, offset);
        break;
      case Kind::Write:
        done = pwrite(files_[s.which].get(), code_.data(), length, offset);
        break;
      case Kind::Sync:
        done = fsync(files_[s.which].get());
        break;
      case Kind::Fadvise:
        done = posix_fadvise(files_[s.which].get(), offset, static_cast<off_t>(s.b),
                             static_cast<int>(s.hint));
        break;
      case Kind::Madvise:
        done = madvise(const_cast<char*>(at(s)), s.b * kPage, static_cast<int>(s.hint));
        break;
      case Kind::Populate:
        done = madvise(const_cast<char*>(at(s)), s.b * kPage, MADV_POPULATE_READ);
        break;
    }
    getrusage(RUSAGE_SELF, &after);
    failed_ = failed_ || done < 0;
    if (s.kind == Kind::Map || s.kind == Kind::Unmap) return;
    minor_ += static_cast<std::uint64_t>(after.ru_minflt - before.ru_minflt);
    major_ += static_cast<std::uint64_t>(after.ru_majflt - before.ru_majflt);
  }

  bool failed() const override { return failed_; }

  State look() override {
    State state;
    state.minor = minor_;
    state.major = major_;
    const std::uint64_t pages = pages_of(file_size(watcher_.get()));
    settle(pages);
    state.cached.resize(pages);
    for (std::uint64_t i = 0; i < pages; ++i) state.cached[i] = (seen_[i] & 1) != 0;
    for (unsigned n = 0; n < kSlots; ++n) {
      const Slot& slot = slots_[n];
      if (slot.pages == 0) continue;
      state.mapped[n].resize(slot.first + slot.pages);
      const auto where = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(slot.address) / kPage *
                                            sizeof(std::uint64_t));
      if (pread(pagemap_.get(), entries_.data(), slot.pages * sizeof(std::uint64_t), where) < 0) {
        failed_ = true;
      }
      for (std::uint64_t i = 0; i < slot.pages; ++i) {
        state.mapped[n][slot.first + i] = entries_[i] >> 63 != 0;
      }
    }
    return state;
  }

 private:
  struct Slot {
    char* address = nullptr;
    std::uint64_t pages = 0, first = 0;
  };

  volatile char* at(const Step& s) const {
    const Slot& slot = slots_[s.which];
    return slot.address + (s.a - slot.first) * kPage;
  }

  void map(const Step& s) {
    void* place = reinterpret_cast<void*>((0x2000ULL + s.which) << 32 | s.skew * kPage);
    const int rights = PROT_READ | (s.write ? PROT_WRITE : 0) | (s.execute ? PROT_EXEC : 0);
    void* address = mmap(place, s.b * kPage, rights,
                         (s.shared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED_NOREPLACE,
                         files_[s.file].get(), static_cast<off_t>(s.a * kPage));
    failed_ = failed_ || address != place;
    if (address == place) slots_[s.which] = {static_cast<char*>(address), s.b, s.a};
  }

  static void unmap(Slot& slot) {
    if (slot.pages > 0) munmap(slot.address, slot.pages * kPage);
    slot = {};
  }

  // Until every page of the page cache is of use: mincore(2) tells those, cachestat(2) all.
  void settle(std::uint64_t pages) {
    for (int tries = 0; tries < 20'000 && pages > 0; ++tries) {
      mincore(view_, pages * kPage, seen_.data());
      std::uint64_t usable = 0;
      for (std::uint64_t i = 0; i < pages; ++i) usable += seen_[i] & 1;
      std::uint64_t range[2] = {0, 0};
      CacheStat stat{};
      if (syscall(kCachestat, watcher_.get(), range, &stat, 0) != 0) failed_ = true;
      if (stat.cached == usable || failed_) return;
      usleep(200);
    }
    failed_ = true;
  }

  bool failed_ = false;
  std::string buffer_, code_;
  Descriptor watcher_;
  Descriptor files_[kFiles];
  Descriptor pagemap_;
  void* view_ = nullptr;
  std::uint64_t most_pages_ = 0;
  std::vector<unsigned char> seen_;
  std::vector<std::uint64_t> entries_;
  Slot slots_[kSlots];
  std::uint64_t minor_ = 0, major_ = 0;
};

bool write_file(const std::string& path, const Case& c) {
  const Descriptor file(open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600));
  const std::string bytes(c.chunk, kReturn);
  for (std::uint64_t at = 0; at < c.bytes; at += c.chunk) {
    const std::size_t n = std::min(c.chunk, c.bytes - at);
    if (write(file.get(), bytes.data(), n) != static_cast<ssize_t>(n)) return false;
  }
  return fsync(file.get()) == 0;
}

bool drop(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  for (int tries = 0; tries < 100; ++tries) {
    posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    std::uint64_t range[2] = {0, 0};
    CacheStat stat{};
    if (syscall(kCachestat, file.get(), range, &stat, 0) != 0) return false;
    if (stat.cached == 0) return true;
    usleep(1000);
  }
  return false;
}

std::uint64_t queue_pages(const std::string& folder, const char* name) {
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0) return 0;
  std::ifstream in("/sys/dev/block/" + std::to_string(major(info.st_dev)) + ":" +
                   std::to_string(minor(info.st_dev)) + "/queue/" + name);
  std::uint64_t kib = 0;
  in >> kib;
  return kib * 1024 / kPage;
}

// Whether one read fault maps a folio of 256 pages: the file is written 1 MiB at a time.
bool maps_folios(const Host& host) {
  Case c;
  c.bytes = 512 * kPage;
  c.chunk = 256 * kPage;
  c.cold = false;
  const std::unique_ptr<Player> player = make_host_player(host, c);
  if (player == nullptr) return false;
  Step map;
  map.kind = Kind::Map;
  map.b = 512;
  player->play(map);
  player->play({Kind::Load, 0, 5});
  const State state = player->look();
  std::size_t mapped = 0;
  for (const bool page : state.mapped[0]) mapped += page ? 1 : 0;
  return mapped == 256;
}

}  // namespace

Host look_at_host() {
  Host host;
  host.why_not = "no folder on ext4";
  const char* given = std::getenv("PW_EXT4_FOLDER");
  for (const char* folder : {given, "/var/tmp", "/tmp", "."}) {
    struct statfs info {};
    if (folder == nullptr || statfs(folder, &info) != 0 || info.f_type != kExt4Magic) continue;
    host.folder = folder;
    host.window = queue_pages(folder, "read_ahead_kb");
    host.request = queue_pages(folder, "max_sectors_kb");
    host.why_not.clear();
    break;
  }
  if (!host.folder.empty() && (host.window < 4 || !maps_folios(host))) {
    host.why_not = "files there have no large folios that one fault maps, or no readahead";
  }
  return host;
}

std::unique_ptr<Player> make_host_player(const Host& host, const Case& c) {
  const std::string path = host.folder + "/pagewright-readahead-" + std::to_string(getpid());
  const bool made = write_file(path, c) && (!c.cold || drop(path));
  std::uint64_t most = std::max(c.bytes, kPage);
  for (const Step& step : c.steps) {
    if (step.kind == Kind::Read || step.kind == Kind::Write) most = std::max(most, step.a + step.b);
  }
  auto player = std::make_unique<HostPlayer>(path, most);
  unlink(path.c_str());
  if (!made || !player->works()) return nullptr;
  return player;
}

}  // namespace pw::readahead
