#include "predict/truth_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace pw::predict {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::string_view kSchema = "pagewright.truth/1";
constexpr double kMost = 1e18;  // no figure is larger; keeps conversions defined

constexpr std::pair<SwapKind, std::string_view> kSwapKinds[] = {
    {SwapKind::None, "none"}, {SwapKind::Zram, "zram"}, {SwapKind::Ssd, "ssd"}};
constexpr std::pair<HugePages, std::string_view> kHugePages[] = {
    {HugePages::Never, "never"}, {HugePages::Madvise, "madvise"}, {HugePages::Always, "always"}};

template <class Table, class Kind>
std::string_view name_in(const Table& table, Kind kind) {
  for (const auto& [value, name] : table) {
    if (value == kind) return name;
  }
  return "";
}

template <class Kind, class Table>
std::optional<Kind> kind_in(const Table& table, std::string_view name) {
  for (const auto& [value, known] : table) {
    if (known == name) return value;
  }
  return std::nullopt;
}

Json as_json(const TruthRow& row) {
  Json figures = Json::object();
  for (std::size_t q = 0; q < kQuantities; ++q) {
    const Figure& figure = row.figures[q];
    figures[std::string(quantities()[q].name)] = {
        {"median", figure.median}, {"low", figure.low}, {"high", figure.high}};
  }
  const Conditions& c = row.conditions;
  return {{"percent", row.percent},
          {"limit_bytes", c.limit_bytes},
          {"ageing", name_of(c.ageing)},
          {"huge_pages", name_of(c.huge_pages)},
          {"swap", name_of(c.swap)},
          {"swappiness", c.swappiness},
          {"page_cluster", c.page_cluster},
          {"readahead_pages", c.readahead_pages},
          {"stat_flush_ns", c.stat_flush_ns},
          {"cpus", c.cpus},
          {"runs", row.runs},
          {"killed", row.killed},
          {"late", row.late},
          {"oom_victim", row.oom_victim},
          {"figures", figures}};
}

// Reads members of an object and remembers the first that is not as it should be.
class Reader {
 public:
  Reader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) wrong_ = where_ + " is no object";
  }

  double number(const char* name) {
    const Json* value = member(name);
    if (value == nullptr || !value->is_number()) return missing(name, "a number"), 0;
    const double got = value->get<double>();
    if (!(std::abs(got) <= kMost)) return missing(name, "a number of sensible size"), 0;
    return got;
  }
  // Not negative.
  template <class T>
  T whole(const char* name) {
    const double got = number(name);
    const bool fits = got >= 0 && got <= static_cast<double>(std::numeric_limits<T>::max());
    if (!fits) return missing(name, "a whole number"), T{};
    const Json* value = member(name);
    return value != nullptr && value->is_number_unsigned() ? value->template get<T>()
                                                           : static_cast<T>(got);
  }
  std::string text(const char* name) {
    const Json* value = member(name);
    if (value == nullptr || !value->is_string()) return missing(name, "a text"), "";
    return value->get<std::string>();
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> all;
    for (const Json& value : list(name)) {
      if (!value.is_string()) missing(name, "a list of texts");
      all.push_back(value.is_string() ? value.get<std::string>() : "");
    }
    return all;
  }
  const Json& list(const char* name) {
    static const Json kEmpty = Json::array();
    const Json* value = member(name);
    if (value == nullptr || !value->is_array()) return missing(name, "a list"), kEmpty;
    return *value;
  }
  const Json& object(const char* name) {
    static const Json kEmpty = Json::object();
    const Json* value = member(name);
    if (value == nullptr || !value->is_object()) return missing(name, "an object"), kEmpty;
    return *value;
  }
  void missing(const char* name, const char* what) {
    if (wrong_.empty()) wrong_ = fmt::format("{} needs {} as '{}'", where_, what, name);
  }
  const std::string& wrong() const { return wrong_; }

 private:
  const Json* member(const char* name) const {
    const auto found = object_.is_object() ? object_.find(name) : object_.end();
    return found == object_.end() ? nullptr : &*found;
  }

  const Json& object_;
  std::string where_;
  std::string wrong_;
};

Result<TruthRow> row_from(const Json& json) {
  Reader in(json, "a row");
  TruthRow row;
  row.percent = in.number("percent");
  row.conditions.limit_bytes = in.whole<std::uint64_t>("limit_bytes");
  if (json.contains("ageing")) {  // older files do not have it
    const auto kind = ageing(in.text("ageing"));
    if (!kind) in.missing("ageing", "linux or linux-mglru");
    row.conditions.ageing = kind.value_or(Ageing::Lists);
  }
  const auto huge = huge_pages(in.text("huge_pages"));
  const auto swap = swap_kind(in.text("swap"));
  if (!huge) in.missing("huge_pages", "never, madvise or always");
  if (!swap) in.missing("swap", "none, zram or ssd");
  row.conditions.huge_pages = huge.value_or(HugePages::Never);
  row.conditions.swap = swap.value_or(SwapKind::None);
  row.conditions.swappiness = in.whole<int>("swappiness");
  row.conditions.page_cluster = in.whole<std::uint32_t>("page_cluster");
  if (json.contains("readahead_pages")) {  // older files do not have it
    row.conditions.readahead_pages = in.whole<std::uint32_t>("readahead_pages");
  }
  row.conditions.stat_flush_ns = in.whole<std::uint64_t>("stat_flush_ns");
  row.conditions.cpus = in.whole<unsigned>("cpus");
  row.runs = in.whole<unsigned>("runs");
  row.killed = in.whole<unsigned>("killed");
  row.late = in.whole<unsigned>("late");
  row.oom_victim = in.text("oom_victim");
  const Json& figures = in.object("figures");
  for (std::size_t q = 0; q < kQuantities; ++q) {
    const auto found = figures.find(std::string(quantities()[q].name));
    if (found == figures.end()) continue;
    Reader figure(*found, fmt::format("the figure {}", quantities()[q].name));
    row.figures[q] = {figure.number("median"), figure.number("low"), figure.number("high")};
    if (!figure.wrong().empty()) return fail(Errno::Invalid, figure.wrong());
  }
  if (!in.wrong().empty()) return fail(Errno::Invalid, in.wrong());
  return row;
}

}  // namespace

std::string_view name_of(SwapKind kind) { return name_in(kSwapKinds, kind); }
std::string_view name_of(Ageing ageing) {
  return ageing == Ageing::Lists ? "linux" : "linux-mglru";
}

std::optional<Ageing> ageing(std::string_view name) {
  for (const Ageing kind : {Ageing::Lists, Ageing::Generations}) {
    if (name_of(kind) == name) return kind;
  }
  return std::nullopt;
}

std::string_view name_of(HugePages kind) { return name_in(kHugePages, kind); }
std::optional<SwapKind> swap_kind(std::string_view name) {
  return kind_in<SwapKind>(kSwapKinds, name);
}
std::optional<HugePages> huge_pages(std::string_view name) {
  return kind_in<HugePages>(kHugePages, name);
}

std::string to_json(const Truth& truth) {
  Json rows = Json::array();
  for (const TruthRow& row : truth.rows) rows.push_back(as_json(row));
  const Json out{{"schema", kSchema},
                 {"command", truth.command},
                 {"environment", truth.environment},
                 {"kernel", truth.kernel},
                 {"group_version", truth.group_version},
                 {"cpu", truth.cpu},
                 {"peak_bytes", truth.peak_bytes},
                 {"of_machine", truth.of_machine},
                 {"notes", truth.notes},
                 {"costs", Json::parse(to_json(truth.costs))},
                 {"rows", rows}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

Result<Truth> truth_from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("schema") || json["schema"] != kSchema) {
    return fail(Errno::Invalid, fmt::format("no truth file of schema {}", kSchema));
  }
  Reader in(json, "the truth file");
  Truth truth;
  truth.command = in.texts("command");
  truth.environment = in.text("environment");
  truth.kernel = in.text("kernel");
  truth.group_version = in.text("group_version");
  truth.cpu = static_cast<int>(std::clamp(in.number("cpu"), -1.0, 65'535.0));
  truth.peak_bytes = in.whole<std::uint64_t>("peak_bytes");
  truth.of_machine = in.texts("of_machine");
  truth.notes = in.texts("notes");
  if (json.contains("costs")) {  // older files do not have them
    Result<Costs> costs = costs_from_json(json["costs"].dump());
    if (!costs) return tl::unexpected(costs.error());
    truth.costs = std::move(*costs);
  }
  for (const Json& one : in.list("rows")) {
    Result<TruthRow> row = row_from(one);
    if (!row) return tl::unexpected(row.error());
    row->conditions.group_version = truth.group_version == "v2" ? 2 : 1;
    truth.rows.push_back(std::move(*row));
  }
  if (truth.rows.empty()) in.missing("rows", "at least one row");
  if (!in.wrong().empty()) return fail(Errno::Invalid, in.wrong());
  return truth;
}

}  // namespace pw::predict
