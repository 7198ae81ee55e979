// Processes with their areas and pages, and the walk of an address.
#include <algorithm>

#include "script/show.hpp"
#include "space/address_space.hpp"
#include "view/areas.hpp"
#include "web/core/explorer/state.hpp"

namespace pw::explorer {

namespace {

// What the page draws for a page of an area.
enum class Cell : std::uint8_t {
  Untouched,  // nothing there yet
  Mapped,     // in a frame, translated
  Zero,       // translated to the zero page
  Resident,   // in a frame, without a translation here
  Swapped,    // in a swap slot
  Shadow,     // dropped, its file has it
};

struct PageCell {
  Cell cell = Cell::Untouched;
  std::uint64_t where = 0;  // frame or slot
  std::uint64_t bits = 0;   // of the translation: W 1, A 2, D 4, large 8; away: distance_of()
};

constexpr std::uint64_t kMostPages = 4'096;  // of an area that are looked at one by one

PageCell cell_of(Machine& machine, AddressSpace& space, const Vma& area, Vpn vpn) {
  PageCell out;
  int level = 1;
  const x86::Pte* entry = space.tables().find_any(vpn, level);
  if (entry != nullptr && entry->present()) {
    const Pfn first = x86::leaf_frame(*entry, level);
    out.cell = machine.core().is_zero(first) ? Cell::Zero : Cell::Mapped;
    out.where = first.value + (vpn.value & (x86::pages_at(level).value - 1));
    out.bits = (entry->writable() ? 1U : 0U) | (entry->accessed() ? 2U : 0U) |
               (entry->dirty() ? 4U : 0U) | (level > 1 ? 8U : 0U);
    return out;
  }
  PageSlot slot;
  if (!area.shared) slot = space.private_object().slots.get(space.private_at(vpn));
  if (slot.is_empty() && area.backing != nullptr) {
    slot = area.backing->slots.get(area.backing_at(vpn));
  }
  if (slot.is_resident()) {
    out.cell = Cell::Resident;
    out.where = slot.pfn().value;
  } else if (slot.is_swapped()) {
    out.cell = Cell::Swapped;
    out.where = slot.swap().value;
    out.bits = distance_of(machine, slot);
  } else if (slot.is_shadow()) {
    out.cell = Cell::Shadow;
    out.bits = distance_of(machine, slot);
  }
  return out;
}

// The pages of an area to be looked at: all, or of a large one those that something is known of.
std::vector<Vpn> pages_of(AddressSpace& space, const Vma& area) {
  std::vector<Vpn> pages;
  const VpnRange range = area.range();
  if (range.pages().value <= kMostPages) {
    for (Vpn vpn = range.begin; vpn < range.end; vpn = vpn + PageCount(1)) pages.push_back(vpn);
    return pages;
  }
  space.tables().for_each_leaf(range, [&](Vpn vpn, int level, const x86::Pte&) {
    const Vpn end = vpn + x86::pages_at(level);
    for (; vpn < end && pages.size() < kMostPages; vpn = vpn + PageCount(1)) {
      if (range.contains(vpn)) pages.push_back(vpn);
    }
  });
  if (!area.shared) {
    const PageOffset first = space.private_at(range.begin);
    space.private_object().slots.for_each(
        first, first + range.pages(), [&](PageOffset at, PageSlot slot) {
          const Vpn vpn = range.begin + PageCount(at.value - first.value);
          if (!slot.is_empty() && pages.size() < 2 * kMostPages) pages.push_back(vpn);
        });
  }
  if (area.backing != nullptr) {
    const PageOffset first = area.backing_at(range.begin);
    area.backing->slots.for_each(first, first + range.pages(), [&](PageOffset at, PageSlot slot) {
      if (!slot.is_empty() && pages.size() < 3 * kMostPages) {
        pages.push_back(area.page_of_backing(at));
      }
    });
  }
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  return pages;
}

// `left`: pages that may still be told.
void write_area(Json& json, Scene& scene, Process& process, const Vma& area, std::uint64_t& left) {
  Machine& machine = scene.machine();
  const view::AreaLine line = view::line_of(machine, process, area);
  json.open('{');
  json.field_hex("begin", line.begin).field_hex("end", line.end);
  json.field("rights", line.rights).field("name", line.name);
  json.field("pages", area.range().pages().value);
  json.field("role", static_cast<std::uint64_t>(area.role));
  json.flag("locked", area.traits.locked);
  // [page of the area, cell, frame or slot, bits], those that are not untouched.
  json.key("cells").open('[');
  for (const Vpn vpn : pages_of(*process.space, area)) {
    const PageCell cell = cell_of(machine, *process.space, area, vpn);
    if (cell.cell == Cell::Untouched) continue;
    if (left == 0) break;
    --left;
    json.number((vpn - area.range().begin).value).number(static_cast<std::uint64_t>(cell.cell));
    json.number(cell.where).number(cell.bits);
  }
  json.close(']').close('}');
}

void write_entry(Json& json, x86::Pte entry, int level) {
  json.field_hex("raw", entry.raw);
  json.flag("present", entry.present());
  json.flag("leaf", entry.present() && entry.leaf_at(level));
  std::string bits;
  bits += entry.present() ? 'P' : '-';
  bits += entry.writable() ? 'W' : '-';
  bits += entry.user() ? 'U' : '-';
  bits += entry.accessed() ? 'A' : '-';
  bits += entry.dirty() ? 'D' : '-';
  bits += entry.leaf_at(level) && level > 1 ? 'L' : '-';
  bits += entry.global() ? 'G' : '-';
  bits += entry.no_execute() ? 'N' : '-';
  json.field("bits", bits);
  const bool leaf = entry.present() && entry.leaf_at(level);
  json.field("frame", leaf ? x86::leaf_frame(entry, level).value : entry.pfn().value);
  json.field("pkey", entry.protection_key());
}

}  // namespace

void write_walk(Json& json, Scene& scene, Process& process, VirtAddr address) {
  Machine& machine = scene.machine();
  AddressSpace& space = *process.space;
  const int levels = space.tables().levels();
  json.open('{');
  json.field_hex("address", address.value).field("levels", static_cast<std::uint64_t>(levels));
  json.flag("canonical", x86::canonical(address, levels));
  json.field("text", script::walk_text(machine, process.pid, address));
  json.key("entries").open('[');
  const Vpn vpn = page_of(address);
  Pfn table = space.tables().root();
  const auto& before = scene.before().tables;
  for (int level = levels; level >= 1 && x86::canonical(address, levels); --level) {
    const unsigned index = x86::index_at(vpn, level);
    const x86::Pte entry{*machine.frames().table_memory().entry(table, index)};
    json.open('{').field("level", static_cast<std::uint64_t>(level));
    json.field("table", table.value).field("index", index);
    write_entry(json, entry, level);
    json.flag("zero", entry.present() && entry.leaf_at(level) &&
                          machine.core().is_zero(x86::leaf_frame(entry, level)));
    const auto old = before.find(table.value);
    json.key("was").hex(old == before.end() ? 0 : old->second[index]);
    json.close('}');
    if (!entry.present() || entry.leaf_at(level)) break;
    table = entry.pfn();
  }
  json.close(']').close('}');
}

void write_processes(Json& json, Scene& scene) {
  Machine& machine = scene.machine();
  std::uint64_t cells = scene.bounds().cells;
  json.open('[');
  for (const auto& [name, index, pid] : scene.actors()) {
    Process* process = machine.find(pid);
    if (process == nullptr) continue;
    json.open('{').field("name", name).field("index", index).field("pid", process->pid);
    json.field("cpu", process->cpu);
    json.flag("running", process->state == ProcessState::Running);
    if (process->space != nullptr) {
      json.field("space", process->space->id());
      json.field("root", process->space->tables().root().value);
      json.field("minor", process->minor_faults).field("major", process->major_faults);
      json.key("areas").open('[');
      std::uint64_t told = 0, hidden = 0;
      for (Vma* area = process->space->areas().lower_bound(Vpn(0)); area != nullptr;
           area = process->space->areas().next(*area)) {
        if (told < scene.bounds().areas) {
          write_area(json, scene, *process, *area, cells);
          ++told;
        } else {
          ++hidden;
        }
      }
      json.close(']');
      if (hidden > 0) json.field("hidden", hidden);
    }
    json.close('}');
  }
  json.close(']');
}

}  // namespace pw::explorer
