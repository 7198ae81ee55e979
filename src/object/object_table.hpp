// All objects and families of a machine, by dense id: what a frame's owner field means.
#pragma once

#include <memory>
#include <vector>

#include "object/vm_object.hpp"

namespace pw {

class ObjectTable {
 public:
  explicit ObjectTable(SlotRefs& refs) : refs_(&refs) {}

  VmObject& create(ObjectKind kind);
  // A private object; a member of `relative`'s family, or of a new one if null.
  VmObject& create_private(AddressSpace& space, VmObject* relative);
  // Takes one holder away; the object goes with the last one. Its pages must be unmapped by then.
  void release(VmObject& object);

  VmObject& object(ObjectId id) { return *objects_[id]; }
  // The object that once had this id and serial number; null if it is gone.
  VmObject* find(ObjectId id, std::uint64_t serial) {
    VmObject* object = id < objects_.size() ? objects_[id].get() : nullptr;
    return object != nullptr && object->serial == serial ? object : nullptr;
  }
  Family& family(FamilyId id) { return *families_[id]; }

  // All of a shared object counts as committed from now on until it goes (shmem_acct_size(),
  // mm/shmem.c): whoever makes one that reserves says so, once, and asks may_commit() before.
  void promise(VmObject& object);
  PageCount promised() const { return promised_; }

  template <class Fn>
  void for_each(Fn&& fn) {
    for (auto& object : objects_) {
      if (object != nullptr) fn(*object);
    }
  }

 private:
  SlotRefs* refs_;
  std::vector<std::unique_ptr<VmObject>> objects_;
  std::vector<ObjectId> free_objects_;
  std::vector<std::unique_ptr<Family>> families_;
  std::vector<FamilyId> free_families_;
  std::uint64_t next_serial_ = 1;
  PageCount promised_{0};
};

}  // namespace pw
