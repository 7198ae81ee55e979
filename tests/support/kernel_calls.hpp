// A program for a test: raw system calls of one process of a small machine, answers as the
// kernel's.
#pragma once

#include <initializer_list>
#include <utility>

#include "support/small_machine.hpp"
#include "support/stores.hpp"
#include "sys/abi.hpp"
#include "sys/kernel.hpp"

namespace pw::test {

class Program {
 public:
  explicit Program(const MachineConfig& config = exact_config(8_MiB))
      : machine_(make_machine(config)),
        kernel_(
            std::make_unique<sys::Kernel>(*machine_, [](const std::string&) { return store(); })) {
    const auto pid = kernel_->spawn("program");
    EXPECT_TRUE(pid);
    pid_ = *pid;
  }

  // The value, or -errno.
  std::int64_t operator()(sys::Call call, std::initializer_list<std::uint64_t> args = {},
                          std::string text = {}) {
    sys::Request request;
    request.call = call;
    std::copy(args.begin(), args.end(), request.args.begin());
    request.text = std::move(text);
    last_ = kernel_->call(pid_, request);
    return last_.value;
  }
  const std::string& bytes() const { return last_.bytes; }

  // `pages` of memory; anonymous unless `fd` is given.
  std::uint64_t map(std::uint64_t pages, std::uint64_t prot = 3,
                    std::uint64_t flags = sys::kMapPrivate, std::uint64_t fd = ~0ULL,
                    std::uint64_t offset = 0) {
    const std::uint64_t anonymous = fd == ~0ULL ? sys::kMapAnonymous : 0;
    const std::int64_t at = (*this)(sys::Call::Mmap,
                                    {0, pages * kPageSize, prot, flags | anonymous, fd, offset});
    EXPECT_GE(at, 0) << sys::errno_name(static_cast<int>(-at));
    return static_cast<std::uint64_t>(at);
  }
  // A descriptor of a new file of `pages` pages.
  std::uint64_t file(const std::string& name, std::uint64_t pages) {
    const std::int64_t fd = (*this)(sys::Call::Open, {sys::kOpenCreate | sys::kOpenReadWrite, 0600},
                                    name);
    EXPECT_GE(fd, 0);
    EXPECT_EQ((*this)(sys::Call::Ftruncate, {static_cast<std::uint64_t>(fd), pages * kPageSize}),
              0);
    return static_cast<std::uint64_t>(fd);
  }
  std::int64_t madvise(std::uint64_t at, std::uint64_t pages, Advice advice) {
    return (*this)(sys::Call::Madvise, {at, pages * kPageSize, static_cast<std::uint64_t>(advice)});
  }
  // As '1' and '0'; the name of the error.
  std::string resident(std::uint64_t at, std::uint64_t pages) {
    const std::int64_t done = (*this)(sys::Call::Mincore, {at, pages * kPageSize});
    return done == 0 ? bytes() : sys::errno_name(static_cast<int>(-done));
  }
  void poke(std::uint64_t at, std::uint64_t value = 1) {
    EXPECT_TRUE(test::store(*machine_, pid_, VirtAddr(at), value).ok());
  }
  std::uint64_t peek(std::uint64_t at) { return load(*machine_, pid_, VirtAddr(at)); }

  // The areas that meet the pages, relative to `at`: "0-4 4-8lo" with the letters of smaps'
  // VmFlags.
  std::string areas(std::uint64_t at, std::uint64_t pages) {
    std::string text;
    const Vpn begin(at / kPageSize);
    for (const Vma& area : space().areas()) {
      const VpnRange part = intersection(area.range(), range_of(begin, PageCount(pages)));
      if (part.empty()) continue;
      if (!text.empty()) text += ' ';
      text += std::to_string((part.begin - begin).value) + '-' +
              std::to_string((part.end - begin).value) + letters(area.traits);
    }
    return text;
  }
  std::pair<std::uint64_t, std::uint64_t> faults() {  // minor, major
    const FaultCounters& counters = space().counters().faults;
    return {counters.minor, counters.major};
  }

  Machine& machine() { return *machine_; }
  sys::Kernel& kernel() { return *kernel_; }
  Process& process() { return *machine_->find(pid_); }
  AddressSpace& space() { return *process().space; }
  Pid pid() const { return pid_; }
  // Who calls from now on.
  void become(Pid pid) { pid_ = pid; }

 private:
  static Result<std::unique_ptr<BackingStore>> store() {
    return std::make_unique<KeptStore>(std::make_shared<std::vector<std::byte>>());
  }
  static std::string letters(const AreaTraits& traits) {
    std::string text;
    if (traits.locked) text += "lo";
    if (traits.lock_on_fault) text += "lf";
    if (traits.random) text += "rr";
    if (traits.sequential) text += "sr";
    if (traits.dont_fork) text += "dc";
    if (traits.wipe_on_fork) text += "wf";
    if (traits.dont_dump) text += "dd";
    if (traits.huge) text += "hg";
    if (traits.no_huge) text += "nh";
    if (traits.mergeable) text += "mg";
    if (traits.sealed) text += "sl";
    return text;
  }

  std::unique_ptr<Machine> machine_;
  std::unique_ptr<sys::Kernel> kernel_;
  Pid pid_ = 0;
  sys::Reply last_;
};

}  // namespace pw::test
