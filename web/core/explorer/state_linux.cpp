// Reclaim as Linux does it: the lists of the group, scanned end first, what is known of its pages,
// and what is remembered of those that are away.
#include "reclaim/linux/linux_reclaim.hpp"
#include "web/core/explorer/state.hpp"

namespace pw::explorer {

namespace {

constexpr std::size_t kMostPages = 256;  // of a list, that are told one by one
constexpr const char* kNames[] = {"inactive anon", "active anon", "inactive file", "active file"};

// Of a page in a list.
enum Mark : std::uint8_t {
  kAccessed = 1,    // a translation's accessed bit is set: the scan will see a reference
  kReferenced = 2,  // PG_referenced
  kWorkingset = 4,  // PG_workingset
  kWriting = 8,     // PG_reclaim: goes when it is written
};

class ListWriter {
 public:
  ListWriter(Json& json, const LinuxReclaim& reclaim, Machine& machine)
      : json_(json), lists_(reclaim.lists()), bits_(bits_by_frame(machine)) {}

  void list(Lru list) {
    begin(kNames[static_cast<unsigned>(list)], lists_.size(list));
    lists_.for_each(list, [this](Pfn pfn) { page(pfn); });
    end();
  }
  void batch() {
    if (lists_.batch().empty()) return;
    begin("new", lists_.batch().size());
    for (const Pfn pfn : lists_.batch()) page(pfn);
    end();
  }

 private:
  void begin(const char* name, std::uint64_t size) {
    json_.open('{').field("name", name).flag("ghosts", false).field("size", size);
    json_.key("pages").open('[');
    marks_.clear();
  }
  void page(Pfn pfn) {
    if (marks_.size() == kMostPages) return;
    json_.number(pfn.value);
    const bool accessed = (bits_[static_cast<std::size_t>(pfn.value)] & 1) != 0;
    marks_.push_back(static_cast<std::uint8_t>((accessed ? kAccessed : 0) |
                                               (lists_.has(pfn, kLruReferenced) ? kReferenced : 0) |
                                               (lists_.has(pfn, kLruWorkingset) ? kWorkingset : 0) |
                                               (lists_.has(pfn, kLruReclaim) ? kWriting : 0)));
  }
  void end() {
    json_.close(']').key("marks").open('[');
    for (const std::uint8_t mark : marks_) json_.number(mark);
    json_.close(']').close('}');
  }

  Json& json_;
  const LruLists& lists_;
  std::vector<std::uint8_t> bits_;
  std::vector<std::uint8_t> marks_;
};

// Pages that are away and would be known again.
void write_shadows(Json& json, Machine& machine, const LinuxReclaim& reclaim) {
  std::uint64_t anonymous = 0, file = 0;
  machine.core().objects.for_each([&](VmObject& object) {
    object.slots.for_each(PageOffset(0), PageOffset(~std::uint64_t{0}),
                          [&](PageOffset, PageSlot slot) {
                            if (slot.is_empty() || slot.is_resident()) return;
                            if (reclaim.refault_distance(slot) == LinuxReclaim::kNoDistance) return;
                            ++(slot.is_shadow() ? file : anonymous);
                          });
  });
  json.key("shadows").open('[').number(anonymous).number(file).close(']');
}

}  // namespace

void write_linux(Json& json, Scene& scene) {
  Machine& machine = scene.machine();
  const auto& reclaim = static_cast<const LinuxReclaim&>(machine.reclaimer());
  json.open('{').field("name", "linux").key("parts").open('[');
  json.open('{').field("owner", "").key("lists").open('[');
  ListWriter lists(json, reclaim, machine);
  lists.batch();
  for (const Lru list : {Lru::InactiveAnon, Lru::ActiveAnon, Lru::InactiveFile, Lru::ActiveFile}) {
    lists.list(list);
  }
  json.close(']').close('}').close(']');
  const ReclaimCounters& counters = machine.counters().reclaim;
  json.key("group").open('{').field("limit", reclaim.group().limit());
  json.field("used", reclaim.used()).field("peak", reclaim.group().peak());
  json.field("swappiness", static_cast<std::uint64_t>(machine.config().linux_options.swappiness));
  json.field("age", reclaim.age().age());
  // Anonymous pages, then pages of files.
  json.key("room").open('[').number(reclaim.refault_room(false));
  json.number(reclaim.refault_room(true)).close(']');
  json.key("refaults").open('[').number(counters.refault_anon).number(counters.refault_file);
  json.close(']').key("activated").open('[').number(counters.activate_anon);
  json.number(counters.activate_file).close(']');
  write_shadows(json, machine, reclaim);
  json.close('}').close('}');
}

}  // namespace pw::explorer
