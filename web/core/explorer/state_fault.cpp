// The faults of the last step: what each of them went through.
#include <iterator>

#include "web/core/explorer/state.hpp"

namespace pw::explorer {

namespace {

constexpr const char* kKinds[] = {"spurious",      "zero-page",    "fresh",      "map",
                                  "copy-on-write", "swap-in",      "map-object", "copy-object",
                                  "read-file",     "fresh-shared", "beyond-end", "huge-zero",
                                  "huge-page",     "huge-reuse"};
static_assert(std::size(kKinds) == static_cast<std::size_t>(FaultKind::HugeReuse) + 1);
constexpr const char* kAccesses[] = {"read", "write", "execute"};
constexpr const char* kSteps[] = {"request", "area", "frame", "page-in", "install", "restart"};

AddressSpace* space_of(Scene& scene, SpaceId id) {
  AddressSpace* found = nullptr;
  scene.machine().processes().for_each([&](Process& process) {
    if (process.space != nullptr && process.space->id() == id) found = process.space.get();
  });
  return found;
}

void write_story(Json& json, Scene& scene, const FaultStory& story) {
  json.open('{').field("process", story.process);
  json.field_hex("address", story.address.value);
  json.field("access", kAccesses[static_cast<unsigned>(story.access)]);
  json.flag("major", story.major);
  bool area_found = false, installed = false;
  json.key("steps").open('[');
  for (const FaultStory::Part& part : story.parts) {
    json.open('[').write(kSteps[static_cast<unsigned>(part.step)]);
    switch (part.step) {
      case FaultStep::Frame:
        json.write(kKinds[part.detail]);
        break;
      case FaultStep::Area:
        area_found = true;
        json.hex(part.detail);
        break;
      case FaultStep::Install:
        installed = true;
        json.hex(part.detail << kPageShift);
        break;
      default:
        json.number(part.step == FaultStep::Request ? 0 : part.detail);
        break;
    }
    json.close(']');
  }
  json.close(']');
  json.flag("area", area_found).flag("resolved", installed);
  AddressSpace* space = space_of(scene, story.space);
  const Vpn page = page_of(story.address);
  int level = 1;
  const x86::Pte* entry = space == nullptr ? nullptr : space->tables().find_any(page, level);
  const Vma* area = space == nullptr ? nullptr : space->find(page_of(story.address));
  if (entry != nullptr && entry->present()) {
    json.field("frame", x86::leaf_frame(*entry, level).value +
                            (page.value & (x86::pages_at(level).value - 1)));
  }
  if (area != nullptr) {
    json.field_hex("begin", address_of(area->range().begin).value);
    json.field_hex("end", address_of(area->range().end).value);
    std::string rights = area->rights.read ? "r" : "-";
    rights += area->rights.write ? 'w' : '-';
    rights += area->rights.execute ? 'x' : '-';
    rights += area->shared ? 's' : 'p';
    json.field("rights", rights);
    json.field("backing", area->backing == nullptr      ? ""
                          : area->backing->name.empty() ? "shared memory"
                                                        : area->backing->name);
  }
  json.close('}');
}

}  // namespace

void write_faults(Json& json, Scene& scene, const Snapshot&) {
  scene.name_events();
  json.open('{').field("count", scene.faults().count());
  json.key("list").open('[');
  for (const FaultStory& story : scene.faults().stories()) write_story(json, scene, story);
  json.close(']').close('}');
}

}  // namespace pw::explorer
