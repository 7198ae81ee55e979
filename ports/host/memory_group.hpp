// Memory groups of the host (control groups, v1 or v2): where they can be made, their knobs and
// counters by one set of names, and the whole machine's counters for what a group does not count.
//
// Owns nothing on the host: a GroupParent and a MemoryGroup are paths. Who makes a group removes it
// (group_guardian.hpp). Sources: Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pw::host {

enum class GroupVersion : std::uint8_t { V1, V2 };

// What is read to find out; tests point elsewhere.
struct GroupSources {
  std::string mounts = "/proc/self/mounts";
  std::string own_groups = "/proc/self/cgroup";
};

// A folder in which groups with a memory limit can be made.
struct GroupParent {
  GroupVersion version = GroupVersion::V1;
  std::string path;
  // v2: its processes must go into a group of their own before it can hand out memory
  // (the rule against inner processes), which the guardian does and undoes.
  bool make_room = false;
};

// Version 2 where it has the memory controller, else version 1. In the root of the hierarchy if it
// is writable, else in the caller's own group. Errors: NotSupported (no memory controller), Access
// (nothing writable), both with what to do.
Result<GroupParent> find_group_parent(const GroupSources& sources = {});

// Counters of one text "name value" per line, as memory.stat and /proc/vmstat are; lines of other
// forms are passed over.
using Counters = std::map<std::string, std::uint64_t, std::less<>>;
Counters parse_counters(std::string_view text);
std::uint64_t value_of(const Counters& counters, std::string_view name);  // 0 if not there

// How a group is set before a program enters it.
struct GroupKnobs {
  std::uint64_t limit_bytes = 0;  // 0: none
  int swappiness = 60;
  bool swap = true;  // false: its pages are never swapped out
};

class MemoryGroup {
 public:
  MemoryGroup(GroupVersion version, std::string path) : version_(version), path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string processes_file() const { return path_ + "/cgroup.procs"; }

  // Errors: Io, Access, Invalid: the file that would not take its value. `notes`: what this version
  // cannot do.
  Result<void> set(const GroupKnobs& knobs, std::vector<std::string>& notes) const;

  std::string stat_text() const;  // reading it makes the kernel gather its statistics
  Counters stat() const;          // version 1: of the whole subtree, under the names of version 2
  std::uint64_t peak_bytes() const;
  std::uint64_t oom_kills() const;
  std::vector<int> processes() const;

 private:
  GroupVersion version_;
  std::string path_;
};

// What happened between two looks at a fresh group and at the machine. `of_machine`: the names that
// the group does not count and that were taken from the machine, where other programs count too.
// What neither counts (a kernel before Linux 6.12 has no swpin_zero) is in neither list.
struct CounterChange {
  Counters counts;
  std::vector<std::string> of_machine;
};
CounterChange change(const Counters& group, const Counters& machine_before,
                     const Counters& machine_after);

// Names of the processes that the kernel's log (text of /dev/kmsg records) says were killed in a
// group called `group` for want of memory.
std::vector<std::string> oom_victims(std::string_view log, std::string_view group);

std::string text_of_file(const std::string& path);  // empty if it cannot be read
// Error: Io, Access, Busy, ... with a sentence that names the file.
Result<void> write_to_file(const std::string& path, std::string_view text);

}  // namespace pw::host
