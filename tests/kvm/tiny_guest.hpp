// A virtual machine that makes a list of accesses: long mode with whatever page tables a test made,
// code for a read, a write and a fetch in each mode, and handlers for the exceptions.
//
// Guest-physical memory: a page each for what the CPU needs (see Place), the data from 4 to 8 MiB,
// tables from 8 MiB on, to be filled by the test. A table that a guest has used must not be changed
// by the host: KVM may keep shadows of it that it has no reason to doubt. All data bytes are a jump
// back to the list, so that they can be fetched too.
//
// The guest goes through its list by itself; its handlers write down what an exception says and go
// back, so that only the end of the list leaves the guest.
//
// Sources: Linux Documentation/virt/kvm/api.rst; Intel SDM vol. 3A, chapters 2 (control registers),
// 3 (descriptors), 6.14 (exceptions in 64-bit mode) and 7.7 (the TSS).
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "arch/x86/walk.hpp"

namespace pw::kvm {

// Bytes of the host that a test can be sure nobody else has; given back at the end.
class HostBytes {
 public:
  explicit HostBytes(std::uint64_t size);
  ~HostBytes();
  HostBytes(const HostBytes&) = delete;
  HostBytes& operator=(const HostBytes&) = delete;
  std::byte* data() const { return data_; }
  std::uint64_t size() const { return size_; }

 private:
  std::byte* data_;
  std::uint64_t size_;
};

// A file descriptor.
class Handle {
 public:
  explicit Handle(int fd) : fd_(fd) {}
  ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

struct Probe {
  VirtAddr address;  // even, as what is fetched has two bytes
  Access access = Access::Read;
};

// How the CPU is to be while it makes its accesses.
struct Controls {
  x86::WalkRules rules;          // smap: as in CR4
  bool alignment_check = false;  // EFLAGS.AC, which suspends SMAP
  std::uint32_t pkru = 0;        // with rules.protection_keys; key 15 must be free of restrictions
};

struct Verdict {
  enum class Kind : std::uint8_t { Done, PageFault, GeneralProtection, Strange };
  Kind kind = Kind::Strange;
  std::uint32_t error_code = 0;  // of a page fault, and
  std::uint64_t address = 0;     // what CR2 says
};

inline constexpr std::uint64_t kDataBegin = 4ULL << 20, kDataEnd = 8ULL << 20;
inline constexpr Pfn kFirstTable{kDataEnd >> kPageShift};
// The tables' root entry that the guest itself needs, for the same linear addresses at both depths.
inline constexpr unsigned kSystemIndex = 511;
inline constexpr unsigned kSystemKey = 15;
inline constexpr std::size_t kMostProbes = 120;  // in one list

class TinyGuest {
 public:
  // False with the reason if the host has no virtual machines, or not for us.
  static bool offered(std::string& why);
  // Null with the reason if what KVM offers cannot be used. `physical_bits`: MAXPHYADDR, at most
  // and if KVM can pretend that it is smaller than the processor's.
  static std::unique_ptr<TinyGuest> create(std::uint64_t memory_size, unsigned physical_bits,
                                           std::string& why);

  // What the virtual CPU can do; levels: at most.
  const x86::WalkRules& abilities() const { return abilities_; }
  x86::TableMemory memory() const { return x86::TableMemory(memory_.data()); }
  std::uint64_t memory_size() const { return memory_.size(); }
  // What goes into entry kSystemIndex of a root.
  x86::Pte system_entry(int levels) const;

  // Makes the accesses in their order; a verdict for each. False with the reason if the guest does
  // something else.
  bool run(Pfn root, const Controls& controls, Mode mode, std::span<const Probe> probes,
           std::span<Verdict> verdicts, std::string& why);

 private:
  TinyGuest(int device, int machine, std::uint64_t memory_size);
  bool start(unsigned physical_bits, std::string& why);
  bool set_cpuid(unsigned physical_bits);
  void lay_out();
  enum class WayBack : std::uint8_t { Iret, Sysexit };
  void lay_out_code(WayBack way_back);
  bool find_way_back(std::string& why);
  void map_system();
  bool set_state(Pfn root, const Controls& controls, Mode mode);
  void put(std::uint64_t place, const void* bytes, std::uint64_t size);

  Handle device_, machine_;
  HostBytes memory_;
  std::unique_ptr<Handle> cpu_;
  struct Unmap {
    std::uint64_t size;
    void operator()(kvm_run* run) const;
  };
  std::unique_ptr<kvm_run, Unmap> run_{nullptr, Unmap{0}};
  kvm_sregs sregs_{};
  x86::WalkRules abilities_;
};

}  // namespace pw::kvm
