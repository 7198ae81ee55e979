// VmObject: offset -> PageSlot, with what fills a page that is empty.
//
//   Private  pages that belong to one address space: anonymous memory and copies of file pages.
//   Offsets are
//            virtual page numbers unless the area was moved. Empty = zeros (or the file below, by
//            the area).
//   File     the page cache of one file. Empty = to be read from the store.
//   Shared   anonymous memory that several spaces map (shm, memfd, MAP_SHARED|MAP_ANONYMOUS). Empty
//   = zeros.
//
// Owned by the ObjectTable; lives while `holders` > 0 (areas, open handles, names). After a fork
// the private objects of parent and child form a Family: a frame of theirs knows its family and
// offset, and every member holds it at that same offset or not at all. That is what the reverse
// mapping walks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "object/slot_table.hpp"
#include "port/backing_store.hpp"
#include "port/device_queue.hpp"

namespace pw {

struct Vma;
class AddressSpace;
struct VmObject;

enum class ObjectKind : std::uint8_t { Private, File, Shared };
using ObjectId = std::uint32_t;
using FamilyId = std::uint32_t;

struct Family {
  FamilyId id = 0;
  std::vector<VmObject*> members;
};

// Sequential reading of a file, in the manner of mm/readahead.c: the window doubles while faults
// follow it.
struct Readahead {
  PageOffset next{0};  // first page after the last window
  std::uint32_t window = 0;
  bool doubled = false;  // posix_fadvise(POSIX_FADV_SEQUENTIAL)
};

struct VmObject {
  VmObject(ObjectId object_id, ObjectKind object_kind, SlotRefs& refs)
      : id(object_id), kind(object_kind), slots(refs) {}

  ObjectId id;
  ObjectKind kind;
  std::uint64_t serial = 0;  // unlike the id, never given twice
  std::uint32_t holders = 0;
  SlotTable slots;

  // Private
  Family* family = nullptr;
  AddressSpace* space = nullptr;

  // File and Shared
  ByteCount size;              // of the file; pages past the last one are SIGBUS
  std::vector<Vma*> mappings;  // areas that map it, in no order (Vma::mapping_index)
  std::string name;            // as /proc/PID/maps tells it

  // Shared
  std::uint32_t seals = 0;  // F_SEAL_* of memfd_create(2)
  bool locked = false;      // by SHM_LOCK
  PageCount promised{0};    // counted as committed (ObjectTable::promise)

  // File
  std::unique_ptr<BackingStore> store;  // null: no bytes are kept (replay)
  std::unique_ptr<DeviceQueue> queue;   // the device it lies on
  bool read_only = false;
  bool cached_before = false;  // untouched pages count as in memory already: no read, minor faults
  Readahead readahead;

  PageCount pages() const { return pages_for(size); }
};

}  // namespace pw
