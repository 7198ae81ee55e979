// pagewright doctor: what this host can do, and how to enable the rest.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "report/table.hpp"
#include "tools/console.hpp"
#include "tools/host_checks.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

std::string as_text(const std::vector<HostCheck>& checks) {
  using report::Align;
  report::Table table({Align::Left, Align::Left, Align::Left});
  for (const HostCheck& c : checks) {
    table.row({c.name, c.ok ? "ok" : "no", c.found});
    table.row({"", "", "for " + c.serves});
    if (!c.ok) table.row({"", "", "enable: " + c.enable});
  }
  return table.text();
}

std::string as_json(const std::vector<HostCheck>& checks) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const HostCheck& c : checks) {
    list.push_back({{"name", c.name},
                    {"ok", c.ok},
                    {"found", c.found},
                    {"serves", c.serves},
                    {"enable", c.enable}});
  }
  const nlohmann::ordered_json out{{"schema", "pagewright.doctor/1"}, {"checks", list}};
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace

void add_doctor(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("doctor", "what this host can do and how to enable the rest");
  auto json = std::make_shared<bool>(false);
  verb->add_flag("--json", *json, "as JSON, schema pagewright.doctor/1");
  verb->footer("Exit status 1 if no recorder works.\n\nExample:\n  pagewright doctor");
  verb->callback([json, &call] {
    const std::vector<HostCheck> checks = check_host();
    const bool can_record = std::any_of(checks.begin(), checks.begin() + 2,
                                        [](const HostCheck& c) { return c.ok; });
    call.status = can_record ? kOk : kFailed;
    const auto written = write_result("", *json ? as_json(checks) : as_text(checks), false);
    if (!written) call.status = give_up(written.error());
  });
}

}  // namespace pw::tools
