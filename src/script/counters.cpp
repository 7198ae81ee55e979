#include "script/counters.hpp"

#include "machine/machine.hpp"

namespace pw::script {

namespace {

struct ViewCounter {
  std::string_view name;
  std::uint64_t (*value)(const ProcessView&);
};

template <std::uint64_t AreaView::*kField>
std::uint64_t pages(const ProcessView& view) {
  constexpr std::uint64_t kKibOfPage = kPageSize / 1024;
  std::uint64_t kib = 0;
  for (const AreaView& area : view.areas) kib += area.*kField;
  return kib / kKibOfPage;
}

std::uint64_t mapped(const ProcessView& view) {
  std::uint64_t bytes = 0;
  for (const AreaView& area : view.areas) bytes += area.end - area.begin;
  return bytes / kPageSize;
}

constexpr ViewCounter kOfView[] = {
    {"minor", [](const ProcessView& v) { return v.minor_faults; }},
    {"major", [](const ProcessView& v) { return v.major_faults; }},
    {"resident", pages<&AreaView::rss>},
    {"anonymous", pages<&AreaView::anonymous>},
    {"locked", pages<&AreaView::locked>},
    {"swapped", pages<&AreaView::swap>},
    {"lazy_free", pages<&AreaView::lazy_free>},
    {"huge", pages<&AreaView::anonymous_huge>},
    {"shared_clean", pages<&AreaView::shared_clean>},
    {"shared_dirty", pages<&AreaView::shared_dirty>},
    {"private_clean", pages<&AreaView::private_clean>},
    {"private_dirty", pages<&AreaView::private_dirty>},
    {"areas", [](const ProcessView& v) { return std::uint64_t{v.areas.size()}; }},
    {"mapped", mapped},
};

struct FaultCounter {
  std::string_view name;
  std::uint64_t FaultCounters::*field;
};
constexpr FaultCounter kOfFaults[] = {
    {"copy_on_write", &FaultCounters::copy_on_write},
    {"reused", &FaultCounters::reused},
    {"zero_page", &FaultCounters::zero_page},
    {"fresh", &FaultCounters::anonymous},
    {"file_mapped", &FaultCounters::file_mapped},
    {"swap_in", &FaultCounters::swap_in},
    {"write_notify", &FaultCounters::write_notify},
    {"spurious", &FaultCounters::spurious},
    {"segv", &FaultCounters::segv},
    {"bus", &FaultCounters::bus},
};
// A process's come from its view.
constexpr FaultCounter kOfAllFaults[] = {{"minor", &FaultCounters::minor},
                                         {"major", &FaultCounters::major}};

struct ReclaimCounter {
  std::string_view name;
  std::uint64_t ReclaimCounters::*field;
};
constexpr ReclaimCounter kOfReclaim[] = {
    {"pswpin", &ReclaimCounters::pswpin},
    {"pswpout", &ReclaimCounters::pswpout},
    {"pgscan_kswapd", &ReclaimCounters::pgscan_kswapd},
    {"pgscan_direct", &ReclaimCounters::pgscan_direct},
    {"pgsteal_kswapd", &ReclaimCounters::pgsteal_kswapd},
    {"pgsteal_direct", &ReclaimCounters::pgsteal_direct},
    {"workingset_refault_anon", &ReclaimCounters::refault_anon},
    {"workingset_refault_file", &ReclaimCounters::refault_file},
    {"workingset_activate_anon", &ReclaimCounters::activate_anon},
    {"workingset_activate_file", &ReclaimCounters::activate_file},
    {"pgactivate", &ReclaimCounters::pgactivate},
    {"pgdeactivate", &ReclaimCounters::pgdeactivate},
    {"file_read", &ReclaimCounters::file_read},
    {"file_written", &ReclaimCounters::file_written},
    {"allocstall", &ReclaimCounters::allocstall},
    {"oom_kills", &ReclaimCounters::oom_kills},
    {"prefetched", &ReclaimCounters::prefetched},
};

struct MachineCounter {
  std::string_view name;
  std::uint64_t (*value)(Machine&);
};
constexpr MachineCounter kOfMachine[] = {
    {"resident", [](Machine& m) { return m.counters().resident_pages; }},
    {"mapped", [](Machine& m) { return m.counters().mapped_pages; }},
    {"tables", [](Machine& m) { return m.counters().table_pages; }},
    {"free", [](Machine& m) { return m.frames().free_frames().value; }},
    {"forks", [](Machine& m) { return m.counters().forks; }},
    {"execs", [](Machine& m) { return m.counters().execs; }},
    {"shootdown_ipis", [](Machine& m) { return m.counters().shootdown_ipis; }},
    {"thp_fault_alloc", [](Machine& m) { return m.counters().huge.fault_alloc; }},
    {"thp_fault_fallback", [](Machine& m) { return m.counters().huge.fault_fallback; }},
    {"thp_collapse_alloc", [](Machine& m) { return m.counters().huge.collapse_alloc; }},
    {"thp_split_page", [](Machine& m) { return m.counters().huge.split_page; }},
    {"thp_split_pmd", [](Machine& m) { return m.counters().huge.split_translation; }},
    {"swap_used", [](Machine& m) { return m.swap().used_slots(); }},
    {"references", [](Machine& m) { return m.tlb_counters().references; }},
    {"tlb_l1_hits", [](Machine& m) { return m.tlb_counters().l1_hits; }},
    {"tlb_l2_hits", [](Machine& m) { return m.tlb_counters().l2_hits; }},
    {"tlb_walks", [](Machine& m) { return m.tlb_counters().walks; }},
    {"walk_references", [](Machine& m) { return m.tlb_counters().walk_references; }},
    {"tlb_flushes", [](Machine& m) { return m.tlb_counters().flushes_full; }},
    {"space_switches", [](Machine& m) { return m.tlb_counters().space_switches; }},
    {"time_us", [](Machine& m) { return m.clock().now_ns() / 1'000; }},
};

template <class Table>
void add_names(const Table& table, std::vector<std::string_view>& names) {
  for (const auto& known : table) names.push_back(known.name);
}

template <class Table, class Counters>
bool field_of(const Table& table, std::string_view name, const Counters& counters,
              std::uint64_t& out) {
  for (const auto& known : table) {
    if (known.name != name) continue;
    out = counters.*(known.field);
    return true;
  }
  return false;
}

}  // namespace

bool view_counter(std::string_view name, const ProcessView& view, std::uint64_t& out) {
  for (const ViewCounter& known : kOfView) {
    if (known.name != name) continue;
    out = known.value(view);
    return true;
  }
  return false;
}

bool fault_counter(std::string_view name, const FaultCounters& faults, std::uint64_t& out) {
  return field_of(kOfFaults, name, faults, out);
}

bool machine_counter(std::string_view name, Machine& machine, std::uint64_t& out) {
  for (const MachineCounter& known : kOfMachine) {
    if (known.name != name) continue;
    out = known.value(machine);
    return true;
  }
  const MachineCounters& counters = machine.counters();
  return field_of(kOfAllFaults, name, counters.faults, out) ||
         field_of(kOfFaults, name, counters.faults, out) ||
         field_of(kOfReclaim, name, counters.reclaim, out);
}

std::vector<std::string_view> process_counter_names() {
  std::vector<std::string_view> names;
  add_names(kOfView, names);
  add_names(kOfFaults, names);
  return names;
}

std::vector<std::string_view> machine_counter_names() {
  std::vector<std::string_view> names;
  add_names(kOfMachine, names);
  add_names(kOfAllFaults, names);
  add_names(kOfFaults, names);
  add_names(kOfReclaim, names);
  return names;
}

}  // namespace pw::script
