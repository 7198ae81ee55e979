// TLBs, frames, swap slots and the page cache.
#include <algorithm>
#include <set>

#include "web/core/explorer/state.hpp"

namespace pw::explorer {

namespace {

constexpr std::uint64_t kMostFrames = 8'192;  // that are told one by one
constexpr std::uint64_t kMostSlots = 4'096;

// The first of sorted pairs whose key is not less.
template <class Pairs, class Key>
auto at_key(const Pairs& pairs, const Key& key) {
  return std::lower_bound(pairs.begin(), pairs.end(), key,
                          [](const auto& pair, const Key& k) { return pair.first < k; });
}

// What a page is called: the spaces of its family, or its file.
class OwnerNames {
 public:
  explicit OwnerNames(Scene& scene) : scene_(&scene) {}

  // Its number in the list that write() gives.
  std::uint64_t number(const FrameOwner& owner, Pfn pfn) {
    const Key key{owner.kind == FrameKind::Anon, owner.owner, holders(owner, pfn)};
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i] == key) return i;
    }
    keys_.push_back(key);
    names_.push_back(name(owner, pfn));
    return keys_.size() - 1;
  }
  void write(Json& json) const {
    json.open('[');
    for (const std::string& name : names_) json.write(name);
    json.close(']');
  }

 private:
  struct Key {
    bool anonymous = false;
    std::uint32_t owner = 0;
    std::uint64_t holders = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };

  static bool holds(const VmObject& member, const FrameOwner& owner, Pfn pfn) {
    return member.space != nullptr &&
           member.slots.get(PageOffset(owner.index)) == PageSlot::resident(pfn);
  }
  // Which members of a family have the page: a bit each, as far as there are bits.
  std::uint64_t holders(const FrameOwner& owner, Pfn pfn) {
    if (owner.kind != FrameKind::Anon) return 0;
    std::uint64_t mask = 0, bit = 1;
    for (const VmObject* member : scene_->machine().core().objects.family(owner.owner).members) {
      if (holds(*member, owner, pfn)) mask |= bit;
      bit = bit >> 63 != 0 ? 1 : bit << 1;
    }
    return mask;
  }
  std::string name(const FrameOwner& owner, Pfn pfn) {
    ObjectTable& objects = scene_->machine().core().objects;
    if (owner.kind != FrameKind::Anon) {
      const std::string& name = objects.object(owner.owner).name;
      return name.empty() ? "shared memory" : name;
    }
    std::string names;
    std::set<std::string> seen;
    for (const VmObject* member : objects.family(owner.owner).members) {
      if (!holds(*member, owner, pfn)) continue;
      const std::string name = names_of_space(*scene_, member->space->id());
      if (!seen.insert(name).second) continue;
      names += (names.empty() ? "" : ", ") + name;
    }
    return names;
  }

  Scene* scene_;
  std::vector<Key> keys_;
  std::vector<std::string> names_;
};

bool was_in(const Snapshot& snapshot, std::uint64_t frame, const FrameOwner& owner) {
  const auto at = at_key(snapshot.frames, frame);
  return at != snapshot.frames.end() && at->first == frame && at->second == owner;
}

}  // namespace

std::vector<std::uint8_t> bits_by_frame(Machine& machine) {
  std::vector<std::uint8_t> bits(static_cast<std::size_t>(machine.frames().total().value));
  std::set<AddressSpace*> seen;
  machine.processes().for_each([&](Process& process) {
    if (process.space == nullptr || !seen.insert(process.space.get()).second) return;
    AddressSpace& space = *process.space;
    for (Vma* area = space.areas().lower_bound(Vpn(0)); area != nullptr;
         area = space.areas().next(*area)) {
      space.tables().for_each_leaf(area->range(), [&](Vpn, int level, const x86::Pte& entry) {
        if (!entry.present()) return;
        const auto first = static_cast<std::size_t>(x86::leaf_frame(entry, level).value);
        const auto marks = static_cast<std::uint8_t>((entry.accessed() ? 1U : 0U) |
                                                     (entry.dirty() ? 2U : 0U));
        for (std::size_t i = 0; i < x86::pages_at(level).value; ++i) bits[first + i] |= marks;
      });
    }
  });
  return bits;
}

namespace {

constexpr const char* kUnits[] = {"L1d", "L1i", "L2"};
constexpr const char* kSizes[] = {"4K", "2M", "1G"};

void write_array(Json& json, const Snapshot& now, const Snapshot& before, TlbPlaceId first,
                 const sim::TlbArray& array) {
  json.open('{').field("cpu", first.cpu).field("unit", kUnits[first.unit]);
  json.field("size", kSizes[first.size]);
  json.field("sets", array.sets()).field("ways", array.ways());
  // set, way, space, page number, frame, rights, level, change, space and page before: change 0
  // none, 1 filled, 2 filled in place of another, 3 gone.
  std::uint64_t used = 0;
  json.key("slots").open('[');
  TlbPlaceId end = first;
  end.set = array.sets();
  auto is = at_key(now.tlb, first), was = at_key(before.tlb, first);
  const auto is_end = at_key(now.tlb, end), was_end = at_key(before.tlb, end);
  while (is != is_end || was != was_end) {
    const bool gone = is == is_end || (was != was_end && was->first < is->first);
    const auto& [place, content] = gone ? *was : *is;
    const bool there = was != was_end && was->first == place;
    unsigned change = gone ? 3 : !there ? 1 : was->second.same_page(content) ? 0 : 2;
    // Another translation of the same page.
    if (change == 0 && was->second.pfn != content.pfn) change = 1;
    const std::uint64_t rights = ((content.rights & x86::kWritable) != 0 ? 1U : 0U) |
                                 ((content.rights & x86::kUser) != 0 ? 2U : 0U) |
                                 ((content.rights & x86::kNoExecute) != 0 ? 0U : 4U) |
                                 (content.dirty ? 8U : 0U);
    used += gone ? 0 : 1;
    json.number(place.set).number(place.way).number(content.space);
    json.number(content.vpn).number(content.pfn).number(rights);
    json.number(static_cast<std::uint64_t>(content.level)).number(change);
    json.number(change == 2 ? was->second.space : 0);
    json.number(change == 2 ? was->second.vpn : 0);
    if (there) ++was;
    if (!gone) ++is;
  }
  json.close(']').field("used", used).close('}');
}

}  // namespace

void write_tlb(Json& json, Scene& scene, const Snapshot& now) {
  Machine& machine = scene.machine();
  const Snapshot& before = scene.at() == 0 ? now : scene.before();
  json.open('{').key("arrays").open('[');
  for (unsigned c = 0; c < machine.mmu().cpus(); ++c) {
    for (unsigned unit = 0; unit < sim::SimCpu::kUnits; ++unit) {
      for (unsigned size = 0; size < 3; ++size) {
        const sim::TlbArray& array = machine.mmu().cpu(c).unit(unit).arrays()[size];
        if (array.exists()) write_array(json, now, before, {c, unit, size, 0, 0}, array);
      }
    }
  }
  json.close(']');
  json.key("spaces").open('{');
  std::set<SpaceId> seen;
  machine.processes().for_each([&](Process& process) {
    if (process.space == nullptr || !seen.insert(process.space->id()).second) return;
    json.field(std::to_string(process.space->id()), names_of_space(scene, process.space->id()));
  });
  json.close('}').close('}');
}

void write_frames(Json& json, Scene& scene, const Snapshot& now) {
  Machine& machine = scene.machine();
  FramePool& pool = machine.frames();
  const auto bits = bits_by_frame(machine);
  const Snapshot& before = scene.before();
  OwnerNames owners(scene);
  json.open('{').field("total", pool.total().value).field("free", pool.free_frames().value);
  json.field("tables", pool.table_frames()).field("user", pool.user_frames());
  json.field("zero", machine.core().zero_frame.value);
  // [frame, kind, owner, page, mapped by, bits, last used]: kinds as FrameKind; bits: accessed 1,
  // dirty 2, new in it by this step 4, pinned by a lock 8.
  json.key("list").open('[');
  std::uint64_t left = pool.user_frames() + pool.table_frames(), told = 0;
  for (std::uint64_t n = 0; n < pool.total().value && left > 0 && told < kMostFrames; ++n) {
    const Frame& frame = pool.frame(Pfn(n));
    if (frame.kind != FrameKind::Table && !is_user(frame.kind)) continue;
    --left;
    ++told;
    json.number(n).number(static_cast<std::uint64_t>(frame.kind));
    if (frame.kind == FrameKind::Table) {
      json.number(frame.owner).number(0).number(frame.aux).number(0).number(0);
      continue;
    }
    const FrameOwner owner = owner_of(frame);
    const bool fresh = scene.at() > 0 && !was_in(before, n, owner);
    std::uint64_t seen = bits[static_cast<std::size_t>(n)];
    seen |= (frame.flags & kFrameDirty) != 0 ? 2U : 0U;
    seen |= (fresh ? 4U : 0U) | ((frame.flags & kFrameAside) != 0 ? 8U : 0U);
    json.number(owners.number(owner, Pfn(n)))
        .number(frame.index)
        .number(frame.mapcount)
        .number(seen);
    json.number(scene.last_used(Pfn(n), owner));
  }
  json.close(']').key("owners");
  owners.write(json);
  // Frames whose page went away in this step: [frame, owner's kind, page].
  json.key("left").open('[');
  for (const auto& [n, owner] : before.frames) {
    if (scene.at() == 0 || was_in(now, n, owner)) continue;
    json.open('[').number(n).number(static_cast<std::uint64_t>(owner.kind));
    json.hex(owner.index << kPageShift).close(']');
  }
  json.close(']');
  json.field("evicted", now.evicted - (scene.at() == 0 ? now.evicted : before.evicted));
  json.close('}');
}

void write_swap(Json& json, Scene& scene) {
  SwapSpace& swap = scene.machine().swap();
  json.open('{').field("total", swap.total_slots()).field("used", swap.used_slots());
  json.key("slots").open('[');
  std::uint64_t told = 0;
  swap.for_each_used([&](SwapSlot slot, std::uint32_t count) {
    if (++told <= kMostSlots) json.number(slot.value).number(count);
  });
  json.close(']').close('}');
}

void write_cache(Json& json, Scene& scene) {
  Machine& machine = scene.machine();
  json.open('[');
  machine.core().objects.for_each([&](VmObject& object) {
    if (object.kind == ObjectKind::Private) return;
    json.open('{').field("name", object.name).flag("file", object.kind == ObjectKind::File);
    json.field("bytes", object.size.value).field("areas", object.mappings.size());
    json.key("pages").open('[');  // page, frame (or slot), 0 clean, 1 dirty, 2 in swap
    std::uint64_t told = 0;
    object.slots.for_each(
        PageOffset(0), PageOffset(~std::uint64_t{0}), [&](PageOffset at, PageSlot slot) {
          if (slot.is_empty() || slot.is_shadow() || ++told > kMostSlots) return;
          const bool dirty = slot.is_resident() &&
                             (machine.frames().frame(slot.pfn()).flags & kFrameDirty) != 0;
          json.number(at.value);
          json.number(slot.is_resident() ? slot.pfn().value : slot.swap().value);
          json.number(slot.is_swapped() ? 2 : dirty ? 1 : 0);
        });
    json.close(']').close('}');
  });
  json.close(']');
}

}  // namespace pw::explorer
