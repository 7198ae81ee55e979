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
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "object/folios.hpp"
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

// Sequential reading of a file under MemoryModel::Policy: the window doubles while faults follow
// it.
struct Readahead {
  PageOffset next{0};  // first page after the last window
  std::uint32_t window = 0;
  bool doubled = false;  // posix_fadvise(POSIX_FADV_SEQUENTIAL)
};

// How far an open file has been read ahead, under MemoryModel::Linux (struct file_ra_state,
// linux/fs.h): one for each description that open(2) has made.
struct ReadaheadState {
  std::uint64_t start = 0, size = 0;           // the window read last, in pages
  std::uint64_t async_size = 0;                // how many of its pages lie behind the mark
  unsigned order = 0;                          // of the folios it was read into
  std::uint64_t read_end = ~std::uint64_t{0};  // byte behind the last read(2)
  std::uint32_t map_misses = 0;  // faults that found no page, less pages that were there
  bool doubled = false;          // POSIX_FADV_SEQUENTIAL
  bool random = false;           // POSIX_FADV_RANDOM
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
  PageOffset cached_end{~std::uint64_t{0}};  // up to here: what a program adds was never there
  Readahead readahead;
  Folios folios;                                    // of the page cache; MemoryModel::Linux
  std::map<std::uint64_t, ReadaheadState> readers;  // by number of the description; 0: any

  PageCount pages() const { return pages_for(size); }
  // Whether page `at`, of which `slot` tells, has been in memory since before the machine began.
  bool known_cached(PageOffset at, PageSlot slot) const {
    return cached_before && slot.is_empty() && at < cached_end;
  }
  // Whether page `at` of a file is in the page cache, perhaps still being read.
  bool cached(PageOffset at) const {
    const PageSlot slot = slots.get(at);
    return slot.is_resident() || (at.value < pages().value && known_cached(at, slot));
  }
};

}  // namespace pw
