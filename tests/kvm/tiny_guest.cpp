#include "kvm/tiny_guest.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <initializer_list>

#include "base/check.hpp"

namespace pw::kvm {

namespace {

// Guest-physical addresses; the linear ones are kSystemBase more.
enum Place : std::uint64_t {
  kGdt = 0x1000,
  kIdt = 0x2000,
  kUserIdt = 0x2800,  // for lists of the user's mode
  kTss = 0x3000,
  kStackPage = 0x4000,
  kKernelCode = 0x5000,  // with the handlers
  kUserCode = 0x6000,
  kList = 0x7000,           // as the kernel sees it, and
  kUserList = 0x8000,       // where the user's mode sees the same page
  kSystemTables = 0x10000,  // of levels 4 to 1
};
constexpr std::uint64_t kStackTop = kStackPage + kPageSize;
constexpr std::uint64_t kSystemBase = ~std::uint64_t{0} << 39;  // entry 511 of level 4

constexpr std::uint16_t kKernelCs = 0x08, kKernelSs = 0x10, kUserSs = 0x1B, kUserCs = 0x23;
constexpr std::uint16_t kTssSelector = 0x28;
// sysexit makes its own segments and looks at no descriptor; their selectors are 32 and 40 more.
constexpr std::uint32_t kSysenterCsMsr = 0x174, kSysenterCs = 0x08;

constexpr std::uint8_t kPortDone = 0x10;

// One access in the list.
struct Item {
  std::uint64_t address = 0;
  std::uint64_t code = 0;     // that makes the access
  std::uint64_t outcome = 0;  // one of the kinds below, with the error code
  std::uint64_t cr2 = 0;
};
constexpr std::uint32_t kOutcomeDone = 0x100, kOutcomeProtection = 0x200, kOutcomePageFault = 0x400;
constexpr std::uint32_t kOutcomes = kOutcomeDone | kOutcomeProtection | kOutcomePageFault;
static_assert((kMostProbes + 1) * sizeof(Item) <= kPageSize);

// Where things are in a page of code. Registers: rsi the item as this mode sees it, rbp how far
// away the kernel sees it, rdi kDone, r8 kNext. rax, rbx, rcx and rdx are free.
enum Code : unsigned {
  kPrologue = 0x00,  // eax into PKRU
  kNext = 0x10,
  kRead = 0x20,  // the three accesses in the order of Access, kCodeStride apart
  kDone = 0x50,
  kFinish = 0x60,
  kHandlers = 0x800,  // in the kernel's page, by vector
  kUserHandlers = 0xC00,
};
constexpr unsigned kCodeStride = 16, kHandlerStride = 32;
constexpr unsigned kVectorProtection = 13, kVectorPageFault = 14;

// Instructions, one after the other.
class Assembler {
 public:
  explicit Assembler(std::byte* at) : at_(at) {}
  Assembler& operator()(std::initializer_list<std::uint8_t> bytes) {
    std::memcpy(at_, std::data(bytes), bytes.size());
    at_ += bytes.size();
    return *this;
  }

 private:
  std::byte* at_;
};

// kvm_cpuid2 and kvm_msrs without their flexible arrays, which make the structures, and with them
// the numbers of the requests, another size in C++ than in C.
struct ArrayHeader {
  std::uint32_t count, padding;
};
constexpr unsigned long kGetSupportedCpuid = _IOWR(KVMIO, 0x05, ArrayHeader);
constexpr unsigned long kSetCpuid2 = _IOW(KVMIO, 0x90, ArrayHeader);
constexpr unsigned long kSetMsrs = _IOW(KVMIO, 0x89, ArrayHeader);

std::string failure(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

std::uint64_t linear(std::uint64_t place) { return kSystemBase + place; }

Verdict verdict_of(const Item& item) {
  const auto outcome = static_cast<std::uint32_t>(item.outcome);
  Verdict verdict;
  verdict.error_code = outcome & ~kOutcomes;
  verdict.address = item.cr2;
  switch (outcome & kOutcomes) {
    case kOutcomeDone:
      verdict.kind = Verdict::Kind::Done;
      break;
    case kOutcomePageFault:
      verdict.kind = Verdict::Kind::PageFault;
      break;
    case kOutcomeProtection:
      verdict.kind = Verdict::Kind::GeneralProtection;
      break;
    default:
      verdict.kind = Verdict::Kind::Strange;
  }
  return verdict;
}

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

std::unique_ptr<TinyGuest> TinyGuest::create(std::uint64_t memory_size, unsigned physical_bits,
                                             std::string& why) {
  const int device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  const int machine = device < 0 ? -1 : ioctl(device, KVM_CREATE_VM, 0);
  if (machine < 0) {
    why = failure("KVM_CREATE_VM");
    if (device >= 0) close(device);
    return nullptr;
  }
  std::unique_ptr<TinyGuest> guest(new TinyGuest(device, machine, memory_size));
  if (!guest->start(physical_bits, why)) return nullptr;
  guest->lay_out();
  guest->map_system();
  if (!guest->find_way_back(why)) return nullptr;
  x86::WalkRules& abilities = guest->abilities_;
  // KVM may name the processor's LA57 and then refuse it.
  if (abilities.levels == 5 && !guest->set_state(kFirstTable, {abilities}, Mode::Kernel)) {
    abilities.levels = 4;
  }
  return guest;
}

TinyGuest::TinyGuest(int device, int machine, std::uint64_t memory_size)
    : device_(device), machine_(machine), memory_(memory_size) {}

bool TinyGuest::start(unsigned physical_bits, std::string& why) {
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
  if (!set_cpuid(physical_bits) || ioctl(cpu, KVM_GET_SREGS, &sregs_) < 0) {
    why = failure("setting up a virtual CPU");
    return false;
  }
  return true;
}

// All that the host offers, and what of it matters here.
bool TinyGuest::set_cpuid(unsigned physical_bits) {
  constexpr std::uint32_t kMostLeaves = 256;
  struct {
    ArrayHeader header{kMostLeaves, 0};
    std::array<kvm_cpuid_entry2, kMostLeaves> leaves{};
  } cpuid;
  if (ioctl(device_.fd(), kGetSupportedCpuid, &cpuid) < 0) return false;
  abilities_ = {4, false, false, false, 36};
  const bool pretends = ioctl(device_.fd(), KVM_CHECK_EXTENSION, KVM_CAP_SMALLER_MAXPHYADDR) > 0;
  for (std::uint32_t i = 0; i < cpuid.header.count; ++i) {
    kvm_cpuid_entry2& leaf = cpuid.leaves[i];
    if (leaf.function == 7 && leaf.index == 0) {
      abilities_.smep = (leaf.ebx >> 7 & 1) != 0;
      abilities_.smap = (leaf.ebx >> 20 & 1) != 0;
      abilities_.levels = (leaf.ecx >> 16 & 1) != 0 ? 5 : 4;
      abilities_.protection_keys = (leaf.ecx >> 3 & 1) != 0;
    }
    if (leaf.function == 0x8000'0001) {
      abilities_.no_execute = (leaf.edx >> 20 & 1) != 0;
      abilities_.gigabyte_pages = (leaf.edx >> 26 & 1) != 0;
    }
    if (leaf.function == 0x8000'0008) {
      unsigned bits = leaf.eax & 0xFF;
      if (pretends) bits = std::min(bits, physical_bits);
      abilities_.physical_bits = bits;
      leaf.eax = (leaf.eax & ~0xFFU) | bits;
    }
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
    for (const std::uint64_t idt : {kIdt, kUserIdt}) {
      const std::uint64_t handler = linear(kKernelCode) +
                                    (idt == kIdt ? kHandlers : kUserHandlers) +
                                    vector * kHandlerStride;
      const std::array<std::uint64_t, 2> gate{(handler & 0xFFFF) | std::uint64_t{kKernelCs} << 16 |
                                                  0x8E01ULL << 32 | (handler >> 16 & 0xFFFF) << 48,
                                              handler >> 32};
      put(idt + vector * sizeof gate, gate.data(), sizeof gate);
    }
  }
}

void TinyGuest::lay_out_code(WayBack way_back) {
  const auto jump = [](unsigned from, unsigned to) { return static_cast<std::uint8_t>(to - from); };
  for (const std::uint64_t page : {kKernelCode, kUserCode}) {
    const auto code = [&](unsigned at) { return Assembler(memory_.data() + page + at); };
    code(kPrologue)({0x0F, 0x01, 0xEF})({0xEB, jump(kPrologue + 5, kNext)});  // wrpkru
    code(kNext)({0x48, 0x8B, 0x1E})({0xFF, 0x66, 0x08});        // mov rbx,[rsi]; jmp [rsi+8]
    code(kRead)({0x8A, 0x03})({0xEB, jump(kRead + 4, kDone)});  // mov al,[rbx]
    const unsigned write = kRead + kCodeStride, fetch = write + kCodeStride;
    code(write)({0xC6, 0x03, 0xFF})({0xEB, jump(write + 5, kDone)});  // mov byte [rbx],ff
    code(fetch)({0xFF, 0xE3});                                        // jmp rbx
    code(kDone)({0xC7, 0x46, 0x10, 0, kOutcomeDone >> 8, 0, 0})       // mov dword [rsi+16],done
        ({0x48, 0x83, 0xC6, sizeof(Item)})                            // add rsi,32
        ({0xEB, jump(kDone + 13, kNext)});
    code(kFinish)({0xE6, kPortDone});  // out
  }
  const auto handler = [&](unsigned vector, unsigned handlers) {
    const std::uint32_t kind = vector == kVectorPageFault ? kOutcomePageFault : kOutcomeProtection;
    Assembler code(memory_.data() + kKernelCode + (handlers + vector * kHandlerStride));
    code({0x58});                                                 // pop rax: the error code
    code({0x0D, 0, static_cast<std::uint8_t>(kind >> 8), 0, 0});  // or eax,kind
    code({0x89, 0x44, 0x2E, 0x10});                               // mov [rsi+rbp+16],eax
    code({0x0F, 0x20, 0xD0})({0x48, 0x89, 0x44, 0x2E, 0x18});     // mov rax,cr2; to [rsi+rbp+24]
    code({0x48, 0x83, 0xC6, sizeof(Item)});                       // add rsi,32
    return code;
  };
  for (const unsigned vector : {kVectorProtection, kVectorPageFault}) {
    handler(vector, kHandlers)({0x41, 0xFF, 0xE0});  // jmp r8
    Assembler back = handler(vector, kUserHandlers);
    if (way_back == WayBack::Iret) {
      back({0x4C, 0x89, 0x04, 0x24})({0x48, 0xCF});  // mov [rsp],r8; iretq
    } else {
      back({0x4C, 0x89, 0xC2})({0x48, 0x0F, 0x35});  // mov rdx,r8; sysexit
    }
  }
  for (std::uint64_t at = kDataBegin; at < kDataEnd; at += 2) {
    Assembler(memory_.data() + at)({0xFF, 0xE7});  // jmp rdi
  }
}

// The first instruction that brings the guest from a handler back to the user's mode: KVM's
// emulator of instructions, on which some hosts run a kernel's code, has no iretq; a processor of
// AMD no sysexit.
bool TinyGuest::find_way_back(std::string& why) {
  struct {
    ArrayHeader header{1, 0};
    kvm_msr_entry entry{kSysenterCsMsr, 0, kSysenterCs};
  } msrs;
  ioctl(cpu_->fd(), kSetMsrs, &msrs);
  const std::array<Probe, 2> probes{Probe{VirtAddr(0)}, Probe{VirtAddr(linear(kUserCode))}};
  for (const WayBack way_back : {WayBack::Iret, WayBack::Sysexit}) {
    lay_out_code(way_back);
    std::array<Verdict, 2> verdicts;
    const Pfn root(kSystemTables >> kPageShift);
    x86::WalkRules rules;
    rules.smep = false;
    if (run(root, {rules}, Mode::User, probes, verdicts, why) &&
        verdicts[0].kind == Verdict::Kind::PageFault && verdicts[1].kind == Verdict::Kind::Done) {
      return true;
    }
  }
  why = "no way back from a handler to the user's mode; the last: " + why;
  return false;
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
  const auto map = [&](std::uint64_t at, std::uint64_t place, std::uint64_t flags) {
    *memory().entry(first + PageCount(3),
                    static_cast<unsigned>(
                        at >> kPageShift)) = x86::Pte::make(Pfn(place >> kPageShift), flags).raw;
  };
  for (const std::uint64_t place : {kGdt, kIdt, kTss, kStackPage, kKernelCode, kList}) {
    map(place, place, kFlags & ~x86::kUser);
  }
  constexpr std::uint64_t kUsers = kFlags | std::uint64_t{kSystemKey} << x86::kProtectionKeyShift;
  map(kUserCode, kUserCode, kUsers);
  map(kUserList, kList, kUsers);
}

x86::Pte TinyGuest::system_entry(int levels) const {
  const Pfn level4(kSystemTables >> kPageShift);
  const x86::Pte upper{*memory().entry(level4, kSystemIndex)};
  return levels == 5 ? x86::Pte{(upper.raw & ~x86::kAddressMask) | address_of(level4).value}
                     : upper;
}

bool TinyGuest::set_state(Pfn root, const Controls& controls, Mode mode) {
  const bool user = mode == Mode::User;
  const x86::WalkRules& rules = controls.rules;
  const std::uint8_t dpl = user ? 3 : 0;
  sregs_.cs = segment(user ? kUserCs : kKernelCs, 11, dpl, true);
  sregs_.ss = segment(user ? kUserSs : kKernelSs, 3, dpl, false);
  sregs_.ds = sregs_.es = sregs_.fs = sregs_.gs = segment(kUserSs, 3, 3, false);
  sregs_.tr = segment(kTssSelector, 11, 0, false);
  sregs_.tr.s = sregs_.tr.g = sregs_.tr.db = 0;
  sregs_.tr.base = linear(kTss);
  sregs_.tr.limit = 0x67;
  sregs_.gdt = {linear(kGdt), 0x37, {}};
  sregs_.idt = {linear(user ? kUserIdt : kIdt), 0x7FF, {}};
  sregs_.cr0 = 0x8000'0031 | (rules.write_protect ? 1ULL << 16 : 0);  // PG, NE, ET, PE
  sregs_.cr2 = 0;
  sregs_.cr3 = address_of(root).value;
  sregs_.cr4 = 0x20 | (rules.levels == 5 ? 1ULL << 12 : 0) | (rules.smep ? 1ULL << 20 : 0) |
               (rules.smap ? 1ULL << 21 : 0) | (rules.protection_keys ? 1ULL << 22 : 0);
  sregs_.efer = 0x500 | (rules.no_execute ? 1ULL << 11 : 0);  // LMA, LME
  return ioctl(cpu_->fd(), KVM_SET_SREGS, &sregs_) == 0;
}

bool TinyGuest::run(Pfn root, const Controls& controls, Mode mode, std::span<const Probe> probes,
                    std::span<Verdict> verdicts, std::string& why) {
  PW_CHECK(probes.size() <= kMostProbes && verdicts.size() == probes.size());
  const bool user = mode == Mode::User;
  const std::uint64_t code = linear(user ? kUserCode : kKernelCode);
  std::array<Item, kMostProbes + 1> items;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const auto access = static_cast<unsigned>(probes[i].access);
    items[i] = {probes[i].address.value, code + kRead + access * kCodeStride, 0, 0};
  }
  items[probes.size()].code = code + kFinish;
  put(kList, items.data(), (probes.size() + 1) * sizeof(Item));

  PW_CHECK(set_state(root, controls, mode));
  kvm_regs regs{};
  regs.rip = code + (controls.rules.protection_keys ? kPrologue : kNext);
  regs.rax = controls.pkru;
  regs.rsp = linear(kStackTop);
  regs.rsi = linear(user ? kUserList : kList);
  regs.rbp = user ? linear(kList) - linear(kUserList) : 0;
  regs.rdi = code + kDone;
  regs.r8 = code + kNext;
  regs.rflags = 0x3002 | (controls.alignment_check ? 1ULL << 18 : 0);  // IOPL for everybody
  PW_CHECK(ioctl(cpu_->fd(), KVM_SET_REGS, &regs) == 0);
  int result = 0;
  do {
    result = ioctl(cpu_->fd(), KVM_RUN, 0);
  } while (result < 0 && errno == EINTR);
  if (result < 0) {
    why = failure("KVM_RUN");
    return false;
  }
  if (run_->exit_reason != KVM_EXIT_IO || run_->io.port != kPortDone) {
    why = "exit reason " + std::to_string(run_->exit_reason);
    return false;
  }
  std::memcpy(items.data(), memory_.data() + kList, sizeof items);
  for (std::size_t i = 0; i < probes.size(); ++i) verdicts[i] = verdict_of(items[i]);
  return true;
}

}  // namespace pw::kvm
