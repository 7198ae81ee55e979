// The two-dimensional page walk of a processor that runs a virtual machine: the guest's tables turn
// a linear address into a guest-physical one, and nested tables turn every guest-physical address
// into one of the host - those of the guest's tables too, each before its entry can be read.
//
//             guest level g    ...    guest level 1    the page
//   nested n       o                       o               o       o  entry of a nested table
//   ...            o                       o               o
//   nested 1       o                       o               o
//                  x                       x                       x  entry of a guest table
//
// Cold, with 4 KiB pages in both: g * (n + 1) + n references, 24 for 4 x 4 and 35 for 5 x 5.
//
// Pure, like Walker, of which it has one for each dimension; it owns nothing.
//
// Sources: AMD APM vol. 2, 15.25 "Nested Paging" (nested tables have the format of ordinary ones,
// all nested accesses are user accesses, the walk of a guest table counts as a write to it);
// Bhargava et al., "Accelerating Two-Dimensional Page Walks for Virtualized Systems", ASPLOS 2008
// (the count); Intel SDM vol. 3C, "The Extended Page Table Mechanism" (EPT: other bits, the same
// walk, and with its A and D flags enabled the same rule for guest tables).
//
// Invariants: in the guest's tables bits change only when the whole access is allowed by them, as
// Walker has it. Nested entries get A and D as soon as a nested walk succeeds, even if the guest's
// walk then ends in a fault.
#pragma once

#include <cstdint>

#include "arch/x86/walk.hpp"

namespace pw::x86 {

enum class NestedEnd : std::uint8_t {
  Mapped,
  GuestFault,    // the guest's own page fault: guest.error_code
  NonCanonical,  // in the guest
  NestedFault,   // the host's to deal with: nested.error_code, at guest_address
};

struct NestedWalk {
  NestedEnd end;
  bool for_table;          // of a nested fault: a guest table, not the page, was being reached
  unsigned references;     // entries read, in both dimensions
  PhysAddr guest_address;  // what was translated last: the access, or what a nested fault met
  Pfn frame;               // if mapped: of the host, for the 4 KiB page of the access
  Walk guest;              // the guest's dimension; its references are guest entries only
  Walk nested;             // the last walk of the nested dimension
};

// A guest-physical address as the nested walker takes addresses. They are not sign-extended, so
// that the top bit is free to use and only addresses too long for the tables stay out.
constexpr VirtAddr nested_linear(PhysAddr address, int levels) {
  const unsigned unused = 64 - linear_bits(levels);
  const auto top = static_cast<std::int64_t>(address.value << unused) >> unused;
  const bool fits = address.value >> linear_bits(levels) == 0;
  return VirtAddr(fits ? static_cast<std::uint64_t>(top) : address.value);
}

class NestedWalker {
 public:
  NestedWalker(const WalkRules& guest, const WalkRules& nested) : guest_(guest), nested_(nested) {}

  const Walker& guest() const { return guest_; }
  const Walker& nested() const { return nested_; }

  // Walks for one access of the guest. `guest_root` is a guest frame, `nested_root` one of `host`,
  // where both kinds of tables lie.
  void walk(TableMemory host, Pfn nested_root, Pfn guest_root, VirtAddr address, Access access,
            Mode mode, NestedWalk& out) const {
    const int levels = guest_.rules().levels;
    out.references = 0;
    out.for_table = true;
    guest_.walk(GuestTables{this, host, nested_root, &out}, {guest_root, levels}, address, access,
                mode, out.guest);
    out.references += out.guest.references;
    if (out.guest.end != WalkEnd::Mapped) {
      out.end = out.guest.end == WalkEnd::PageFault      ? NestedEnd::GuestFault
                : out.guest.end == WalkEnd::NonCanonical ? NestedEnd::NonCanonical
                                                         : NestedEnd::NestedFault;
      return;
    }
    const std::uint64_t in_leaf = address.value & (bytes_of(pages_at(out.guest.level)).value - 1);
    const PhysAddr first = address_of(leaf_frame(out.guest.leaf, out.guest.level));
    out.for_table = false;
    const bool reached = translate(host, nested_root, PhysAddr(first.value + in_leaf), access, out);
    out.end = reached ? NestedEnd::Mapped : NestedEnd::NestedFault;
  }

 private:
  // The guest's tables as its Walker sees them.
  struct GuestTables {
    const NestedWalker* walker;
    TableMemory host;
    Pfn nested_root;
    NestedWalk* out;

    std::uint64_t* entry(Pfn table, unsigned index) const {
      const PhysAddr at(address_of(table).value + index * sizeof(std::uint64_t));
      if (!walker->translate(host, nested_root, at, Access::Write, *out)) return nullptr;
      return host.entry(out->frame, index);
    }
  };

  // One walk of the nested dimension; false if it faults.
  bool translate(TableMemory host, Pfn root, PhysAddr address, Access access,
                 NestedWalk& out) const {
    const int levels = nested_.rules().levels;
    const VirtAddr linear = nested_linear(address, levels);
    out.guest_address = address;
    nested_.walk(host, {root, levels}, linear, access, Mode::User, out.nested);
    out.references += out.nested.references;
    if (out.nested.end != WalkEnd::Mapped) {
      // Beyond what the nested tables can name: like an entry that is not present.
      if (out.nested.end == WalkEnd::NonCanonical) {
        out.nested.error_code = kErrorUser | (access == Access::Write ? kErrorWrite : 0U) |
                                (access == Access::Execute ? kErrorFetch : 0U);
      }
      return false;
    }
    const std::uint64_t within = page_of(linear).value & (pages_at(out.nested.level).value - 1);
    out.frame = leaf_frame(out.nested.leaf, out.nested.level) + PageCount(within);
    return true;
  }

  Walker guest_, nested_;
};

}  // namespace pw::x86
