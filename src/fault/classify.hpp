// Which kind of fault it is: a pure function of the area's rights, the slots and the translation.
//
//                       private slot   object's slot   access        kind
//   private, anonymous  empty          -               read          ZeroPage
//                       empty          -               write         FreshPage
//                       resident       -               any           MapPrivate (or CopyOnWrite,
//                       below) swapped        -               any           SwapIn
//   private, of a file  empty          resident        read          MapObject
//                       empty          resident        write         CopyFromObject
//                       empty          else            any           ReadFile
//   shared              -              resident        any           MapObject
//                       -              swapped         any           SwapIn
//                       -              else            any           ReadFile or FreshShared
//   a private page that somebody else holds too, written                CopyOnWrite
//
// With huge pages, where the 2 MiB around the page lie in one area of private anonymous memory that
// may have them, and no page of them has a slot or a translation (or the huge zero page is there):
// HugeZero for a read, HugePage for a write. A write to a huge page that nobody else holds makes
// its translation writable (HugeReuse); else the page goes the way of small ones.
#pragma once

#include "fault/request.hpp"

namespace pw {

enum class FaultKind : std::uint8_t {
  Spurious,        // the translation already allows the access
  ZeroPage,        // map the zero page, read-only
  FreshPage,       // a new page of zeros for this space
  MapPrivate,      // the page is in memory: map it
  CopyOnWrite,     // the page is shared: copy it
  SwapIn,          // bring it back from swap
  MapObject,       // the page of the file or shared object is in memory: map it
  CopyFromObject,  // first write to a private page of a file: copy it
  ReadFile,        // not in memory: read it
  FreshShared,     // a new page of zeros in the shared object
  BeyondEnd,       // past the last page of the file: SIGBUS
  HugeZero,        // map the huge zero page, read-only
  HugePage,        // a new huge page of zeros for this space
  HugeReuse,       // the huge page is all our own: let it be written
};

struct PageView {
  PageSlot own;              // slot in the private object; empty for shared areas
  PageSlot common;           // slot in the backing; empty if there is none
  bool own_shared = false;   // another space or slot chunk holds the page too
  bool beyond_end = false;   // past the end of the backing
  bool huge_fits = false;    // a huge page may come here
  bool huge_shared = false;  // part of a huge page of which another space holds some page
  int level = 1;             // of the translation
  x86::Pte translation;
};

// `access`: what the view is for; of huge pages it says no more than that needs.
PageView view_page(Core& core, Vma& area, Vpn vpn, Access access = Access::Read);
FaultKind classify(const Vma& area, const PageView& view, Access access);

}  // namespace pw
