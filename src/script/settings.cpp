#include "script/settings.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "policy/any_policy.hpp"
#include "script/diagnostic.hpp"

namespace pw::script {

namespace {

tl::unexpected<Error> not_so(std::string_view key, std::string_view value, std::string_view right) {
  return fail(Errno::Invalid,
              std::string(key) + " cannot be " + quoted(value) + ": write " + std::string(right));
}

std::optional<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t value = 0;
  if (text.empty() || text.size() > 18) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

// Settings that are a number in a field of the configuration.
struct NumberSetting {
  std::string_view key;
  std::uint32_t least, most;
  void (*set)(MachineConfig&, std::uint32_t);
};
constexpr std::uint32_t kMostPrefetch = 1U << 16;
constexpr NumberSetting kNumbers[] = {
    {"cpus", 1, 64, [](MachineConfig& c, std::uint32_t n) { c.cpus = n; }},
    {"levels", 4, 5,
     [](MachineConfig& c, std::uint32_t n) { c.levels = c.cpu.levels = static_cast<int>(n); }},
    {"swappiness", 0, 200,
     [](MachineConfig& c, std::uint32_t n) {
       c.swappiness = c.linux_options.swappiness = static_cast<int>(n);
     }},
    {"page-cluster", 0, 10,
     [](MachineConfig& c, std::uint32_t n) { c.linux_options.page_cluster = n; }},
    {"cluster", 1, 256, [](MachineConfig& c, std::uint32_t n) { c.page_out_cluster = n; }},
    {"prefer-clean", 0, 1U << 20, [](MachineConfig& c, std::uint32_t n) { c.prefer_clean = n; }},
    {"fault-around", 1, kMostPrefetch,
     [](MachineConfig& c, std::uint32_t n) { c.prefetch.fault_around_pages = n; }},
    {"readahead", 1, kMostPrefetch,
     [](MachineConfig& c, std::uint32_t n) { c.prefetch.file_readahead_pages = n; }},
    {"swap-readahead", 1, kMostPrefetch,
     [](MachineConfig& c, std::uint32_t n) { c.prefetch.swap_readahead_pages = n; }},
    {"prepage", 1, kMostPrefetch,
     [](MachineConfig& c, std::uint32_t n) { c.prefetch.prepage_pages = n; }},
    {"min-free", 0, 1U << 30, [](MachineConfig& c, std::uint32_t n) { c.min_free_pages = n; }},
    {"max-areas", 1, 1U << 20, [](MachineConfig& c, std::uint32_t n) { c.max_areas = n; }},
    {"overcommit-ratio", 0, 1'000,
     [](MachineConfig& c, std::uint32_t n) { c.overcommit_percent = n; }},
    {"frames", 1, 1U << 30, [](MachineConfig& c, std::uint32_t n) { c.resident_limit_pages = n; }},
    {"seed", 0, ~0U, [](MachineConfig& c, std::uint32_t n) { c.seed = n; }},
};

// Settings that are one of two or three words.
struct Choice {
  std::string_view key;
  std::string_view words[4];
  void (*set)(MachineConfig&, std::size_t);
};
constexpr Choice kChoices[] = {
    {"model",
     {"policy", "linux", "linux-mglru"},
     [](MachineConfig& c, std::size_t n) {
       c.model = n == 0 ? MemoryModel::Policy : MemoryModel::Linux;
       c.linux_options.ageing = n == 2 ? Ageing::Generations : Ageing::Lists;
     }},
    {"pcid", {"off", "on"}, [](MachineConfig& c, std::size_t n) { c.cpu.tlb.pcid = n == 1; }},
    {"kpti", {"off", "on"}, [](MachineConfig& c, std::size_t n) { c.kpti = n == 1; }},
    {"kernel-map", {"off", "on"}, [](MachineConfig& c, std::size_t n) { c.kernel_map = n == 1; }},
    {"aslr", {"off", "on"}, [](MachineConfig& c, std::size_t n) { c.aslr = n == 1; }},
    {"lazy-fork", {"off", "on"}, [](MachineConfig& c, std::size_t n) { c.lazy_fork = n == 1; }},
    {"page-cache",
     {"warm", "cold"},
     [](MachineConfig& c, std::size_t n) { c.cold_page_cache = n == 1; }},
    {"bits", {"64", "32"}, [](MachineConfig& c, std::size_t n) { c.bits32 = n == 1; }},
    {"replacement",
     {"global", "local"},
     [](MachineConfig& c, std::size_t n) { c.replacement = static_cast<Replacement>(n); }},
    {"thp",
     {"never", "madvise", "always"},
     [](MachineConfig& c, std::size_t n) {
       c.linux_options.huge_pages = static_cast<HugePages>(n);
     }},
    {"overcommit",
     {"heuristic", "always", "never"},
     [](MachineConfig& c, std::size_t n) { c.overcommit = static_cast<Overcommit>(n); }},
    {"allocation",
     {"equal", "proportional", "priority"},
     [](MachineConfig& c, std::size_t n) { c.allocation = static_cast<Allocation>(n); }},
};

struct DeviceSetting {
  std::string_view key;
  DeviceModel MachineConfig::*field;
};
constexpr DeviceSetting kDeviceSettings[] = {{"swap-device", &MachineConfig::swap_device},
                                             {"file-device", &MachineConfig::file_device}};
constexpr DeviceModel kDevices[] = {kSsd, kHdd, kNvme, kZram, kFarMemory};

struct TlbSetting {
  std::string_view key;
  sim::TlbGeometry sim::TlbConfig::*field;
};
constexpr TlbSetting kTlbs[] = {
    {"l1i", &sim::TlbConfig::l1i_4k},    {"l1i-2m", &sim::TlbConfig::l1i_2m},
    {"l1i-1g", &sim::TlbConfig::l1i_1g}, {"l1d", &sim::TlbConfig::l1d_4k},
    {"l1d-2m", &sim::TlbConfig::l1d_2m}, {"l1d-1g", &sim::TlbConfig::l1d_1g},
    {"l2", &sim::TlbConfig::l2},         {"l2-1g", &sim::TlbConfig::l2_1g},
};

// "16x4", "256x8:plru", "none".
Result<sim::TlbGeometry> geometry(std::string_view key, std::string_view value) {
  constexpr std::string_view
      kRight = "sets x ways such as 16x4, perhaps with :lru, :plru, :fifo or :random, or none";
  constexpr std::uint64_t kMostEntries = 1U << 16;
  if (value == "none") return sim::TlbGeometry{0, 0};
  const std::size_t colon = value.find(':');
  const std::string_view sizes = value.substr(0, colon);
  const std::size_t times = sizes.find('x');
  if (times == std::string_view::npos) return not_so(key, value, kRight);
  const auto sets = decimal(sizes.substr(0, times)), ways = decimal(sizes.substr(times + 1));
  if (!sets || !ways || *sets == 0 || *ways == 0 || *ways > kMostEntries ||
      *sets > kMostEntries / *ways) {
    return not_so(key, value, kRight);
  }
  sim::TlbGeometry made{static_cast<std::uint32_t>(*sets), static_cast<std::uint32_t>(*ways)};
  if (colon == std::string_view::npos) return made;
  const std::string_view word = value.substr(colon + 1);
  if (word == "plru") {
    made.replacement = sim::TlbReplacement::TreePlru;
  } else if (word == "fifo") {
    made.replacement = sim::TlbReplacement::Fifo;
  } else if (word == "random") {
    made.replacement = sim::TlbReplacement::Random;
  } else if (word != "lru") {
    return not_so(key, value, kRight);
  }
  return made;
}

// "l1d=16x4,l2=256x8:plru", as the command line's --tlb.
Result<void> set_tlb(MachineConfig& config, std::string_view value) {
  while (true) {
    const std::size_t comma = value.find(',');
    const std::string_view item = value.substr(0, comma);
    const std::size_t equals = item.find('=');
    const auto known = std::find_if(std::begin(kTlbs), std::end(kTlbs), [&](const TlbSetting& t) {
      return t.key == item.substr(0, equals);
    });
    if (equals == std::string_view::npos || known == std::end(kTlbs)) {
      return not_so("tlb", item, "arrays such as l1d=16x4,l2=256x8:plru");
    }
    const auto made = geometry(known->key, item.substr(equals + 1));
    if (!made) return tl::unexpected(made.error());
    config.cpu.tlb.*(known->field) = *made;
    if (comma == std::string_view::npos) return {};
    value.remove_prefix(comma + 1);
  }
}

constexpr std::uint64_t kLeastRam = 64 * kPageSize;
constexpr std::uint64_t kMostMemory = 1ULL << 40;

Result<void> set_memory(MachineConfig& config, std::string_view key, std::string_view value) {
  const bool ram = key == "ram";
  if (!ram && value == "none") {
    config.swap = ByteCount(0);
    return {};
  }
  const Result<std::uint64_t> size = parse_size(value);
  if (!size || *size > kMostMemory || (ram && *size < kLeastRam)) {
    return not_so(
        key, value,
        ram ? "a size from 256K to 1T such as 64M" : "a size up to 1T such as 64M, or none");
  }
  (ram ? config.ram : config.swap) = ByteCount(*size & ~(kPageSize - 1));
  return {};
}

Result<void> set_group_limit(MachineConfig& config, std::string_view value) {
  const Result<std::uint64_t> size = parse_size(value);
  if (value != "none" && (!size || *size > kMostMemory || *size < kLeastRam)) {
    return not_so("group-limit", value, "a size from 256K to 1T such as 1M, or none");
  }
  config.linux_options.limit_pages = value == "none" ? 0 : *size >> kPageShift;
  return {};
}

Result<void> set_policy(MachineConfig& config, std::string_view value) {
  const std::string_view name = value.substr(0, value.find(':'));
  std::vector<std::string_view> names;
  std::string all;
  for (const auto& known : policy::policy_names()) {
    names.push_back(known);
    all += (all.empty() ? "" : ", ") + std::string(known);
  }
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return fail(Errno::Invalid, "there is no policy " + quoted(name) + did_you_mean(name, names) +
                                    " (" + all + ")");
  }
  const Result<policy::PolicySpec> spec = policy::parse_policy(value);
  if (!spec) return fail(Errno::Invalid, spec.error().message);
  config.policy = value;
  return {};
}

template <class Choices>
std::string one_of(const Choices& words) {
  std::string text;
  for (const std::string_view word : words) {
    if (!word.empty()) text += (text.empty() ? "" : " or ") + std::string(word);
  }
  return text;
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const auto count = decimal(text.substr(0, digits));
  std::string_view unit = text.substr(digits);
  unsigned shift = 0;
  if (!unit.empty() && unit != "B") {
    constexpr std::string_view kUnits = "KMGT";
    const std::size_t at = kUnits.find(unit[0]);
    shift = unit[0] == 'P' ? kPageShift : 10 * (static_cast<unsigned>(at) + 1);
    if (unit[0] != 'P' && at == std::string_view::npos) shift = 64;
    if (unit.size() > 1 && (unit.substr(1) != "iB" || unit[0] == 'P')) shift = 64;
  }
  if (!count || shift >= 64 || *count > ~std::uint64_t{0} >> shift) {
    return fail(Errno::Invalid, "write a size such as 64M");
  }
  return *count << shift;
}

MachineConfig default_machine() {
  MachineConfig config;
  config.ram = ByteCount(256ULL << 20);
  config.overcommit = Overcommit::Heuristic;  // as Linux does by default
  config.signals_kill = false;
  return config;
}

std::vector<std::string_view> setting_names() {
  std::vector<std::string_view> names = {"ram", "swap", "group-limit", "policy", "tlb"};
  for (const NumberSetting& setting : kNumbers) names.push_back(setting.key);
  for (const Choice& setting : kChoices) names.push_back(setting.key);
  for (const DeviceSetting& setting : kDeviceSettings) names.push_back(setting.key);
  for (const TlbSetting& setting : kTlbs) names.push_back(setting.key);
  return names;
}

Result<void> apply_setting(MachineConfig& config, std::string_view key, std::string_view value) {
  if (key == "ram" || key == "swap") return set_memory(config, key, value);
  if (key == "group-limit") return set_group_limit(config, value);
  if (key == "policy") return set_policy(config, value);
  if (key == "tlb") return set_tlb(config, value);
  for (const NumberSetting& setting : kNumbers) {
    if (setting.key != key) continue;
    const auto n = decimal(value);
    if (!n || *n < setting.least || *n > setting.most) {
      return not_so(
          key, value,
          "a number from " + in_decimal(setting.least) + " to " + in_decimal(setting.most));
    }
    setting.set(config, static_cast<std::uint32_t>(*n));
    return {};
  }
  for (const Choice& setting : kChoices) {
    if (setting.key != key) continue;
    const auto* end = std::end(setting.words);
    const auto* found = std::find(std::begin(setting.words), end, value);
    if (found == end || value.empty()) return not_so(key, value, one_of(setting.words));
    setting.set(config, static_cast<std::size_t>(found - std::begin(setting.words)));
    return {};
  }
  for (const DeviceSetting& setting : kDeviceSettings) {
    if (setting.key != key) continue;
    for (const DeviceModel& device : kDevices) {
      if (device.name != value) continue;
      config.*(setting.field) = device;
      return {};
    }
    return not_so(key, value, "ssd, hdd, nvme, zram or far");
  }
  for (const TlbSetting& setting : kTlbs) {
    if (setting.key == key) return set_tlb(config, std::string(key) + '=' + std::string(value));
  }
  return fail(Errno::Invalid,
              "a machine has no " + quoted(key) + did_you_mean(key, setting_names()));
}

Result<MachineConfig> machine_of(const Program& program) {
  MachineConfig config = default_machine();
  for (const Setting& setting : program.machine) {
    const Result<void> applied = apply_setting(config, setting.key, setting.value);
    if (!applied) return wrong(setting.place, {}, applied.error().message);
  }
  return config;
}

}  // namespace pw::script
