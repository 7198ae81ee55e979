#include "report/table.hpp"

#include <algorithm>
#include <sstream>

#include "base/check.hpp"

namespace pw::report {

void Table::row(std::vector<std::string> cells) {
  PW_CHECK(cells.size() <= columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line = "  ";
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - row[c].size(), ' ');
      if (c > 0) line += "  ";
      line += columns_[c] == Align::Right ? padding + row[c] : row[c] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

std::string shortened(const std::string& name, std::size_t width) {
  if (name.size() <= width) return name;
  const std::string call = " <- ";
  const std::string rest = call + "...";
  const std::size_t last = name.rfind(call, width - rest.size());
  if (last != std::string::npos) return name.substr(0, last) + rest;
  const std::size_t kept = width - 3;
  const std::size_t front = kept / 2;
  return name.substr(0, front) + "..." + name.substr(name.size() - (kept - front));
}

std::string wrapped(const std::string& text, const std::string& first, std::size_t width) {
  std::istringstream words(text);
  std::string out;
  std::string line = first;
  bool fresh = true;
  for (std::string word; words >> word;) {
    if (!fresh && line.size() + 1 + word.size() > width) {
      out += line + '\n';
      line.assign(first.size(), ' ');
      fresh = true;
    }
    if (!fresh) line += ' ';
    line += word;
    fresh = false;
  }
  return out + line + '\n';
}

}  // namespace pw::report
