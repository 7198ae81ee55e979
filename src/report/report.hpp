// What a report tells, gathered: how a program was recorded, what one or more machines did with it,
// and how much memory it needs. Values only; text.hpp and json.hpp show it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/memory_need.hpp"
#include "record/recording.hpp"
#include "replay/fork_bill.hpp"
#include "replay/replay.hpp"

namespace pw::report {

// What the same machine does without huge pages.
struct SmallPages {
  std::uint64_t walks = 0, walk_references = 0;
  std::uint64_t resident_peak = 0;  // pages
  std::uint64_t faults = 0;
};

struct Column {  // one machine
  std::string label;
  replay::ReplayResult result;
  replay::CounterSeries series = {};           // empty unless asked for
  std::vector<replay::ForkSite> forks = {};    // of the first machine; empty unless asked for
  std::optional<SmallPages> small_pages = {};  // of a machine with huge pages
};

// Prediction beside what the kernel counted, as `pagewright check` tells it.
struct Checked {
  std::string text;
  std::string json;  // schema pagewright.check/1
};

struct Report {
  record::RecordingInfo recording;
  std::vector<record::Loss> losses;
  std::vector<Column> columns;  // at least one; the first is the machine asked for
  std::optional<analysis::MemoryNeed> need;
  std::optional<Checked> checked;  // only if there was a measurement to compare with
  std::vector<std::string> notes;  // beside those that follow from the results
  std::string next_command;        // empty: none to suggest
};

// What follows from the numbers of one column.
struct Derived {
  std::uint64_t faults = 0;
  std::uint64_t hidden = 0;      // references behind the recording's filter, counted as L1 hits
  double fault_probability = 0;  // of a reference
  double l1_ratio = 0, l2_ratio = 0, walk_ratio = 0;  // of references
  double references_per_walk = 0;
  double translation_ns = 0;  // effective access time without faults
  double fault_ns = 0;        // mean time of a fault: kernel and waiting
  double access_ns = 0;       // effective access time with faults
  double slowdown = 1;        // by faults
};
Derived derive(const replay::ReplayResult& result);

// What huge pages brought and cost; negative where they did the reverse. Zeros: there are none.
struct HugeBalance {
  std::int64_t walks_saved = 0;    // misses of all TLBs
  std::int64_t entries_saved = 0;  // of page tables, not read
  std::int64_t faults_saved = 0;
  std::int64_t pages_wasted = 0;  // resident at the peak beyond those of small pages
};
HugeBalance huge_balance(const Column& column);
SmallPages small_pages(const replay::ReplayResult& result);

// What a reader must know to trust the numbers: estimates, assumed areas, losses, killed processes,
// then report.notes.
std::vector<std::string> all_notes(const Report& report);

std::string recorder_name(record::Recorder recorder);
std::string detail_name(record::Detail detail);
std::string exactness(const record::RecordingInfo& info);  // one sentence without a full stop
std::string machine_line(const MachineConfig& config);
std::string command_line(const std::vector<std::string>& command);  // quoted as a shell needs it

}  // namespace pw::report
