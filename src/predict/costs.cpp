#include "predict/costs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace pw::predict {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::string_view kSchema = "pagewright.costs/1";
constexpr std::uintmax_t kMostBytes = 1 << 20;

constexpr std::array kFields{
    CostField{"anon_fault", &Costs::anon_fault, "fault on fresh anonymous memory, page zeroed"},
    CostField{"zero_page_fault", &Costs::zero_page_fault, "read of fresh memory: the zero page"},
    CostField{"copy_fault", &Costs::copy_fault, "copy on write"},
    CostField{"reuse_fault", &Costs::reuse_fault, "write to a page that nobody shares any more"},
    CostField{"file_fault", &Costs::file_fault, "fault on a cached page of a file"},
    CostField{"file_page", &Costs::file_page, "each further page mapped by that fault"},
    CostField{"file_request", &Costs::file_request, "read that waits for the disk, CPU time"},
    CostField{"file_read", &Costs::file_read, "each page read by itself, CPU time"},
    CostField{"file_read_large", &Costs::file_read_large, "each page read in large folios"},
    CostField{"file_free", &Costs::file_free, "page of a file that reclaim frees"},
    CostField{"huge_fault", &Costs::huge_fault, "fault that brings a huge page, zeroed"},
    CostField{"fork_process", &Costs::fork_process, "fork, exit and wait of a small process"},
    CostField{"fork_page", &Costs::fork_page, "each resident page of the parent"},
    CostField{"zram_read", &Costs::zram_read, "page from zram, cheap to compress"},
    CostField{"zram_write", &Costs::zram_write, "page to zram, cheap to compress"},
    CostField{"zram_write_huge", &Costs::zram_write_huge, "the same, each page of a huge one"},
    CostField{"zram_read_effort", &Costs::zram_read_effort, "reading, each 1,000 of effort"},
    CostField{"zram_read_copied", &Costs::zram_read_copied,
              "reading, each 1,000 bytes copied singly"},
    CostField{"zram_write_effort", &Costs::zram_write_effort, "writing, each 1,000 of effort"},
    CostField{"look", &Costs::look, "page that reclaim looks at and keeps"},
    CostField{"disk_read", &Costs::disk_read, "4 KiB read somewhere in a file"},
    CostField{"disk_page", &Costs::disk_page, "each page of a long read in order"},
    CostField{"disk_write_page", &Costs::disk_write_page, "each page of a long write in order"},
    CostField{"cache_load", &Costs::cache_load, "load from 2 MiB of memory"},
    CostField{"memory_load", &Costs::memory_load, "load from RAM, translation at hand"},
    CostField{"walk", &Costs::walk, "added by a TLB miss, 4 KiB pages"},
    CostField{"huge_walk", &Costs::huge_walk, "added by a TLB miss, 2 MiB pages"},
};

// Error: what is wrong with it.
Result<Cost> cost_from(const Json& value, std::string_view name) {
  Cost cost;
  cost.measured = true;
  const std::pair<const char*, double*> members[] = {
      {"ns", &cost.ns}, {"low", &cost.low}, {"high", &cost.high}};
  for (const auto& [member, into] : members) {
    const bool there = value.is_object() && value.contains(member) && value[member].is_number();
    if (there) *into = value[member].get<double>();
    if (!there || !std::isfinite(*into) || *into < 0) {
      return fail(Errno::Invalid, fmt::format("the cost {} needs a number {}", name, member));
    }
  }
  return cost;
}

Result<std::string> text_of(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::file_size(path, ignored) > kMostBytes) {
    return fail(Errno::Invalid, path + " is no file of costs");
  }
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) return fail(Errno::Io, "cannot read " + path);
  return text;
}

}  // namespace

std::span<const CostField> cost_fields() { return kFields; }

bool any_measured(const Costs& costs) {
  return std::any_of(kFields.begin(), kFields.end(),
                     [&](const CostField& field) { return (costs.*field.member).measured; });
}

std::string to_json(const Costs& costs) {
  Json list = Json::object();
  for (const CostField& field : kFields) {
    const Cost& cost = costs.*field.member;
    if (!cost.measured) continue;
    list[std::string(field.name)] = {{"ns", cost.ns}, {"low", cost.low}, {"high", cost.high}};
  }
  const Json out{{"schema", kSchema}, {"host", costs.host}, {"costs", list}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

Result<Costs> costs_from_json(std::string_view text) {
  const Json in = Json::parse(text, nullptr, false);
  if (!in.is_object() || !in.contains("schema") || in["schema"] != kSchema ||
      !in.contains("costs") || !in["costs"].is_object()) {
    return fail(Errno::Invalid, fmt::format("no costs of schema {}", kSchema));
  }
  Costs costs;
  if (in.contains("host") && in["host"].is_string()) costs.host = in["host"].get<std::string>();
  for (const CostField& field : kFields) {
    const auto found = in["costs"].find(std::string(field.name));
    if (found == in["costs"].end()) continue;
    const Result<Cost> cost = cost_from(*found, field.name);
    if (!cost) return tl::unexpected(cost.error());
    costs.*field.member = *cost;
  }
  return costs;
}

Effort effort_of(const record::Contents& contents) {
  if (contents.pages == 0) return {};
  // Between the look and the swapping pages change, and which are swapped is no fair sample.
  constexpr double kUnsure = 0.25;
  const double each = contents.effort_each();
  return {each, each * (1 - kUnsure), each * (1 + kUnsure), contents.copied_each()};
}

double zram_write_ns(const Costs& costs, PageWork page, double Cost::*figure) {
  return costs.zram_write.*figure + costs.zram_write_effort.*figure * page.effort / 1000;
}
double zram_read_ns(const Costs& costs, PageWork page, double Cost::*figure) {
  return costs.zram_read.*figure + costs.zram_read_effort.*figure * page.effort / 1000 +
         costs.zram_read_copied.*figure * page.copied / 1000;
}

void apply(const Costs& costs, SwapKind swap, PageWork page, MachineConfig& machine) {
  // A fault that swaps in does what any does, and then the device's part.
  const double enter = costs.zero_page_fault.ns;
  const auto whole = [](double ns) { return static_cast<std::uint64_t>(std::max(ns, 0.0)); };
  machine.costs.minor_ns = whole(costs.anon_fault.ns);
  machine.costs.copy_ns = whole(costs.copy_fault.ns - costs.anon_fault.ns);
  machine.costs.major_ns = whole(enter);
  machine.costs.reclaim_page_ns = whole(costs.look.ns);
  machine.costs.huge_page_ns = whole(costs.huge_fault.ns - costs.anon_fault.ns);
  machine.costs.around_page_ns = whole(costs.file_page.ns);
  machine.costs.file_request_ns = whole(costs.file_request.ns);
  machine.costs.file_folio_ns = whole(costs.file_read.ns - costs.file_read_large.ns);
  machine.costs.file_page_ns = whole(std::min(costs.file_read.ns, costs.file_read_large.ns));
  machine.costs.file_free_ns = whole(costs.file_free.ns);
  DeviceModel disk = machine.file_device;
  disk.read_ns = whole(costs.disk_read.ns - costs.disk_page.ns);
  disk.write_ns = disk.read_ns;  // a small write is answered like a small read
  disk.per_page_ns = whole(costs.disk_page.ns);
  machine.swap_device = disk;
  // What was waited for there has the CPU's part in it.
  disk.read_ns = whole(costs.disk_read.ns - costs.disk_page.ns - costs.file_request.ns);
  // What moves a page is shared: ten writes of 4 MiB that are handed in together end together,
  // after as long as 40 MiB take.
  disk.channels = 1;
  machine.file_device = disk;
  if (swap != SwapKind::Zram) return;
  // What was measured as the way out contains the look that finds the page fit to go.
  machine.swap_device = kZram;
  machine.swap_device.read_ns = whole(zram_read_ns(costs, page) - enter);
  // A huge page goes as a whole: that its pages take less is what small ones take beside the
  // device.
  const double way = costs.zram_write.ns - costs.look.ns;
  const double alone = std::clamp(costs.zram_write.ns - costs.zram_write_huge.ns - costs.look.ns,
                                  0.0, std::max(way, 0.0));
  machine.costs.swap_out_ns = whole(alone);
  machine.swap_device.write_ns = whole(zram_write_ns(costs, page) - costs.look.ns - alone);
}

std::string default_costs_path() {
  const auto folder = [](const char* variable, const char* below) -> std::string {
    const char* value = std::getenv(variable);
    return value == nullptr || *value != '/' ? "" : std::string(value) + below;
  };
  std::string parent = folder("XDG_CONFIG_HOME", "");
  if (parent.empty()) parent = folder("HOME", "/.config");
  return parent.empty() ? "" : parent + "/pagewright/costs.json";
}

Result<LoadedCosts> load_costs(const std::string& path) {
  const std::string file = path.empty() ? default_costs_path() : path;
  std::error_code ignored;
  if (file.empty() || !std::filesystem::exists(file, ignored)) {
    if (!path.empty()) return fail(Errno::NoEntry, "there is no file " + path);
    return LoadedCosts{{}, "default costs; 'pagewright calibrate' measures this host's"};
  }
  const Result<std::string> text = text_of(file);
  if (!text) return tl::unexpected(text.error());
  Result<Costs> costs = costs_from_json(*text);
  if (!costs) return fail(costs.error().code, file + ": " + costs.error().message);
  LoadedCosts loaded{std::move(*costs), ""};
  loaded.source = fmt::format("costs measured on {} ({})",
                              loaded.costs.host.empty() ? "a host" : loaded.costs.host, file);
  return loaded;
}

}  // namespace pw::predict
