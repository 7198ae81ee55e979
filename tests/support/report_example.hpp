// A made-up report with something of everything in it, for the tests of its text and its JSON.
#pragma once

#include "report/report.hpp"

namespace pw::report::testing {

inline replay::ReplayResult example_result() {
  replay::ReplayResult r;
  r.references = 1'234'567'890;
  r.records = 4'567'890;
  r.simulated_ns = 1'300'000'000;
  MachineCounters& c = r.counters;
  c.faults.minor = 9'120;
  c.faults.anonymous = 8'000;
  c.faults.zero_page = 120;
  c.faults.file_mapped = 900;
  c.faults.copy_on_write = 100;
  c.faults.major = 345;
  c.resident_peak = 8'755;
  c.mapped_peak = 12'000;
  c.table_peak = 31;
  c.kernel_ns = 7'000'000;
  c.io_wait_ns = 31'000'000;
  c.reclaim.file_read = 800;
  c.reclaim.prefetched = 455;
  c.reclaim.prefetch_used = 400;
  c.forks = 1;
  c.processes_peak = 2;
  r.tlb.references = r.references;
  r.tlb.l1_hits = 1'230'000'000;
  r.tlb.l2_hits = 4'000'000;
  r.tlb.walks = 567'890;
  r.tlb.walk_references = 620'000;
  replay::AreaReport heap{"[heap]", {}};
  heap.counters.mapped_peak = 9'000;
  heap.counters.resident_peak = heap.counters.touched_pages = 7'900;
  heap.counters.faults.minor = 7'900;
  replay::AreaReport library{"/usr/lib/x86_64-linux-gnu/a-long-folder-name/libsomething.so.6.0.1",
                             {}};
  library.counters.mapped_peak = 500;
  library.counters.resident_peak = 480;
  library.counters.touched_pages = 470;
  library.counters.faults.minor = 60;
  library.counters.faults.major = 345;
  replay::AreaReport stack{"[stack]", {}};
  stack.counters.mapped_peak = 33;
  stack.counters.resident_peak = stack.counters.touched_pages = 5;
  stack.counters.faults.minor = 5;
  r.areas = {stack, heap, library};
  replay::ProcessReport shell;
  shell.pid = 101;
  shell.command = "sh -c 'sort words.txt'";
  shell.references = 1'000'000;
  shell.faults.minor = 220;
  shell.resident_peak = 300;
  replay::ProcessReport sort;
  sort.pid = 102;
  sort.parent = 101;
  sort.command = "sort words.txt";
  sort.references = 1'233'567'890;
  sort.faults.minor = 8'900;
  sort.faults.major = 345;
  sort.resident_peak = 8'500;
  r.processes = {shell, sort};
  return r;
}

inline analysis::MemoryNeed example_need() {
  analysis::MemoryNeed need;
  need.known_from = 65;
  need.first_touches = 9'000;
  need.fits_in = 8'700;
  need.knee = 1'024;
  need.percent = 5;
  need.within = 6'200;
  need.base_ns = 1.3e9;
  need.miss_ns = 90'000;
  need.points = {{65, 4'567'000, 2'100'000}, {512, 912'000, 400'100}, {1'024, 44'000, 21'000},
                 {4'096, 31'000, 12'000},    {8'192, 9'800, 9'100},   {8'700, 9'000, 9'000}};
  return need;
}

inline Report example_report() {
  Report report;
  report.recording.command = {"sh", "-c", "sort words.txt"};
  report.recording.exit_status = 0;
  report.columns.push_back({"base", example_result()});
  report.need = example_need();
  report.next_command = "pagewright replay sort.pwrec --ram 24M";
  return report;
}

// The same with two further machines, damage and a killed process.
inline Report example_with_columns() {
  Report report = example_report();
  Column half{"ram=50%", example_result()};
  half.result.config.ram = ByteCount(17ULL << 20);
  half.result.config.swap = ByteCount(1ULL << 30);
  half.result.counters.faults.major = 3'210;
  half.result.counters.faults.swap_in = 2'900;
  half.result.counters.reclaim.pswpout = 5'000;
  half.result.counters.reclaim.pswpin = 2'900;
  half.result.counters.io_wait_ns = 260'000'000;
  half.result.simulated_ns = 1'530'000'000;
  Column quarter = half;
  quarter.label = "ram=25%+policy=lru";
  quarter.result.config.ram = ByteCount(8ULL << 20);
  quarter.result.config.policy = "lru";
  quarter.result.counters.faults.major = 71'000;
  quarter.result.processes[1].killed_by_oom = true;
  quarter.result.inferred_areas = 3;
  report.columns.push_back(half);
  report.columns.push_back(quarter);
  report.losses = {{4'096, "chunk of process 102 has a wrong checksum"}};
  report.need->inferred = 128;
  return report;
}

}  // namespace pw::report::testing
