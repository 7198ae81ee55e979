#include "ports/host/memory_group.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace pw::host {
namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(at), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool has_word(std::string_view text, std::string_view word, char at) {
  const auto words = split(text, at);
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view one) { return one.substr(0, one.find('\n')) == word; });
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

bool writable(const std::string& folder) { return access(folder.c_str(), W_OK) == 0; }

// A path as /proc/mounts has it: blanks and the like are octal numbers.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 3 >= text.size()) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
    i += 3;
  }
  return plain;
}

struct Hierarchies {
  std::string v1, v2;  // mount points; v1: of the memory controller
};

Hierarchies hierarchies(const std::string& mounts) {
  Hierarchies found;
  for (std::string_view line : split(mounts, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() < 4) continue;
    if (words[2] == "cgroup2" && found.v2.empty()) found.v2 = unescaped(words[1]);
    const bool memory = words[2] == "cgroup" && has_word(words[3], "memory", ',');
    if (memory && found.v1.empty()) found.v1 = unescaped(words[1]);
  }
  return found;
}

// The caller's group below a mount point: "" for the root. `controller`: "" for version 2.
std::string own_group(std::string_view text, std::string_view controller) {
  for (std::string_view line : split(text, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string_view names = line.substr(first + 1, second - first - 1);
    const bool it = controller.empty() ? names.empty() : has_word(names, controller, ',');
    if (!it) continue;
    const std::string_view path = line.substr(second + 1);
    return path == "/" ? "" : std::string(path);
  }
  return "";
}

constexpr const char* kHowV2 =
    "run as root, or in a group of your own: systemd-run --user --scope -p Delegate=yes "
    "pagewright check ...";

Result<GroupParent> parent_v2(const std::string& mount, const std::string& own) {
  std::vector<std::string> folders{mount};
  if (!own.empty()) folders.push_back(mount + own);
  for (const std::string& folder : folders) {
    if (!writable(folder) || !writable(folder + "/cgroup.subtree_control")) continue;
    if (!has_word(text_of_file(folder + "/cgroup.controllers"), "memory", ' ')) continue;
    const bool given = has_word(text_of_file(folder + "/cgroup.subtree_control"), "memory", ' ');
    return GroupParent{GroupVersion::V2, folder, !given};
  }
  return fail(Errno::Access,
              fmt::format("no memory group can be made below {} (cgroup v2): {}", mount, kHowV2));
}

Result<GroupParent> parent_v1(const std::string& mount, const std::string& own) {
  std::vector<std::string> folders{mount};
  if (!own.empty()) folders.push_back(mount + own);
  for (const std::string& folder : folders) {
    if (writable(folder)) return GroupParent{GroupVersion::V1, folder, false};
  }
  return fail(Errno::Access,
              fmt::format("no memory group can be made below {} (cgroup v1): run as root, or have "
                          "root make one for you: mkdir {}/pagewright && chown -R \"$USER\" "
                          "{}/pagewright, and start pagewright inside it",
                          mount, mount, mount));
}

struct Setting {
  std::string file, value;
};

// What zswap takes in before it gets to swap is counted neither as swapped in nor out.
bool zswap_is_on() {
  return text_of_file("/sys/module/zswap/parameters/enabled").rfind('Y', 0) == 0;
}

// Names of version 1 for what version 2 counts under another.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kNewNames{{
    {"total_workingset_refault_anon", "workingset_refault_anon"},
    {"total_workingset_refault_file", "workingset_refault_file"},
    {"total_pgfault", "pgfault"},
    {"total_pgmajfault", "pgmajfault"},
}};

constexpr std::array<std::string_view, 13> kWanted{"workingset_refault_anon",
                                                   "workingset_refault_file",
                                                   "workingset_activate_anon",
                                                   "workingset_activate_file",
                                                   "pswpin",
                                                   "pswpout",
                                                   "swpin_zero",
                                                   "swpout_zero",
                                                   "pgscan",
                                                   "pgsteal_anon",
                                                   "pgsteal_file",
                                                   "thp_fault_alloc",
                                                   "thp_split_page"};

// Machine-wide counters that sum up to one of a group; nothing: this kernel has none.
std::optional<std::uint64_t> machine_value(const Counters& machine, std::string_view name) {
  if (name == "pgscan") {
    return value_of(machine, "pgscan_anon") + value_of(machine, "pgscan_file");
  }
  const auto found = machine.find(name);
  return found == machine.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

std::string text_of_file(const std::string& path) {
  std::string text;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  std::array<char, 8192> buffer;
  ssize_t got = 0;
  while ((got = read(fd, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  close(fd);
  return text;
}

Result<void> write_to_file(const std::string& path, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  int error = fd < 0 ? errno : 0;
  if (fd >= 0 && write(fd, text.data(), text.size()) < 0) error = errno;
  if (fd >= 0) close(fd);
  if (error == 0) return {};
  return fail(static_cast<Errno>(error),
              fmt::format("cannot write '{}' to {}: {}", text, path, std::strerror(error)));
}

Result<GroupParent> find_group_parent(const GroupSources& sources) {
  const Hierarchies found = hierarchies(text_of_file(sources.mounts));
  const std::string groups = text_of_file(sources.own_groups);
  const bool memory_in_v2 = !found.v2.empty() &&
                            has_word(text_of_file(found.v2 + "/cgroup.controllers"), "memory", ' ');
  if (memory_in_v2) return parent_v2(found.v2, own_group(groups, ""));
  if (!found.v1.empty()) return parent_v1(found.v1, own_group(groups, "memory"));
  if (found.v2.empty()) {
    return fail(Errno::NotSupported,
                "no control groups are mounted: mount -t cgroup2 none /sys/fs/cgroup");
  }
  return fail(Errno::NotSupported,
              fmt::format("the control groups at {} lack the memory controller: boot with "
                          "cgroup_enable=memory",
                          found.v2));
}

Counters parse_counters(std::string_view text) {
  Counters counters;
  for (std::string_view line : split(text, '\n')) {
    const std::size_t blank = line.find(' ');
    if (blank == 0 || blank == line.npos) continue;
    std::uint64_t value = 0;
    const std::string_view digits = line.substr(blank + 1);
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (end.ec != std::errc() || end.ptr != digits.data() + digits.size()) continue;
    counters.insert_or_assign(std::string(line.substr(0, blank)), value);
  }
  return counters;
}

std::uint64_t value_of(const Counters& counters, std::string_view name) {
  const auto found = counters.find(name);
  return found == counters.end() ? 0 : found->second;
}

Result<void> MemoryGroup::set(const GroupKnobs& knobs, std::vector<std::string>& notes) const {
  std::vector<Setting> settings;
  const std::string limit = std::to_string(knobs.limit_bytes);
  if (version_ == GroupVersion::V1) {
    if (knobs.limit_bytes != 0) settings.push_back({"memory.limit_in_bytes", limit});
    settings.push_back({"memory.swappiness", std::to_string(knobs.swap ? knobs.swappiness : 0)});
    if (!knobs.swap && knobs.limit_bytes != 0) {
      settings.push_back({"memory.memsw.limit_in_bytes", limit});
    }
  } else {
    if (knobs.limit_bytes != 0) settings.push_back({"memory.max", limit});
    if (!knobs.swap) settings.push_back({"memory.swap.max", "0"});
    const int system = static_cast<int>(number(text_of_file("/proc/sys/vm/swappiness")));
    if (knobs.swap && system != knobs.swappiness) {
      notes.push_back(
          fmt::format("Groups of version 2 have no swappiness of their own: it ran at "
                      "the system's {}, not at {} (sysctl vm.swappiness={}).",
                      system, knobs.swappiness, knobs.swappiness));
    }
  }
  const bool can_refuse_zswap = version_ == GroupVersion::V2 && exists(path_ + "/memory.zswap.max");
  if (can_refuse_zswap) settings.push_back({"memory.zswap.max", "0"});
  if (knobs.swap && !can_refuse_zswap && zswap_is_on()) {
    notes.push_back(
        "Zswap is on: pages that it keeps are not counted as swapped "
        "(echo N > /sys/module/zswap/parameters/enabled).");
  }
  for (const Setting& setting : settings) {
    PW_TRY(write_to_file(path_ + '/' + setting.file, setting.value));
  }
  return {};
}

std::string MemoryGroup::stat_text() const { return text_of_file(path_ + "/memory.stat"); }

Counters MemoryGroup::stat() const {
  Counters counters = parse_counters(stat_text());
  if (version_ == GroupVersion::V1) {
    for (const auto& [old_name, name] : kNewNames) {
      const auto found = counters.find(old_name);
      if (found != counters.end()) counters.insert_or_assign(std::string(name), found->second);
    }
  }
  return counters;
}

std::uint64_t MemoryGroup::peak_bytes() const {
  const char* file = version_ == GroupVersion::V1 ? "/memory.max_usage_in_bytes" : "/memory.peak";
  return number(text_of_file(path_ + file));
}

std::uint64_t MemoryGroup::oom_kills() const {
  const char* file = version_ == GroupVersion::V1 ? "/memory.oom_control" : "/memory.events";
  return value_of(parse_counters(text_of_file(path_ + file)), "oom_kill");
}

std::vector<int> MemoryGroup::processes() const {
  std::vector<int> all;
  for (std::string_view line : split(text_of_file(processes_file()), '\n')) {
    all.push_back(static_cast<int>(number(line)));
  }
  return all;
}

CounterChange change(const Counters& group, const Counters& before, const Counters& after) {
  CounterChange result;
  for (std::string_view name : kWanted) {
    const auto own = group.find(name);
    if (own != group.end()) {
      result.counts.emplace(name, own->second);
      continue;
    }
    const std::optional<std::uint64_t> was = machine_value(before, name);
    const std::optional<std::uint64_t> is = machine_value(after, name);
    if (!was || !is) continue;
    result.counts.emplace(name, *is > *was ? *is - *was : 0);
    result.of_machine.emplace_back(name);
  }
  return result;
}

std::vector<std::string> oom_victims(std::string_view log, std::string_view group) {
  std::vector<std::string> victims;
  for (std::string_view line : split(log, '\n')) {
    // oom-kill:constraint=CONSTRAINT_MEMCG,...,task_memcg=/a/b,task=NAME,pid=N,uid=N
    const std::size_t kill = line.find("oom-kill:");
    const std::size_t in = line.find("task_memcg=");
    const std::size_t task = line.find(",task=", in);
    if (kill == line.npos || in == line.npos || task == line.npos) continue;
    const std::string_view path = line.substr(in, task - in);
    if (path.substr(path.rfind('/') + 1) != group) continue;
    const std::string_view rest = line.substr(task + 6);
    victims.emplace_back(rest.substr(0, rest.rfind(",pid=")));
  }
  return victims;
}

}  // namespace pw::host
