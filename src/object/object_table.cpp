#include "object/object_table.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace pw {

namespace {

// Takes a free id, growing the table if there is none.
template <class T>
std::uint32_t take_id(std::vector<std::unique_ptr<T>>& table, std::vector<std::uint32_t>& free) {
  if (free.empty()) {
    table.emplace_back();
    return static_cast<std::uint32_t>(table.size() - 1);
  }
  const std::uint32_t id = free.back();
  free.pop_back();
  return id;
}

}  // namespace

VmObject& ObjectTable::create(ObjectKind kind) {
  const ObjectId id = take_id(objects_, free_objects_);
  objects_[id] = std::make_unique<VmObject>(id, kind, *refs_);
  objects_[id]->holders = 1;
  objects_[id]->serial = next_serial_++;
  return *objects_[id];
}

VmObject& ObjectTable::create_private(AddressSpace& space, VmObject* relative) {
  VmObject& object = create(ObjectKind::Private);
  object.space = &space;
  if (relative != nullptr) {
    object.family = relative->family;
  } else {
    const FamilyId id = take_id(families_, free_families_);
    families_[id] = std::make_unique<Family>();
    families_[id]->id = id;
    object.family = families_[id].get();
  }
  object.family->members.push_back(&object);
  return object;
}

void ObjectTable::promise(VmObject& object) {
  PW_CHECK(object.promised.value == 0);
  object.promised = object.pages();
  promised_ = promised_ + object.promised;
}

void ObjectTable::release(VmObject& object) {
  PW_CHECK(object.holders > 0);
  if (--object.holders > 0) return;
  promised_ = promised_ - object.promised;
  PW_CHECK(object.mappings.empty());
  object.slots.clear();
  if (object.family != nullptr) {
    auto& members = object.family->members;
    members.erase(std::find(members.begin(), members.end(), &object));
    if (members.empty()) {
      const FamilyId id = object.family->id;
      families_[id].reset();
      free_families_.push_back(id);
    }
  }
  const ObjectId id = object.id;
  objects_[id].reset();
  free_objects_.push_back(id);
}

}  // namespace pw
