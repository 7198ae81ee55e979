// Machines as users write them: settings "key=value" that make a MachineConfig, the same for the
// options of run, replay and report and for the columns of --what-if. Errors are Invalid with a
// sentence that says what is wrong and what would be right.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/units.hpp"
#include "machine/config.hpp"

namespace pw::tools {

struct MachineRequest {
  MachineRequest() { config.contents = Contents::MetadataOnly; }

  MachineConfig config;  // its ram counts if neither ram nor ram_percent is given
  std::optional<ByteCount> ram;
  std::optional<double> ram_percent;  // of the program's peak resident memory
  std::optional<ByteCount> swap;      // not given: as much as it takes where ram is limited
};

// Bytes: a number, then B, K, M, G, T or KiB, MiB, GiB, TiB (powers of 1024), or nothing.
Result<ByteCount> parse_size(std::string_view text);

// One setting. Keys: see setting_help().
Result<void> apply_setting(MachineRequest& request, std::string_view key, std::string_view value);

// TLB arrays, comma between them: "l1d=16x4,l2=256x8:plru" is sets x ways and the replacement.
Result<void> apply_tlb(MachineRequest& request, std::string_view text);

struct WhatIf {
  std::string label;
  MachineRequest request;
};

// "ram=50%,ram=25%+policy=lru": one machine for each comma item, settings joined by +, each machine
// like `base` but for these.
Result<std::vector<WhatIf>> parse_what_if(std::string_view text, const MachineRequest& base);

// The machine to build. `peak_resident`: what the program reaches with plenty of RAM; needed if
// ram_percent is given.
MachineConfig resolve(const MachineRequest& request, PageCount peak_resident);

// A machine on which RAM is no concern, otherwise as requested.
MachineConfig unlimited(const MachineRequest& request);

struct SettingHelp {
  std::string_view key;
  std::string_view values;
  std::string_view meaning;
};
const std::vector<SettingHelp>& setting_help();

}  // namespace pw::tools
