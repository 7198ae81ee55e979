// Reclaim as Linux does it: the lists of the group, or its generations, scanned end first; what is
// known of its pages, and what is remembered of those that are away.
#include "reclaim/linux/linux_reclaim.hpp"
#include "reclaim/mglru/mglru_reclaim.hpp"
#include "web/core/explorer/state.hpp"

namespace pw::explorer {

namespace {

constexpr std::size_t kMostPages = 256;  // of a list, that are told one by one
constexpr const char* kNames[] = {"inactive anon", "active anon", "inactive file", "active file"};

// Of a page in a list.
constexpr std::uint64_t kAccessed = 1;    // a translation's accessed bit is set: a scan will see it
constexpr std::uint64_t kReferenced = 2;  // PG_referenced
constexpr std::uint64_t kWorkingset = 4;  // PG_workingset
constexpr std::uint64_t kWriting = 8;     // PG_reclaim: goes when it is written
// Of a page in a generation, besides: its tier, and how many generations it is younger than the
// list in which it stands.
constexpr unsigned kTierShift = 4, kYoungerShift = 6;

class ListWriter {
 public:
  ListWriter(Json& json, const LinuxReclaim& reclaim, Machine& machine)
      : json_(json), lists_(reclaim.lists()), bits_(bits_by_frame(machine)) {}

  void list(Lru list) {
    begin(kNames[static_cast<unsigned>(list)], lists_.size(list));
    json_.key("pages").open('[');
    lists_.for_each(list, [this](Pfn pfn) { page(pfn); });
    end();
  }
  void batch(const std::vector<Pfn>& pages) {
    if (pages.empty()) return;
    begin("new", pages.size());
    json_.key("pages").open('[');
    for (const Pfn pfn : pages) page(pfn);
    end();
  }
  // Its size is that of the generation; some of its pages may stand in the list of an older one.
  void generation(const Generations& generations, bool file, std::uint64_t seq) {
    begin(file ? "file" : "anon", generations.size(file, seq));
    json_.field("generation", seq).key("pages").open('[');
    generations.for_each(file, seq, [&](Pfn pfn, std::uint64_t of) {
      page(pfn, generations.tier(pfn) << kTierShift | (of - seq) << kYoungerShift);
    });
    end();
  }

 private:
  void begin(const char* name, std::uint64_t size) {
    json_.open('{').field("name", name).flag("ghosts", false).field("size", size);
    marks_.clear();
  }
  void page(Pfn pfn, std::uint64_t more = 0) {
    if (marks_.size() == kMostPages) return;
    json_.number(pfn.value);
    const bool accessed = (bits_[static_cast<std::size_t>(pfn.value)] & 1) != 0;
    marks_.push_back(more | (accessed ? kAccessed : 0) |
                     (lists_.has(pfn, kLruReferenced) ? kReferenced : 0) |
                     (lists_.has(pfn, kLruWorkingset) ? kWorkingset : 0) |
                     (lists_.has(pfn, kLruReclaim) ? kWriting : 0));
  }
  void end() {
    json_.close(']').key("marks").open('[');
    for (const std::uint64_t mark : marks_) json_.number(mark);
    json_.close(']').close('}');
  }

  Json& json_;
  const LruLists& lists_;
  std::vector<std::uint8_t> bits_;
  std::vector<std::uint64_t> marks_;
};

// How many of the pages that are away are known.
template <class Known>
void count_away(Json& json, Machine& machine, Known known) {
  std::uint64_t anonymous = 0, file = 0;
  machine.core().objects.for_each([&](VmObject& object) {
    object.slots.for_each(PageOffset(0), PageOffset(~std::uint64_t{0}),
                          [&](PageOffset, PageSlot slot) {
                            if (slot.is_empty() || slot.is_resident() || !known(slot)) return;
                            ++(slot.is_shadow() ? file : anonymous);
                          });
  });
  json.key("shadows").open('[').number(anonymous).number(file).close(']');
}

// What all that is managed as Linux does has. Pairs: anonymous pages, pages of files.
void write_group(Json& json, Machine& machine, const LinuxReclaim& reclaim) {
  const ReclaimCounters& counters = machine.counters().reclaim;
  json.key("group").open('{').field("limit", reclaim.group().limit());
  json.field("used", reclaim.used()).field("peak", reclaim.group().peak());
  json.field("swappiness", static_cast<std::uint64_t>(machine.config().linux_options.swappiness));
  json.key("refaults").open('[').number(counters.refault_anon).number(counters.refault_file);
  json.close(']').key("activated").open('[').number(counters.activate_anon);
  json.number(counters.activate_file).close(']');
}

void write_lists(Json& json, Machine& machine, const LinuxReclaim& reclaim) {
  ListWriter lists(json, reclaim, machine);
  lists.batch(reclaim.lists().batch());
  for (const Lru list : {Lru::InactiveAnon, Lru::ActiveAnon, Lru::InactiveFile, Lru::ActiveFile}) {
    lists.list(list);
  }
  json.close(']').close('}').close(']');
  write_group(json, machine, reclaim);
  json.field("age", reclaim.age().age());
  json.key("room").open('[').number(reclaim.refault_room(false));
  json.number(reclaim.refault_room(true)).close(']');
  count_away(json, machine, [&](PageSlot slot) {
    return reclaim.refault_distance(slot) != LinuxReclaim::kNoDistance;
  });
}

// Of a kind: [came back, evicted and spared] for each tier, and the last tier whose pages go.
void write_tiers(Json& json, const TierControl& tiers, bool file) {
  json.open('{').key("tiers").open('[');
  for (unsigned tier = 0; tier < TierControl::kTiers; ++tier) {
    const TierControl::Position position = tiers.position(file, tier, 1);
    json.open('[').number(position.refaulted).number(position.total).close(']');
  }
  json.close(']').field("last", tiers.last_evictable(file)).close('}');
}

void write_generations(Json& json, Machine& machine, const MglruReclaim& reclaim) {
  const Generations& generations = reclaim.generations();
  ListWriter lists(json, reclaim, machine);
  lists.batch(reclaim.batch());
  for (const bool file : {false, true}) {
    for (std::uint64_t seq = generations.min_seq(file); seq <= generations.max_seq(); ++seq) {
      lists.generation(generations, file, seq);
    }
  }
  json.close(']').close('}').close(']');
  write_group(json, machine, reclaim);
  count_away(json, machine, [&](PageSlot slot) {
    const std::uint64_t seq = reclaim.left_from(slot);
    return seq != LinuxReclaim::kNoDistance && reclaim.remembers(seq);
  });
  json.key("generations").open('{').field("youngest", generations.max_seq());
  json.key("oldest").open('[').number(generations.min_seq(false));
  json.number(generations.min_seq(true)).close(']');
  json.field("walks", reclaim.walked().walks).field("promoted", reclaim.walked().promoted);
  json.field("neighbours", reclaim.counts().neighbours);
  json.field("spared", reclaim.counts().spared);
  json.key("kinds").open('[');
  for (const bool file : {false, true}) write_tiers(json, generations.tiers(), file);
  json.close(']').close('}');
}

}  // namespace

void write_linux(Json& json, Scene& scene) {
  Machine& machine = scene.machine();
  const auto& reclaim = static_cast<const LinuxReclaim&>(machine.reclaimer());
  const bool generations = machine.config().linux_options.ageing == Ageing::Generations;
  json.open('{').field("name", generations ? "linux-mglru" : "linux").key("parts").open('[');
  json.open('{').field("owner", "").key("lists").open('[');
  if (generations) {
    write_generations(json, machine, static_cast<const MglruReclaim&>(reclaim));
  } else {
    write_lists(json, machine, reclaim);
  }
  json.close('}').close('}');
}

// Of a page that is away, and 1 more: how far off it would come back, or, where there are
// generations, the one that it was evicted from. 0: nothing is known of it.
std::uint64_t distance_of(Machine& machine, PageSlot slot) {
  if (machine.config().model != MemoryModel::Linux) return 0;
  const auto& reclaim = static_cast<const LinuxReclaim&>(machine.reclaimer());
  if (machine.config().linux_options.ageing == Ageing::Lists) {
    return reclaim.refault_distance(slot) + 1;
  }
  return static_cast<const MglruReclaim&>(reclaim).left_from(slot) + 1;
}

}  // namespace pw::explorer
