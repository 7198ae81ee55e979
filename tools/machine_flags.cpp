#include "tools/machine_flags.hpp"

#include <CLI/CLI.hpp>

namespace pw::tools {

void add_machine_flags(CLI::App& verb, MachineFlags& flags, bool with_what_if) {
  constexpr const char* kGroup = "The machine";
  for (const SettingHelp& help : setting_help()) {
    const std::string key(help.key);
    if (key == "pcid" || key.rfind("l1", 0) == 0 || key == "l2") continue;  // --no-pcid, --tlb
    verb.add_option_function<std::string>(
            "--" + key,
            [&flags, key](const std::string& value) { flags.settings.emplace_back(key, value); },
            std::string(help.meaning))
        ->type_name(std::string(help.values))
        ->group(kGroup);
  }
  verb.add_option("--tlb", flags.tlb, "TLB arrays: l1d=16x4,l2=256x8:plru,l1i=none ...")
      ->type_name("ARRAYS")
      ->group(kGroup);
  verb.add_flag("--no-pcid", flags.no_pcid, "a switch of address space empties the TLB")
      ->group(kGroup);
  if (with_what_if) {
    verb.add_option("--what-if", flags.what_if,
                    "machines side by side: ram=50%,ram=25%+policy=lru ...")
        ->type_name("MACHINES")
        ->group(kGroup);
  }
}

Result<Machines> machines(const MachineFlags& flags) {
  Machines result;
  const auto checked = [](Result<void> applied) -> Result<void> {
    if (applied) return {};
    return fail(applied.error().code, "--" + applied.error().message);
  };
  for (const auto& [key, value] : flags.settings) {
    PW_TRY(checked(apply_setting(result.base, key, value)));
  }
  // After --cpu, so that they change the preset.
  if (!flags.tlb.empty()) PW_TRY(checked(apply_tlb(result.base, flags.tlb)));
  if (flags.no_pcid) result.base.config.cpu.tlb.pcid = false;
  if (!flags.what_if.empty()) {
    Result<std::vector<WhatIf>> columns = parse_what_if(flags.what_if, result.base);
    if (!columns) return fail(Errno::Invalid, "--what-if: " + columns.error().message);
    result.what_if = std::move(*columns);
  }
  return result;
}

}  // namespace pw::tools
