// A virtual machine for one access at a time: long mode with whatever page tables a test made, code
// for a read, a write and a fetch in each mode, and a handler for the exceptions.
//
// Guest-physical memory: a page each for what the CPU needs (see Place), the data from 4 to 8 MiB,
// tables from 8 MiB on, to be filled by the test. A table that a guest has used must not be changed
// by the host: KVM may keep shadows of it that it has no reason to doubt. All data bytes are the
// instruction `out`, so that they can be fetched too.
//
// Sources: Linux Documentation/virt/kvm/api.rst; Intel SDM vol. 3A, chapters 2 (control registers),
// 3 (descriptors), 6.14 (exceptions in 64-bit mode) and 7.7 (the TSS).
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <memory>
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

struct Verdict {
  enum class Kind : std::uint8_t { Done, PageFault, GeneralProtection, Strange };
  Kind kind = Kind::Strange;
  std::uint32_t error_code = 0;  // of a page fault, and
  std::uint64_t address = 0;     // what CR2 says
  std::string what;              // if strange
};

inline constexpr std::uint64_t kDataBegin = 4ULL << 20, kDataEnd = 8ULL << 20;
inline constexpr Pfn kFirstTable{kDataEnd >> kPageShift};
// The tables' root entry that the guest itself needs, for the same linear addresses at both depths.
inline constexpr unsigned kSystemIndex = 511;

class TinyGuest {
 public:
  // False with the reason if the host has no virtual machines, or not for us.
  static bool offered(std::string& why);
  // Null with the reason if what KVM offers cannot be used.
  static std::unique_ptr<TinyGuest> create(std::uint64_t memory_size, std::string& why);

  // What the virtual CPU can do; levels: at most.
  const x86::WalkRules& abilities() const { return abilities_; }
  x86::TableMemory memory() const { return x86::TableMemory(memory_.data()); }
  // What goes into entry kSystemIndex of a root.
  x86::Pte system_entry(int levels) const;

  Verdict access(Pfn root, const x86::WalkRules& rules, VirtAddr address, Access access, Mode mode);

 private:
  TinyGuest(int device, int machine, std::uint64_t memory_size);
  bool start(std::string& why);
  bool set_cpuid();
  void lay_out();
  void map_system();
  bool set_state(Pfn root, const x86::WalkRules& rules, Mode mode);
  Verdict read_fault(Verdict::Kind kind);
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
