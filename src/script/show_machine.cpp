// What is inside the simulated machine, as text.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "machine/machine.hpp"
#include "script/diagnostic.hpp"
#include "script/show.hpp"

namespace pw::script {

namespace {

constexpr std::size_t kMostLines = 200;

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string right(const std::string& text, std::size_t width) {
  return std::string(text.size() < width ? width - text.size() : 0, ' ') + text;
}

// The first rows of a table, and how many there were.
class Rows {
 public:
  bool full() const { return rows_ >= kMostLines; }
  // `row` is asked for only if it is shown.
  template <class Row>
  void add(Row&& row) {
    if (!full()) text_ += row() + '\n';
    ++rows_;
  }
  bool empty() const { return rows_ == 0; }
  std::string text() const {
    if (rows_ <= kMostLines) return text_;
    return text_ + "... and " + in_decimal(rows_ - kMostLines) + " more\n";
  }

 private:
  std::string text_;
  std::size_t rows_ = 0;
};

std::string entry_bits(x86::Pte entry) {
  std::string text = entry.writable() ? "W" : "-";
  text += entry.user() ? 'U' : '-';
  text += entry.no_execute() ? '-' : 'X';
  text += entry.accessed() ? 'A' : '-';
  text += entry.dirty() ? 'D' : '-';
  return text;
}

std::string slot_text(PageSlot slot) {
  switch (slot.kind()) {
    case PageSlot::Kind::Empty:
      return "empty";
    case PageSlot::Kind::Resident:
      return "in frame " + in_decimal(slot.pfn().value);
    case PageSlot::Kind::Swapped:
      return "in swap slot " + in_decimal(slot.swap().value);
    case PageSlot::Kind::Shadow:
      return "dropped, its file has it";
  }
  return "";
}

// Why there is no translation, or where the page comes from: area and slots, which are the truth.
std::string area_text(AddressSpace& space, Vpn vpn) {
  Vma* area = space.find(vpn);
  if (area == nullptr) return "no area: an access is SIGSEGV MAPERR\n";
  std::string text = "area " + in_hex(address_of(area->range().begin).value) + '-' +
                     in_hex(address_of(area->range().end).value) + ' ' +
                     (area->rights.read ? 'r' : '-') + (area->rights.write ? 'w' : '-') +
                     (area->rights.execute ? 'x' : '-') + (area->shared ? 's' : 'p');
  if (area->backing != nullptr) {
    const std::string& name = area->backing->name;
    text += ", " + (name.empty() ? "shared memory" : name) + " page " +
            in_decimal(area->backing_at(vpn).value) + ' ' +
            slot_text(area->backing->slots.get(area->backing_at(vpn)));
  }
  if (!area->shared) {
    text += ", own page " + slot_text(space.private_object().slots.get(space.private_at(vpn)));
  }
  return text + '\n';
}

constexpr const char* kLevelNames[] = {"", "PTE", "PMD", "PUD", "P4D", "PGD"};

std::string level_name(int level, int levels) {
  return level == levels ? "PGD" : kLevelNames[level];
}

// --- machine_text

std::string tlb(Machine& machine) {
  struct Cached {
    unsigned cpu;
    SpaceId space;
    std::uint64_t vpn;
    int level;
    std::uint64_t pfn, rights;
    bool dirty;
  };
  std::vector<Cached> all;
  machine.mmu().for_each_cached([&](unsigned cpu, SpaceId space, Vpn vpn, int level, Pfn pfn,
                                    std::uint64_t rights, bool dirty) {
    all.push_back({cpu, space, vpn.value, level, pfn.value, rights, dirty});
  });
  const auto key = [](const Cached& c) { return std::tuple(c.cpu, c.space, c.vpn, c.level); };
  std::sort(all.begin(), all.end(),
            [&](const Cached& a, const Cached& b) { return key(a) < key(b); });
  // A translation may be in both levels of the TLB.
  all.erase(std::unique(all.begin(), all.end(),
                        [&](const Cached& a, const Cached& b) { return key(a) == key(b); }),
            all.end());
  const auto row_of = [](const Cached& c) {
    std::string row = "cpu " + in_decimal(c.cpu) + "  space " + in_decimal(c.space) + "  " +
                      padded(in_hex(c.vpn << kPageShift), 18) + " -> frame " +
                      padded(in_decimal(c.pfn), 8);
    row += (c.rights & x86::kWritable) != 0 ? " W" : " -";
    row += (c.rights & x86::kUser) != 0 ? 'U' : '-';
    row += (c.rights & x86::kNoExecute) != 0 ? '-' : 'X';
    row += c.dirty ? 'D' : '-';
    if (c.level > 1) row += c.level == 2 ? "  2M" : "  1G";
    return row;
  };
  Rows rows;
  for (const Cached& c : all) rows.add([&] { return row_of(c); });
  const sim::TlbCounters counters = machine.tlb_counters();
  return rows.text() + in_decimal(counters.references) +
         " references: " + in_decimal(counters.l1_hits) + " L1 hits, " +
         in_decimal(counters.l2_hits) + " L2 hits, " + in_decimal(counters.walks) + " walks of " +
         in_decimal(counters.walk_references) + " entries\n";
}

std::string frame_text(std::uint64_t n, const Frame& frame) {
  constexpr const char* kKinds[] = {"free", "taken", "table", "anon", "file", "kernel", "shared"};
  const std::string head = "frame " + right(in_decimal(n), 6) + "  " +
                           padded(kKinds[static_cast<unsigned>(frame.kind)], 7);
  if (frame.kind == FrameKind::Table) return head + in_decimal(frame.aux) + " entries";
  return head + "mapped by " + in_decimal(frame.mapcount) + ", held by " + in_decimal(frame.refs) +
         ", page " + in_hex(frame.index) + " of " +
         (frame.kind == FrameKind::Anon ? "family " : "object ") + in_decimal(frame.owner) +
         ((frame.flags & kFrameDirty) != 0 ? ", dirty" : "");
}

std::string frames(Machine& machine) {
  FramePool& pool = machine.frames();
  Rows rows;
  std::uint64_t left = pool.user_frames() + pool.table_frames();
  for (std::uint64_t n = 0; n < pool.total().value && left > 0; ++n) {
    const Frame& frame = pool.frame(Pfn(n));
    if (frame.kind != FrameKind::Table && !is_user(frame.kind)) continue;
    --left;
    rows.add([&] { return frame_text(n, frame); });
  }
  return rows.text() + in_decimal(pool.total().value) + " frames, " +
         in_decimal(pool.free_frames().value) + " free, " + in_decimal(pool.table_frames()) +
         " tables, " + in_decimal(pool.user_frames()) + " with pages of programs\n";
}

std::string cache(Machine& machine) {
  Rows rows;
  machine.core().objects.for_each([&](VmObject& object) {
    if (object.kind == ObjectKind::Private) return;
    std::uint64_t resident = 0, dirty = 0;
    object.slots.for_each(PageOffset(0), PageOffset(~std::uint64_t{0}),
                          [&](PageOffset, PageSlot slot) {
                            if (!slot.is_resident()) return;
                            ++resident;
                            const Frame& frame = machine.frames().frame(slot.pfn());
                            dirty += (frame.flags & kFrameDirty) != 0 ? 1 : 0;
                          });
    rows.add([&] {
      return padded(object.name.empty() ? "shared memory" : object.name, 20) + ' ' +
             in_decimal(object.size.value) + " bytes, " + in_decimal(resident) +
             " pages in memory, " + in_decimal(dirty) + " dirty, in " +
             in_decimal(object.mappings.size()) + " areas";
    });
  });
  return rows.empty() ? "no files and no shared memory\n" : rows.text();
}

std::string swap(Machine& machine) {
  Rows rows;
  machine.swap().for_each_used([&](SwapSlot slot, std::uint32_t count) {
    rows.add([&] { return "slot " + in_decimal(slot.value) + "  held by " + in_decimal(count); });
  });
  return rows.text() + in_decimal(machine.swap().total_slots()) + " slots, " +
         in_decimal(machine.swap().used_slots()) + " used\n";
}

// The machine's own objects, which in a kernel live in slab caches.
std::string slabs(Machine& machine) {
  std::uint64_t areas = 0, spaces = 0, objects = 0, chunks = 0;
  std::vector<AddressSpace*> seen;
  machine.processes().for_each([&](Process& process) {
    if (process.space == nullptr) return;
    if (std::find(seen.begin(), seen.end(), process.space.get()) != seen.end()) return;
    seen.push_back(process.space.get());
    ++spaces;
    for (Vma* area = process.space->areas().lower_bound(Vpn(0)); area != nullptr;
         area = process.space->areas().next(*area)) {
      ++areas;
    }
  });
  machine.core().objects.for_each([&](VmObject& object) {
    ++objects;
    object.slots.for_each_chunk([&](const SlotChunk&, PageOffset) { ++chunks; });
  });
  const auto row = [](const char* name, std::uint64_t count, std::uint64_t size) {
    return padded(name, 16) + right(in_decimal(count), 8) + " of " + right(in_decimal(size), 5) +
           " bytes\n";
  };
  return row("processes", machine.processes().size(), sizeof(Process)) +
         row("address spaces", spaces, sizeof(AddressSpace)) + row("areas", areas, sizeof(Vma)) +
         row("objects", objects, sizeof(VmObject)) + row("slot chunks", chunks, sizeof(SlotChunk)) +
         row("page tables", machine.frames().table_frames(), kPageSize);
}

}  // namespace

std::string walk_text(Machine& machine, std::uint32_t pid, VirtAddr address) {
  AddressSpace& space = *machine.find(pid)->space;
  const int levels = space.tables().levels();
  const x86::TableMemory memory = machine.frames().table_memory();
  const Vpn vpn = page_of(address);
  if (!x86::canonical(address, levels)) return in_hex(address.value) + " is not canonical\n";
  std::string text = in_hex(address.value) + '\n';
  Pfn table = space.tables().root();
  for (int level = levels; level >= 1; --level) {
    const unsigned index = x86::index_at(vpn, level);
    const x86::Pte entry{*memory.entry(table, index)};
    text += "  " + padded(level_name(level, levels), 4) + "frame " +
            right(in_decimal(table.value), 6) + " [" + right(in_decimal(index), 3) + "]  ";
    if (!entry.present()) {
      text += "not present\n";
      break;
    }
    if (entry.leaf_at(level)) {
      const Pfn pfn = x86::leaf_frame(entry, level) +
                      PageCount(vpn.value & (x86::pages_at(level).value - 1));
      const bool zero = machine.core().is_zero(pfn);
      text += entry_bits(entry) + "  -> page in frame " + in_decimal(pfn.value) +
              (zero ? ", the zero page" : "") + '\n';
      break;
    }
    text += entry_bits(entry) + "  -> table in frame " + in_decimal(entry.pfn().value) + '\n';
    table = entry.pfn();
  }
  return text + "  " + area_text(space, vpn);
}

Result<std::string> machine_text(std::string_view what, Machine& machine) {
  if (what == "tlb") return tlb(machine);
  if (what == "frames") return frames(machine);
  if (what == "cache") return cache(machine);
  if (what == "swap") return swap(machine);
  if (what == "slabs") return slabs(machine);
  return fail(Errno::Invalid, "a machine has no " + quoted(what) + " to show");
}

}  // namespace pw::script
