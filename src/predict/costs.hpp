// What the kernel and the devices of a host take for one event of each kind, in nanoseconds.
// `pagewright calibrate` measures and stores them, a prediction multiplies them with its counts.
// Values only. A cost that was not measured keeps its default, and says so.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "machine/config.hpp"
#include "predict/outcome.hpp"
#include "record/recording.hpp"

namespace pw::predict {

struct Cost {
  double ns = 0;             // median
  double low = 0, high = 0;  // quartiles of what was measured
  bool measured = false;
};

struct Costs {
  std::string host;  // processor and kernel they were measured on; empty: defaults throughout

  // Defaults: a virtual machine on a server processor of 2023, Linux 6.18.

  // Faults, with entering and leaving the kernel.
  Cost anon_fault{900, 860, 960};        // a fresh page, zeroed
  Cost zero_page_fault{600, 580, 640};   // the zero page, by a read
  Cost copy_fault{2'400, 2'100, 2'800};  // copy on write
  Cost reuse_fault{640, 600, 740};       // a write that need not copy
  Cost file_fault{810, 770, 830};        // a page of the page cache, that page alone
  Cost file_page{48, 47, 51};            // each further page mapped around it
  // Pages of files that come in and go, in CPU time. Those that readahead asks for before anybody
  // reads in order are folios of a page each; behind a reader folios grow.
  Cost file_request{40'000, 30'000, 55'000};     // a read that waits for the disk, beside its pages
  Cost file_read{350, 320, 400};                 // a page read into a folio of its own
  Cost file_read_large{30, 10, 60};              // each page of a large folio
  Cost file_free{340, 300, 380};                 // a folio that reclaim finds clean and frees
  Cost huge_fault{90'000, 83'000, 140'000};      // 2 MiB, zeroed
  Cost fork_process{150'000, 140'000, 250'000};  // fork, exit and wait with next to no memory
  Cost fork_page{160, 140, 190};                 // each resident page of the parent

  // Swap on zram, of pages that cost next to nothing to compress; read with the fault, written with
  // one look at the page and its unmapping. What compressing takes beyond that goes by the page's
  // effort (recorder/common/effort.h), here for each 1,000.
  Cost zram_read{2'230, 2'200, 2'400};
  Cost zram_write{2'830, 2'740, 3'000};
  Cost zram_write_huge{1'500, 1'400, 1'700};  // each page of a huge one, which goes as a whole
  Cost zram_read_effort{640, 560, 720};
  Cost zram_read_copied{1'350, 1'200, 1'500};  // each 1,000 bytes that are copied one by one
  Cost zram_write_effort{2'150, 1'900, 2'230};
  Cost look{330, 200, 460};                // reclaim looks at a page and keeps it
  Cost disk_read{41'000, 40'000, 46'000};  // 4 KiB somewhere, until they are there
  Cost disk_page{2'700, 2'400, 3'900};     // each page of a long read in order
  Cost disk_write_page{2'100, 1'700, 3'400};

  // Loads that depend on each other.
  Cost cache_load{26, 20, 32};      // from a working set of 2 MiB in huge pages
  Cost memory_load{144, 142, 148};  // from RAM, translation in the TLB
  Cost walk{105, 85, 135};          // what a TLB miss adds with pages of 4 KiB
  Cost huge_walk{13, 12, 15};       // with pages of 2 MiB
};

struct CostField {
  std::string_view name;  // as in the file
  Cost Costs::*member;
  std::string_view meaning;
};
std::span<const CostField> cost_fields();
bool any_measured(const Costs& costs);

// JSON, schema pagewright.costs/1 (data/costs.schema.json).
std::string to_json(const Costs& costs);
// Unknown costs are passed over, missing ones keep the default. Error: Invalid with a sentence.
Result<Costs> costs_from_json(std::string_view text);

// $XDG_CONFIG_HOME/pagewright/costs.json, else ~/.config/...; empty: neither variable is set.
std::string default_costs_path();

// What pages that are swapped cost to compress, each: as a recording tells, or else from next to
// nothing to text.
struct Effort {
  double middle = 1'500, low = 0, high = 3'000;
  double copied = 0;  // bytes that the way back copies one by one
};
Effort effort_of(const record::Contents& contents);

// What a page holds, for zram.
struct PageWork {
  double effort = 0, copied = 0;
};

// A page's way to zram or from it, in nanoseconds: `figure` of the costs.
double zram_write_ns(const Costs& costs, PageWork page, double Cost::*figure = &Cost::ns);
double zram_read_ns(const Costs& costs, PageWork page, double Cost::*figure = &Cost::ns);

// Gives a machine these costs: of faults, of the swap device of that kind, of files.
void apply(const Costs& costs, SwapKind swap, PageWork page, MachineConfig& machine);

struct LoadedCosts {
  Costs costs;
  std::string source;  // a sentence: which costs these are
};
// The costs in `path`, those in default_costs_path() if `path` is empty, the defaults if nothing is
// there. Errors: NoEntry (a path that was asked for), Invalid, Io.
Result<LoadedCosts> load_costs(const std::string& path);

}  // namespace pw::predict
