#include "kvm/tiny_guest.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.hpp"

namespace pw::kvm {

namespace {

// Guest-physical addresses; the linear ones are kSystemBase more.
enum Place : std::uint64_t {
  kGdt = 0x1000,
  kIdt = 0x2000,
  kTss = 0x3000,
  kStackPage = 0x4000,
  kKernelCode = 0x5000,  // with the handlers
  kUserCode = 0x6000,
  kSystemTables = 0x10000,  // of levels 4 to 1
};
constexpr std::uint64_t kStackTop = kStackPage + kPageSize;
constexpr std::uint64_t kSystemBase = ~std::uint64_t{0} << 39;  // entry 511 of level 4

constexpr std::uint16_t kKernelCs = 0x08, kKernelSs = 0x10, kUserSs = 0x1B, kUserCs = 0x23;
constexpr std::uint16_t kTssSelector = 0x28;

// Ports by which the guest says how an access ended.
constexpr std::uint8_t kPortDone = 0x10, kPortPageFault = 0x20, kPortProtection = 0x21;
constexpr std::uint8_t kOutImmediate = 0xE6;  // out imm8, al

constexpr unsigned kCodeStride = 16, kHandlers = 0x800;
constexpr unsigned kVectorProtection = 13, kVectorPageFault = 14;

// kvm_cpuid2 without its flexible array, which makes the structure, and with it the numbers of the
// requests, another size in C++ than in C.
struct CpuidHeader {
  std::uint32_t leaves, padding;
};
constexpr unsigned long kGetSupportedCpuid = _IOWR(KVMIO, 0x05, CpuidHeader);
constexpr unsigned long kSetCpuid2 = _IOW(KVMIO, 0x90, CpuidHeader);

std::string failure(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

std::uint64_t linear(std::uint64_t place) { return kSystemBase + place; }

kvm_segment segment(std::uint16_t selector, std::uint8_t type, std::uint8_t dpl, bool code) {
  kvm_segment s{};
  s.limit = 0xFFFF'FFFF;
  s.selector = selector;
  s.type = type;
  s.present = s.s = s.g = 1;
  s.dpl = dpl;
  s.l = code ? 1 : 0;
  s.db = code ? 0 : 1;
  return s;
}

}  // namespace

HostBytes::HostBytes(std::uint64_t size) : size_(size) {
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  PW_CHECK(at != MAP_FAILED);
  data_ = static_cast<std::byte*>(at);
}
HostBytes::~HostBytes() { munmap(data_, size_); }
Handle::~Handle() { close(fd_); }
void TinyGuest::Unmap::operator()(kvm_run* run) const { munmap(run, size); }

bool TinyGuest::offered(std::string& why) {
  const int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    why = failure("/dev/kvm");
    return false;
  }
  const Handle device(fd);
  if (ioctl(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
    why = "KVM has another API version";
    return false;
  }
  const int machine = ioctl(fd, KVM_CREATE_VM, 0);
  if (machine < 0) {
    why = failure("KVM_CREATE_VM");
    return false;
  }
  close(machine);
  return true;
}

std::unique_ptr<TinyGuest> TinyGuest::create(std::uint64_t memory_size, std::string& why) {
  const int device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  const int machine = device < 0 ? -1 : ioctl(device, KVM_CREATE_VM, 0);
  if (machine < 0) {
    why = failure("KVM_CREATE_VM");
    if (device >= 0) close(device);
    return nullptr;
  }
  std::unique_ptr<TinyGuest> guest(new TinyGuest(device, machine, memory_size));
  if (!guest->start(why)) return nullptr;
  guest->lay_out();
  guest->map_system();
  x86::WalkRules& abilities = guest->abilities_;
  // KVM may name the processor's LA57 and then refuse it.
  if (abilities.levels == 5 && !guest->set_state(kFirstTable, abilities, Mode::Kernel)) {
    abilities.levels = 4;
  }
  return guest;
}

TinyGuest::TinyGuest(int device, int machine, std::uint64_t memory_size)
    : device_(device), machine_(machine), memory_(memory_size) {}

bool TinyGuest::start(std::string& why) {
  ioctl(machine_.fd(), KVM_SET_TSS_ADDR, 0xFFFB'D000UL);  // Intel asks for it, others ignore it
  kvm_userspace_memory_region region{};
  region.memory_size = memory_.size();
  region.userspace_addr = reinterpret_cast<std::uint64_t>(memory_.data());
  if (ioctl(machine_.fd(), KVM_SET_USER_MEMORY_REGION, &region) < 0) {
    why = failure("KVM_SET_USER_MEMORY_REGION");
    return false;
  }
  const int cpu = ioctl(machine_.fd(), KVM_CREATE_VCPU, 0);
  if (cpu < 0) {
    why = failure("KVM_CREATE_VCPU");
    return false;
  }
  cpu_ = std::make_unique<Handle>(cpu);
  const int run_size = ioctl(device_.fd(), KVM_GET_VCPU_MMAP_SIZE, 0);
  void* run = run_size <= 0 ? MAP_FAILED
                            : mmap(nullptr, static_cast<std::size_t>(run_size),
                                   PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
  if (run == MAP_FAILED) {
    why = failure("mapping the state of a virtual CPU");
    return false;
  }
  run_ = {static_cast<kvm_run*>(run), Unmap{static_cast<std::uint64_t>(run_size)}};
  if (!set_cpuid() || ioctl(cpu, KVM_GET_SREGS, &sregs_) < 0) {
    why = failure("setting up a virtual CPU");
    return false;
  }
  return true;
}

// All that the host offers, and what of it matters here.
bool TinyGuest::set_cpuid() {
  constexpr std::uint32_t kMostLeaves = 256;
  struct {
    CpuidHeader header{kMostLeaves, 0};
    std::array<kvm_cpuid_entry2, kMostLeaves> leaves{};
  } cpuid;
  if (ioctl(device_.fd(), kGetSupportedCpuid, &cpuid) < 0) return false;
  abilities_ = {4, false, false, false, 36};
  for (std::uint32_t i = 0; i < cpuid.header.leaves; ++i) {
    const kvm_cpuid_entry2& leaf = cpuid.leaves[i];
    if (leaf.function == 7 && leaf.index == 0) {
      abilities_.smep = (leaf.ebx >> 7 & 1) != 0;
      abilities_.smap = (leaf.ebx >> 20 & 1) != 0;
      abilities_.levels = (leaf.ecx >> 16 & 1) != 0 ? 5 : 4;
    }
    if (leaf.function == 0x8000'0001) abilities_.gigabyte_pages = (leaf.edx >> 26 & 1) != 0;
    if (leaf.function == 0x8000'0008) abilities_.physical_bits = leaf.eax & 0xFF;
  }
  return ioctl(cpu_->fd(), kSetCpuid2, &cpuid) == 0;
}

void TinyGuest::put(std::uint64_t place, const void* bytes, std::uint64_t size) {
  std::memcpy(memory_.data() + place, bytes, size);
}

void TinyGuest::lay_out() {
  const std::array<std::uint64_t, 7> gdt{
      0, 0x00AF'9B00'0000'FFFF, 0x00CF'9300'0000'FFFF, 0x00CF'F300'0000'FFFF, 0x00AF'FB00'0000'FFFF,
      // The TSS: limit 0x67, present, busy; its base in three pieces.
      0x0000'8B00'0000'0067 | (linear(kTss) & 0xFF'FFFF) << 16 | (linear(kTss) >> 24 & 0xFF) << 56,
      linear(kTss) >> 32};
  put(kGdt, gdt.data(), sizeof gdt);
  const std::uint64_t stack = linear(kStackTop);
  put(kTss + 36, &stack, sizeof stack);  // IST1

  for (const unsigned vector : {kVectorProtection, kVectorPageFault}) {
    const std::uint64_t handler = linear(kKernelCode) + kHandlers + vector * kCodeStride;
    const std::array<std::uint64_t, 2> gate{(handler & 0xFFFF) | std::uint64_t{kKernelCs} << 16 |
                                                0x8E01ULL << 32 | (handler >> 16 & 0xFFFF) << 48,
                                            handler >> 32};
    put(kIdt + vector * sizeof gate, gate.data(), sizeof gate);
    const std::uint8_t port = vector == kVectorPageFault ? kPortPageFault : kPortProtection;
    const std::array<std::uint8_t, 3> code{kOutImmediate, port, 0xF4};  // out; hlt
    put(kKernelCode + kHandlers + vector * kCodeStride, code.data(), sizeof code);
  }
  for (const std::uint64_t place : {kKernelCode, kUserCode}) {
    const std::array<std::uint8_t, 4> read{0x8A, 0x03, kOutImmediate, kPortDone};   // mov al,[rbx]
    const std::array<std::uint8_t, 4> write{0x88, 0x03, kOutImmediate, kPortDone};  // mov [rbx],al
    const std::array<std::uint8_t, 2> fetch{0xFF, 0xE3};                            // jmp rbx
    put(place, read.data(), sizeof read);
    put(place + kCodeStride, write.data(), sizeof write);
    put(place + 2 * kCodeStride, fetch.data(), sizeof fetch);
  }
  for (std::uint64_t at = kDataBegin; at < kDataEnd; at += 2) {
    const std::array<std::uint8_t, 2> code{kOutImmediate, kPortDone};
    put(at, code.data(), sizeof code);
  }
}

void TinyGuest::map_system() {
  constexpr std::uint64_t kFlags = x86::kPresent | x86::kWritable | x86::kUser | x86::kAccessed |
                                   x86::kDirty;
  const Pfn first(kSystemTables >> kPageShift);
  for (std::uint64_t n = 0; n < 3; ++n) {
    const unsigned index = n == 0 ? kSystemIndex : 0;
    *memory().entry(first + PageCount(n),
                    index) = x86::Pte::make(first + PageCount(n + 1), kFlags).raw;
  }
  for (const std::uint64_t place : {kGdt, kIdt, kTss, kStackPage, kKernelCode, kUserCode}) {
    const Pfn page(place >> kPageShift);
    const std::uint64_t flags = place == kUserCode ? kFlags : kFlags & ~x86::kUser;
    *memory().entry(first + PageCount(3),
                    static_cast<unsigned>(page.value)) = x86::Pte::make(page, flags).raw;
  }
}

x86::Pte TinyGuest::system_entry(int levels) const {
  const Pfn level4(kSystemTables >> kPageShift);
  const x86::Pte upper{*memory().entry(level4, kSystemIndex)};
  return levels == 5 ? x86::Pte{(upper.raw & ~x86::kAddressMask) | address_of(level4).value}
                     : upper;
}

bool TinyGuest::set_state(Pfn root, const x86::WalkRules& rules, Mode mode) {
  const bool user = mode == Mode::User;
  const std::uint8_t dpl = user ? 3 : 0;
  sregs_.cs = segment(user ? kUserCs : kKernelCs, 11, dpl, true);
  sregs_.ss = segment(user ? kUserSs : kKernelSs, 3, dpl, false);
  sregs_.ds = sregs_.es = sregs_.fs = sregs_.gs = segment(kUserSs, 3, 3, false);
  sregs_.tr = segment(kTssSelector, 11, 0, false);
  sregs_.tr.s = sregs_.tr.g = sregs_.tr.db = 0;
  sregs_.tr.base = linear(kTss);
  sregs_.tr.limit = 0x67;
  sregs_.gdt = {linear(kGdt), 0x37, {}};
  sregs_.idt = {linear(kIdt), 0xFFF, {}};
  sregs_.cr0 = 0x8001'0031;  // PG, WP, NE, ET, PE
  sregs_.cr2 = 0;
  sregs_.cr3 = address_of(root).value;
  sregs_.cr4 = 0x20 | (rules.levels == 5 ? 1ULL << 12 : 0) | (rules.smep ? 1ULL << 20 : 0) |
               (rules.smap ? 1ULL << 21 : 0);
  sregs_.efer = 0xD00;  // NXE, LMA, LME
  return ioctl(cpu_->fd(), KVM_SET_SREGS, &sregs_) == 0;
}

Verdict TinyGuest::access(Pfn root, const x86::WalkRules& rules, VirtAddr address, Access access,
                          Mode mode) {
  PW_CHECK(set_state(root, rules, mode));
  kvm_regs regs{};
  regs.rip = linear(mode == Mode::User ? kUserCode : kKernelCode) +
             static_cast<unsigned>(access) * kCodeStride;
  regs.rsp = linear(kStackTop);
  regs.rbx = address.value;
  regs.rax = kOutImmediate;  // what a write stores is what was there
  regs.rflags = 0x3002;      // I/O privilege for everybody
  PW_CHECK(ioctl(cpu_->fd(), KVM_SET_REGS, &regs) == 0);
  int result = 0;
  do {
    result = ioctl(cpu_->fd(), KVM_RUN, 0);
  } while (result < 0 && errno == EINTR);
  Verdict verdict;
  if (result < 0) {
    verdict.what = failure("KVM_RUN");
    return verdict;
  }
  if (run_->exit_reason == KVM_EXIT_IO && run_->io.direction == KVM_EXIT_IO_OUT) {
    if (run_->io.port == kPortDone) {
      verdict.kind = Verdict::Kind::Done;
      return verdict;
    }
    if (run_->io.port == kPortPageFault) return read_fault(Verdict::Kind::PageFault);
    if (run_->io.port == kPortProtection) return read_fault(Verdict::Kind::GeneralProtection);
  }
  verdict.what = "exit reason " + std::to_string(run_->exit_reason);
  return verdict;
}

// In the handler: the error code is the last thing that was pushed.
Verdict TinyGuest::read_fault(Verdict::Kind kind) {
  kvm_regs regs{};
  kvm_sregs sregs{};
  PW_CHECK(ioctl(cpu_->fd(), KVM_GET_REGS, &regs) == 0);
  PW_CHECK(ioctl(cpu_->fd(), KVM_GET_SREGS, &sregs) == 0);
  Verdict verdict;
  const std::uint64_t stack = regs.rsp - kSystemBase;
  if (stack < kStackPage || stack > kStackTop - sizeof(std::uint64_t)) {
    verdict.what = "the handler has a strange stack";
    return verdict;
  }
  verdict.kind = kind;
  std::memcpy(&verdict.error_code, memory_.data() + stack, sizeof verdict.error_code);
  verdict.address = sregs.cr2;
  return verdict;
}

}  // namespace pw::kvm
