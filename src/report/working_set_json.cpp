#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/working_set_report.hpp"

namespace pw::report {
namespace {

using Json = nlohmann::ordered_json;

Json taus_json(const analysis::WorkingSets& sets) {
  Json list = Json::array();
  for (std::size_t i = 0; i < sets.taus.size(); ++i) {
    list.push_back({{"tau", sets.taus[i]},
                    {"average_pages", sets.average(sets.taus[i])},
                    {"largest_pages", sets.largest(i)},
                    {"faults", sets.faults(sets.taus[i])},
                    {"pages", sets.sizes[i]}});
  }
  return list;
}

Json phases_json(const WorkingSetReport& report) {
  if (report.phase_window == 0) return nullptr;
  Json list = Json::array();
  for (const analysis::Phase& phase : report.phases) {
    list.push_back({{"begin", phase.begin},
                    {"end", phase.end},
                    {"pages", phase.pages},
                    {"transition", phase.transition}});
  }
  return {{"window", report.phase_window}, {"limit", report.phase_limit}, {"phases", list}};
}

}  // namespace

std::string working_set_json(const WorkingSetReport& report) {
  Json areas = Json::array();
  for (const analysis::AreaWorkingSet& area : report.sets.areas) {
    areas.push_back({{"name", area.name}, {"pages", area.pages}, {"average_pages", area.averages}});
  }
  const Json out{{"schema", "pagewright.workingset/1"},
                 {"input",
                  {{"name", report.input},
                   {"format", report.format},
                   {"command", report.command},
                   {"references", report.sets.references},
                   {"pages", report.pages},
                   {"filter_pages", report.sets.filter_pages},
                   {"inferred", report.inferred},
                   {"exact", report.sets.exact() && report.inferred == 0}}},
                 {"first_references", report.sets.first},
                 {"times", report.sets.times},
                 {"working_sets", taus_json(report.sets)},
                 {"areas", areas},
                 {"phases", phases_json(report)}};
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

std::string working_set_csv(const WorkingSetReport& report) {
  std::string text = "references";
  for (const std::uint64_t tau : report.sets.taus) text += fmt::format(",tau {}", tau);
  text += '\n';
  for (std::size_t k = 0; k < report.sets.times.size(); ++k) {
    text += fmt::to_string(report.sets.times[k]);
    for (const auto& sizes : report.sets.sizes) text += fmt::format(",{}", sizes[k]);
    text += '\n';
  }
  return text;
}

}  // namespace pw::report
