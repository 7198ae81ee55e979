#include <nlohmann/json.hpp>

#include "report/diff.hpp"
#include "report/json.hpp"
#include "report/page_pack.hpp"
#include "report/stack_names.hpp"

namespace pw::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kListed = 300;  // areas and call sites on a page
constexpr const char* kSchema = "pagewright.diff/1";

const char* unit_name(Unit unit) {
  switch (unit) {
    case Unit::Count:
      return "count";
    case Unit::Pages:
      return "pages";
    case Unit::Ns:
      return "ns";
    case Unit::Ratio:
      return "ratio";
  }
  return "";
}

Json amounts_json(bool there, const Amounts& amounts) {
  if (!there) return nullptr;
  return {{"faults", amounts.faults},
          {"major", amounts.major},
          {"touched_pages", amounts.touched_pages},
          {"resident_peak_pages", amounts.resident_peak}};
}

Json changes_json(const std::vector<Change>& changes, std::size_t most) {
  Json list = Json::array();
  for (const Change& change : changes) {
    if (list.size() == most) break;
    Json one{{"name", page_name(change.name)}};
    if (!change.other.empty()) one["name_b"] = page_name(change.other);
    one["a"] = amounts_json(change.in_a, change.a);
    one["b"] = amounts_json(change.in_b, change.b);
    list.push_back(std::move(one));
  }
  return list;
}

Json figures_json(const Diff& diff) {
  Json list = Json::array();
  for (const Figure& figure : diff.figures) {
    Json one{{"key", figure.key},
             {"unit", unit_name(figure.unit)},
             {"a", figure.a},
             {"b", figure.b},
             {"difference", figure.b - figure.a}};
    one["percent"] = figure.a == 0 ? Json(nullptr) : Json((figure.b - figure.a) / figure.a * 100);
    list.push_back(std::move(one));
  }
  return list;
}

Json common(const Diff& diff, std::size_t most) {
  return {{"schema", kSchema},
          {"files", {page_name(diff.sides[0].file), page_name(diff.sides[1].file)}},
          {"figures", figures_json(diff)},
          {"areas", changes_json(diff.areas, most)},
          {"call_sites", changes_json(diff.sites, most)},
          {"notes", diff.notes}};
}

}  // namespace

std::string diff_json(const Diff& diff) {
  Json out = common(diff, ~std::size_t{0});
  out["a"] = Json::parse(json(diff.sides[0].report));
  out["b"] = Json::parse(json(diff.sides[1].report));
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string diff_page(const Diff& diff, const std::array<std::string, 2>& pages) {
  PagePack pack;
  pack.meta = common(diff, kListed);
  pack.meta["areas_in_all"] = diff.areas.size();
  pack.meta["call_sites_in_all"] = diff.sites.size();
  pack.add("a", std::vector<std::uint8_t>(pages[0].begin(), pages[0].end()));
  pack.add("b", std::vector<std::uint8_t>(pages[1].begin(), pages[1].end()));
  return pack.bytes();
}

}  // namespace pw::report
