#include "tools/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "policy/any_policy.hpp"
#include "tools/cpu_presets.hpp"

namespace pw::tools {
namespace {

constexpr std::uint64_t kLeastRam = 64 * kPageSize;  // below the filter of a recording nothing is
                                                     // known
constexpr std::uint64_t kMost = std::uint64_t{1} << 52;  // bytes that x86-64 can address physically
constexpr unsigned kMostCpus = 64;

tl::unexpected<Error> wrong(std::string_view key, std::string_view value, std::string_view right) {
  return fail(Errno::Invalid, fmt::format("{} '{}': write {}", key, value, right));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

template <class Number>
bool parse_number(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

Result<std::uint32_t> number_in(std::string_view key, std::string_view value, std::uint32_t least,
                                std::uint32_t most) {
  std::uint32_t n = 0;
  if (!parse_number(value, n) || n < least || n > most) {
    return wrong(key, value, fmt::format("a number from {} to {}", least, most));
  }
  return n;
}

struct Device {
  std::string_view name;
  const DeviceModel* model;
};
constexpr std::array<Device, 5> kDevices{
    {{"ssd", &kSsd}, {"hdd", &kHdd}, {"nvme", &kNvme}, {"zram", &kZram}, {"far", &kFarMemory}}};

Result<DeviceModel> device(std::string_view key, std::string_view value) {
  for (const Device& d : kDevices) {
    if (d.name == value) return *d.model;
  }
  return wrong(key, value, "ssd, hdd, nvme, zram or far");
}

struct TlbArray {
  std::string_view name;
  sim::TlbGeometry sim::TlbConfig::*member;
};
constexpr std::array<TlbArray, 8> kTlbArrays{{{"l1i", &sim::TlbConfig::l1i_4k},
                                              {"l1i-2m", &sim::TlbConfig::l1i_2m},
                                              {"l1i-1g", &sim::TlbConfig::l1i_1g},
                                              {"l1d", &sim::TlbConfig::l1d_4k},
                                              {"l1d-2m", &sim::TlbConfig::l1d_2m},
                                              {"l1d-1g", &sim::TlbConfig::l1d_1g},
                                              {"l2", &sim::TlbConfig::l2},
                                              {"l2-1g", &sim::TlbConfig::l2_1g}}};

Result<sim::TlbGeometry> geometry(std::string_view key, std::string_view value) {
  constexpr std::string_view
      kRight = "sets x ways such as 16x4, perhaps with :lru, :plru, :fifo or :random, or none";
  constexpr std::uint32_t kMostEntries = 1U << 24;
  if (value == "none") return sim::TlbGeometry{0, 0};
  const std::vector<std::string_view> parts = split(value, ':');
  const std::vector<std::string_view> sizes = split(parts[0], 'x');
  sim::TlbGeometry g;
  if (parts.size() > 2 || sizes.size() != 2 || !parse_number(sizes[0], g.sets) ||
      !parse_number(sizes[1], g.ways) || g.sets == 0 || g.ways == 0 || g.ways > kMostEntries ||
      g.sets > kMostEntries / g.ways) {
    return wrong(key, value, kRight);
  }
  if (parts.size() == 1) return g;
  using sim::TlbReplacement;
  if (parts[1] == "lru") {
    g.replacement = TlbReplacement::Lru;
  } else if (parts[1] == "plru") {
    g.replacement = TlbReplacement::TreePlru;
  } else if (parts[1] == "fifo") {
    g.replacement = TlbReplacement::Fifo;
  } else if (parts[1] == "random") {
    g.replacement = TlbReplacement::Random;
  } else {
    return wrong(key, value, kRight);
  }
  return g;
}

Result<void> set_ram(MachineRequest& request, std::string_view value) {
  if (!value.empty() && value.back() == '%') {
    double percent = 0;
    if (!parse_number(value.substr(0, value.size() - 1), percent) || !(percent > 0) ||
        percent > 10'000) {
      return wrong("ram", value, "a percentage of the peak resident memory such as 50%");
    }
    request.ram_percent = percent;
    request.ram.reset();
    return {};
  }
  const Result<ByteCount> size = parse_size(value);
  if (!size || size->value < kLeastRam) {
    return wrong("ram", value, "a size of 256K or more such as 64M, or a percentage such as 50%");
  }
  request.ram = *size;
  request.ram_percent.reset();
  return {};
}

Result<void> set_swap(MachineRequest& request, std::string_view value) {
  if (value == "none") {
    request.swap = ByteCount(0);
    return {};
  }
  const Result<ByteCount> size = parse_size(value);
  if (!size) return wrong("swap", value, "a size such as 1G, or none");
  request.swap = *size;
  return {};
}

Result<void> set_policy(MachineRequest& request, std::string_view value) {
  const Result<policy::PolicySpec> spec = policy::parse_policy(value);
  if (!spec) return fail(Errno::Invalid, fmt::format("policy: {}", spec.error().message));
  const auto names = policy::policy_names();
  if (std::ranges::find(names, spec->name) == names.end()) {
    return wrong("policy", value, fmt::format("one of {}", fmt::join(names, ", ")));
  }
  request.config.policy = spec->text();
  return {};
}

Result<void> set_levels(MachineRequest& request, std::string_view value) {
  if (value != "4" && value != "5") return wrong("levels", value, "4 or 5");
  request.config.levels = request.config.cpu.levels = value == "4" ? 4 : 5;
  return {};
}

Result<void> set_cpu(MachineRequest& request, std::string_view value) {
  const std::optional<sim::CpuConfig> preset = cpu_preset(value);
  if (!preset) return wrong("cpu", value, fmt::format("one of {}", fmt::join(cpu_presets(), ", ")));
  const int levels = request.config.levels;
  request.config.cpu = *preset;
  request.config.cpu.levels = levels;
  return {};
}

// A choice of two words: true for the first.
Result<void> set_choice(bool& field, std::string_view key, std::string_view value,
                        std::string_view yes, std::string_view no) {
  if (value != yes && value != no) return wrong(key, value, fmt::format("{} or {}", yes, no));
  field = value == yes;
  return {};
}

Result<void> set_swappiness(MachineRequest& request, std::string_view value) {
  const Result<std::uint32_t> n = number_in("swappiness", value, 0, 200);
  PW_TRY(n);
  request.config.swappiness = request.config.linux_options.swappiness = static_cast<int>(*n);
  return {};
}

Result<void> set_model(MachineConfig& config, std::string_view value) {
  if (value != "policy" && value != "linux" && value != "linux-mglru") {
    return wrong("model", value, "policy, linux or linux-mglru");
  }
  config.model = value == "policy" ? MemoryModel::Policy : MemoryModel::Linux;
  config.linux_options.ageing = value == "linux-mglru" ? Ageing::Generations : Ageing::Lists;
  return {};
}

Result<void> set_group_limit(MachineConfig& config, std::string_view value) {
  const Result<ByteCount> size = parse_size(value);
  if (value != "none" && (!size || size->value < kLeastRam)) {
    return wrong("group-limit", value, "a size of 256K or more such as 64M, or none");
  }
  config.linux_options.limit_pages = value == "none" ? 0 : size->value >> kPageShift;
  return {};
}

Result<void> set_huge_pages(MachineConfig& config, std::string_view value) {
  if (value == "never") {
    config.linux_options.huge_pages = HugePages::Never;
  } else if (value == "madvise") {
    config.linux_options.huge_pages = HugePages::Madvise;
  } else if (value == "always") {
    config.linux_options.huge_pages = HugePages::Always;
  } else {
    return wrong("thp", value, "never, madvise or always");
  }
  return {};
}

Result<void> set_stat_flush(MachineConfig& config, std::string_view value) {
  double seconds = 0;
  if (!parse_number(value, seconds) || !(seconds > 0) || seconds > 1e6) {
    return wrong("stat-flush", value, "seconds such as 2 or 0.02");
  }
  config.linux_options.stat_flush_ns = static_cast<std::uint64_t>(std::llround(seconds * 1e9));
  return {};
}

Result<void> set_device(DeviceModel& model, std::string_view key, std::string_view value) {
  const Result<DeviceModel> found = device(key, value);
  PW_TRY(found);
  model = *found;
  return {};
}

Result<void> set_replacement(MachineConfig& config, std::string_view value) {
  if (value != "global" && value != "local") return wrong("replacement", value, "global or local");
  config.replacement = value == "local" ? Replacement::Local : Replacement::Global;
  return {};
}

Result<void> set_allocation(MachineConfig& config, std::string_view value) {
  if (value == "equal") {
    config.allocation = Allocation::Equal;
  } else if (value == "proportional") {
    config.allocation = Allocation::Proportional;
  } else if (value == "priority") {
    config.allocation = Allocation::Priority;
  } else {
    return wrong("allocation", value, "equal, proportional or priority");
  }
  return {};
}

Result<void> set_number(std::uint32_t& field, std::string_view key, std::string_view value,
                        std::uint32_t least, std::uint32_t most) {
  const Result<std::uint32_t> n = number_in(key, value, least, most);
  PW_TRY(n);
  field = *n;
  return {};
}

}  // namespace

Result<ByteCount> parse_size(std::string_view text) {
  constexpr std::string_view kUnits = "KMGTP";
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  unsigned shift = 0;
  if (!unit.empty() && unit != "B") {
    const std::size_t at = kUnits.find(
        static_cast<char>(unit[0] >= 'a' ? unit[0] - ('a' - 'A') : unit[0]));
    if (at != std::string_view::npos) shift = 10 * (static_cast<unsigned>(at) + 1);
    unit.remove_prefix(1);
    if (shift == 0 || (!unit.empty() && unit != "iB" && unit != "B")) {
      return wrong("size", text, "bytes, or a number with K, M, G or T, such as 64M");
    }
  }
  if (error != std::errc() || number > (kMost >> shift)) {
    return wrong("size", text, "bytes, or a number with K, M, G or T, such as 64M, up to 4096T");
  }
  return ByteCount(number << shift);
}

Result<void> apply_setting(MachineRequest& request, std::string_view key, std::string_view value) {
  MachineConfig& config = request.config;
  constexpr std::uint32_t kMostPrefetch = 1U << 16;
  if (key == "ram") return set_ram(request, value);
  if (key == "swap") return set_swap(request, value);
  if (key == "swap-device") return set_device(config.swap_device, key, value);
  if (key == "file-device") return set_device(config.file_device, key, value);
  if (key == "policy") return set_policy(request, value);
  if (key == "cpus") return set_number(config.cpus, key, value, 1, kMostCpus);
  if (key == "cpu") return set_cpu(request, value);
  if (key == "levels") return set_levels(request, value);
  if (key == "pcid") return set_choice(config.cpu.tlb.pcid, key, value, "on", "off");
  if (key == "kpti") return set_choice(config.kpti, key, value, "on", "off");
  if (key == "page-cache") return set_choice(config.cold_page_cache, key, value, "cold", "warm");
  if (key == "swappiness") return set_swappiness(request, value);
  if (key == "model") return set_model(config, value);
  if (key == "group-limit") return set_group_limit(config, value);
  if (key == "thp") return set_huge_pages(config, value);
  if (key == "page-cluster") {
    return set_number(config.linux_options.page_cluster, key, value, 0, 10);
  }
  if (key == "stat-flush") return set_stat_flush(config, value);
  if (key == "replacement") return set_replacement(config, value);
  if (key == "allocation") return set_allocation(config, value);
  if (key == "cluster") return set_number(config.page_out_cluster, key, value, 1, 256);
  if (key == "prefer-clean") return set_number(config.prefer_clean, key, value, 0, 1U << 20);
  if (key == "fault-around") {
    return set_number(config.prefetch.fault_around_pages, key, value, 1, kMostPrefetch);
  }
  if (key == "readahead") {
    return set_number(config.prefetch.file_readahead_pages, key, value, 1, kMostPrefetch);
  }
  if (key == "swap-readahead") {
    return set_number(config.prefetch.swap_readahead_pages, key, value, 1, kMostPrefetch);
  }
  if (key == "prepage") {
    return set_number(config.prefetch.prepage_pages, key, value, 1, kMostPrefetch);
  }
  for (const TlbArray& array : kTlbArrays) {
    if (array.name != key) continue;
    const Result<sim::TlbGeometry> g = geometry(key, value);
    PW_TRY(g);
    config.cpu.tlb.*array.member = *g;
    return {};
  }
  std::vector<std::string_view> keys;
  for (const SettingHelp& help : setting_help()) keys.push_back(help.key);
  return fail(Errno::Invalid,
              fmt::format("there is no setting '{}'; there are {}", key, fmt::join(keys, ", ")));
}

Result<void> apply_tlb(MachineRequest& request, std::string_view text) {
  for (const std::string_view item : split(text, ',')) {
    const std::size_t at = item.find('=');
    const bool known = std::any_of(kTlbArrays.begin(), kTlbArrays.end(),
                                   [&](const TlbArray& a) { return a.name == item.substr(0, at); });
    if (at == std::string_view::npos || !known) {
      return wrong("tlb", item,
                   "ARRAY=SETSxWAYS with an array of l1i, l1i-2m, l1i-1g, l1d, l1d-2m, l1d-1g, l2, "
                   "l2-1g, such as l1d=16x4,l2=256x8");
    }
    PW_TRY(apply_setting(request, item.substr(0, at), item.substr(at + 1)));
  }
  return {};
}

Result<std::vector<WhatIf>> parse_what_if(std::string_view text, const MachineRequest& base) {
  std::vector<WhatIf> columns;
  for (const std::string_view item : split(text, ',')) {
    WhatIf column{std::string(item), base};
    for (const std::string_view setting : split(item, '+')) {
      const std::size_t at = setting.find('=');
      if (at == std::string_view::npos) {
        return wrong("what-if", setting, "KEY=VALUE, such as ram=50% or ram=64M+policy=lru");
      }
      PW_TRY(apply_setting(column.request, setting.substr(0, at), setting.substr(at + 1)));
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

MachineConfig resolve(const MachineRequest& request, PageCount peak_resident) {
  MachineConfig config = request.config;
  if (request.ram) config.ram = *request.ram;
  if (request.ram_percent) {
    const double pages = static_cast<double>(peak_resident.value) * *request.ram_percent / 100;
    const auto whole = static_cast<std::uint64_t>(std::ceil(pages));
    config.ram = ByteCount(std::clamp(whole * kPageSize, kLeastRam, kMost));
  }
  // Enough that no program runs out of it which ran in plenty of RAM, and never a round zero.
  constexpr std::uint64_t kLeastSwap = 1ULL << 30;
  const bool limited = request.ram || request.ram_percent || config.linux_options.limit_pages > 0;
  const std::uint64_t need = 2 * peak_resident.value * kPageSize;
  config.swap = request.swap.value_or(ByteCount(limited ? std::max(kLeastSwap, need) : 0));
  return config;
}

MachineConfig unlimited(const MachineRequest& request) {
  MachineConfig config = request.config;
  config.ram = ByteCount(64ULL << 30);
  config.swap = ByteCount(0);
  return config;
}

const std::vector<SettingHelp>& setting_help() {
  static const std::vector<SettingHelp> help{
      {"ram", "SIZE|N%", "RAM; percent of the program's peak resident memory (16G)"},
      {"swap", "SIZE|none", "swap (none; as needed when ram is given)"},
      {"swap-device", "NAME", "ssd, hdd, nvme, zram, far (ssd)"},
      {"file-device", "NAME", "where files live, same names (ssd)"},
      {"model", "policy|linux|linux-mglru",
       "memory managed by a replacement policy, or as Linux does with its lists or with "
       "generations (policy)"},
      {"policy", "NAME[:OPTION=VALUE]", "page replacement (clock)"},
      {"group-limit", "SIZE|none", "model linux: limit of the memory group (none)"},
      {"thp", "never|madvise|always", "transparent huge pages (never)"},
      {"page-cluster", "N", "model linux: swap is read ahead by up to 2^N pages (3)"},
      {"stat-flush", "SECONDS", "model linux: age of the statistics reclaim goes by (2)"},
      {"cpus", "N", "CPUs, 1 to 64 (1)"},
      {"cpu", "PRESET", "TLBs, walk caches and costs of a real CPU"},
      {"levels", "4|5", "levels of the page tables (4)"},
      {"pcid", "on|off", "TLB entries survive a switch of address space (on)"},
      {"kpti", "on|off", "the kernel has page tables of its own (off)"},
      {"page-cache", "warm|cold", "files are in memory before the program starts, or not (warm)"},
      {"swappiness", "0..200", "anonymous against file pages in reclaim (one order for both)"},
      {"replacement", "global|local",
       "whose page goes: any, or the faulting process's own (global)"},
      {"allocation", "SCHEME", "local: equal, proportional (to mapped), priority (equal)"},
      {"cluster", "PAGES", "dirty neighbours written with a victim in one request; 1: off (1)"},
      {"prefer-clean", "PAGES", "dirty pages passed over in search of a clean victim; 0: off (0)"},
      {"fault-around", "PAGES", "file pages mapped around a read fault; 1: off (16)"},
      {"readahead", "PAGES", "window of sequential file reads; 1: off (32)"},
      {"swap-readahead", "PAGES", "cluster read from swap; 1: off (8)"},
      {"prepage", "PAGES", "anonymous pages mapped with one fault; 1: off (1)"},
      {"l1i", "SETSxWAYS", "instruction TLB; also l1i-2m, l1i-1g"},
      {"l1d", "SETSxWAYS", "data TLB; also l1d-2m, l1d-1g"},
      {"l2", "SETSxWAYS", "second-level TLB; also l2-1g"}};
  return help;
}

}  // namespace pw::tools
