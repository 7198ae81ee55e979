#include "tools/cpu_presets.hpp"

#include <nlohmann/json.hpp>

#include "base/check.hpp"
#include "embedded/cpus_json.hpp"

namespace pw::tools {
namespace {

using nlohmann::json;

const json& presets() {
  static const json list = json::parse(embedded::cpus_json).at("cpus");
  return list;
}

sim::TlbReplacement replacement(const std::string& name) {
  if (name == "plru") return sim::TlbReplacement::TreePlru;
  if (name == "random") return sim::TlbReplacement::Random;
  if (name == "fifo") return sim::TlbReplacement::Fifo;
  PW_CHECK_MSG(name == "lru", "data/cpus.json names an unknown replacement");
  return sim::TlbReplacement::Lru;
}

sim::TlbGeometry geometry(const json& from) {
  return {from.at("sets"), from.at("ways"), replacement(from.value("replacement", "lru"))};
}

sim::CpuConfig config(const json& preset) {
  sim::CpuConfig cpu;
  const json& tlb = preset.at("tlb");
  cpu.tlb = {geometry(tlb.at("l1i_4k")), geometry(tlb.at("l1i_2m")), geometry(tlb.at("l1i_1g")),
             geometry(tlb.at("l1d_4k")), geometry(tlb.at("l1d_2m")), geometry(tlb.at("l1d_1g")),
             geometry(tlb.at("l2")),     geometry(tlb.at("l2_1g")),  tlb.at("pcid")};
  const json& walk = preset.at("walk_cache");
  cpu.walk_cache = {walk.at("level2"), walk.at("level3"), walk.at("level4"), walk.at("level5")};
  const json& costs = preset.at("costs");
  cpu.costs = {costs.at("reference_ps"), costs.at("l2_tlb_hit_ps"), costs.at("walk_reference_ps"),
               costs.at("shootdown_ipi_ps"), costs.at("space_switch_ps")};
  return cpu;
}

}  // namespace

std::vector<std::string> cpu_presets() {
  std::vector<std::string> names;
  for (const json& preset : presets()) names.push_back(preset.at("name"));
  return names;
}

std::optional<sim::CpuConfig> cpu_preset(std::string_view name) {
  for (const json& preset : presets()) {
    if (preset.at("name") == name) return config(preset);
  }
  return std::nullopt;
}

}  // namespace pw::tools
