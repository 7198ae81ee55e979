#include "script/process_view.hpp"

#include "view/areas.hpp"

namespace pw::script {

namespace {

void add_sizes(const view::AreaSizes& sizes, AreaView& area) {
  area.rss = sizes.resident() / 1024;
  area.shared_clean = sizes.shared_clean / 1024;
  area.shared_dirty = sizes.shared_dirty / 1024;
  area.private_clean = sizes.private_clean / 1024;
  area.private_dirty = sizes.private_dirty / 1024;
  area.anonymous = sizes.anonymous_pages / 1024;
  area.lazy_free = sizes.lazy_free / 1024;
  area.anonymous_huge = sizes.anonymous_huge / 1024;
  area.swap = sizes.swap / 1024;
  area.locked = sizes.pss_locked >> (10 + view::AreaSizes::kPssShift);
}

}  // namespace

ProcessView view_of(Machine& machine, Process& process, Detail detail) {
  ProcessView view;
  AddressSpace& space = *process.space;
  view.minor_faults = process.minor_faults;
  view.major_faults = process.major_faults;
  for (Vma* area = space.areas().lower_bound(Vpn(0)); area != nullptr;
       area = space.areas().next(*area)) {
    view::AreaLine line = view::line_of(machine, process, *area);
    AreaView made;
    made.begin = line.begin;
    made.end = line.end;
    made.rights = std::move(line.rights);
    made.offset = line.offset;
    made.name = std::move(line.name);
    if (detail == Detail::Smaps) {
      made.flags = view::flags_of(*area);
      add_sizes(view::sizes_of(machine, *area), made);
    }
    view.areas.push_back(std::move(made));
  }
  return view;
}

}  // namespace pw::script
