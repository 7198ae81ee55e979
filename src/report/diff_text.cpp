#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/diff.hpp"
#include "report/table.hpp"
#include "report/units.hpp"

namespace pw::report {
namespace {

std::string heading(const TextStyle& style, const std::string& text) {
  return style.color ? "\x1b[1m" + text + "\x1b[0m\n" : text + '\n';
}

std::string value_text(double value, Unit unit) {
  const auto whole = static_cast<std::uint64_t>(value);
  switch (unit) {
    case Unit::Count:
      return count(whole);
    case Unit::Pages:
      return page_bytes(whole);
    case Unit::Ns:
      return duration(value);
    case Unit::Ratio:
      return percent(value);
  }
  return {};
}

std::string difference_text(double a, double b, Unit unit) {
  if (a == b) return "=";
  if (unit == Unit::Ratio) return fmt::format("{:+.4g} %", (b - a) * 100);
  return (b > a ? '+' : '-') + value_text(std::fabs(b - a), unit);
}

std::string figures_text(const Diff& diff, const TextStyle& style) {
  Table table({Align::Left, Align::Right, Align::Right, Align::Right, Align::Right});
  table.row({"", "A", "B", "difference", "of A"});
  std::vector<const Figure*> shown;
  for (const Figure& figure : diff.figures) {
    if (figure.a == 0 && figure.b == 0) continue;
    shown.push_back(&figure);
    table.row({std::string("  ") + figure.name, value_text(figure.a, figure.unit),
               value_text(figure.b, figure.unit), difference_text(figure.a, figure.b, figure.unit),
               change_text(figure.a, figure.b)});
  }
  const std::string all = table.text();
  std::size_t at = all.find('\n') + 1;
  std::string out = '\n' + all.substr(2, at - 2);
  const char* section = "";
  for (const Figure* figure : shown) {
    if (std::string_view(section) != figure->section) {
      section = figure->section;
      out += '\n' + heading(style, section);
    }
    const std::size_t end = all.find('\n', at) + 1;
    out += all.substr(at + 2, end - at - 2);
    at = end;
  }
  return out;
}

std::string changes_text(const std::vector<Change>& changes, const std::string& title,
                         const TextStyle& style) {
  if (changes.empty()) return {};
  constexpr std::size_t kNumbers = 62;  // what the other columns take
  Table table({Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Right,
               Align::Right});
  table.row({"", "faults A", "B", "change", "touched A", "B", "change"});
  std::size_t shown = 0;
  std::size_t same = 0;
  for (const Change& change : changes) {
    const bool equal = change.a.faults == change.b.faults &&
                       change.a.touched_pages == change.b.touched_pages;
    same += equal ? 1 : 0;
    if (equal || shown == style.areas) continue;
    ++shown;
    const auto number = [](const Amounts& of) { return std::pair(of.faults, of.touched_pages); };
    const auto [faults_a, pages_a] = number(change.a);
    const auto [faults_b, pages_b] = number(change.b);
    table.row({shortened(change.name, style.width - kNumbers), count(faults_a), count(faults_b),
               change_text(static_cast<double>(faults_a), static_cast<double>(faults_b)),
               page_bytes(pages_a), page_bytes(pages_b),
               change_text(static_cast<double>(pages_a), static_cast<double>(pages_b))});
  }
  std::string out = '\n' + heading(style, title);
  out += shown == 0 ? "" : table.text();
  const std::size_t more = changes.size() - same - shown;
  if (more > 0) out += fmt::format("  {} more that changed\n", count(more));
  if (same > 0) out += fmt::format("  {} that did not change\n", count(same));
  return out;
}

}  // namespace

std::string diff_text(const Diff& diff, const TextStyle& wanted) {
  TextStyle style = wanted;
  style.width = std::max<std::size_t>(style.width, 100);
  Table sides({Align::Left, Align::Left, Align::Left});
  const char* name = "A";
  for (const DiffSide& side : diff.sides) {
    sides.row({name, shortened(side.file, 40),
               shortened(command_line(side.report.recording.command), style.width - 48)});
    name = "B";
  }
  std::string out = sides.text();
  out += "  on " + machine_line(diff.sides[0].report.columns.front().result.config) + '\n';
  out += figures_text(diff, style);
  out += changes_text(diff.areas, "Areas, most changed first", style);
  out += changes_text(diff.sites, "Call sites that touched pages first, most changed first", style);
  if (!diff.notes.empty()) {
    out += '\n' + heading(style, "Notes");
    for (const std::string& note : diff.notes) out += wrapped(note, "  - ", style.width);
  }
  return out;
}

}  // namespace pw::report
