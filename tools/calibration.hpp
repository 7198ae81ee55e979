// Measures what one event of each kind costs on this host. Part of the verb calibrate.
//
// Each cost is the median of many small batches, in CPU time of the measuring thread where nothing
// is waited for, so that other load on the host and time stolen from a virtual machine disturb it
// little. A function leaves the costs alone that it cannot measure here, and says why in `notes`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "predict/costs.hpp"
#include "tools/group_child.hpp"

namespace pw::tools {

struct Calibration {
  predict::Costs costs;
  std::vector<std::string> notes;
};

// Of each cost the median of several times, with all that their quartiles reach over; of the notes
// those of all times. A host that others use is a third faster or slower some seconds later.
// `times`: not empty.
Calibration middle_of(const std::vector<Calibration>& times);

// Median and quartiles. `samples`: not empty.
predict::Cost cost_of(std::vector<double> samples);

// `count` batches of `events` events each: nanoseconds per event as `batch` tells for a batch.
// Batches that give a negative number are left out; no cost if all do.
void sample(predict::Cost& into, unsigned count, double events,
            const std::function<double()>& batch);

double cpu_ns();  // of this thread
double wall_ns();

void measure_faults(Calibration& into);  // anonymous memory, fork
void measure_file_faults(Calibration& into, const std::string& folder);
void measure_loads(Calibration& into);                            // caches, RAM, TLB misses
void measure_disk(Calibration& into, const std::string& folder);  // of that folder
// Of files in that folder; with a place for groups, under pressure there.
void measure_reads(Calibration& into, const std::string& folder,
                   const std::optional<ChildPlace>& place);
// In groups, on zram of its own; needs root.
void measure_zram(Calibration& into, const ChildPlace& place);

}  // namespace pw::tools
