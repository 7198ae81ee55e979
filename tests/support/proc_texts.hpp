// Consumers of the texts of /proc, in the manner of pmap -X, smem and procps: they know the format
// as those do, and nothing of who wrote it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pw::testing {

inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// "Name:   12 kB", "Name:\t12", "name 12": what is before the number, and the number.
struct NamedNumber {
  std::string name;
  std::uint64_t value = 0;
  std::string unit;
};
inline bool read_number(const std::string& line, NamedNumber& out) {
  char name[64] = "", unit[16] = "";
  unsigned long long value = 0;
  const int got = std::sscanf(line.c_str(), "%63[^: \t]%*[: \t]%llu %15s", name, &value, unit);
  if (got < 2) return false;
  out = {name, value, unit};
  return true;
}

using Numbers = std::map<std::string, std::uint64_t>;
inline Numbers numbers_of(std::string_view text) {
  Numbers numbers;
  for (const std::string& line : lines_of(text)) {
    NamedNumber number;
    if (read_number(line, number)) numbers[number.name] = number.value;
  }
  return numbers;
}
// What each line begins with.
inline std::vector<std::string> names_of(std::string_view text) {
  std::vector<std::string> names;
  for (const std::string& line : lines_of(text))
    names.push_back(line.substr(0, line.find_first_of(": \t")));
  return names;
}

// One area of smaps: the columns of its heading as pmap reads them, and the rows below.
struct SmapsArea {
  unsigned long long begin = 0, end = 0, offset = 0, inode = 0;
  char rights[5] = "";
  unsigned major = 0, minor = 0;
  std::string name, flags;
  Numbers rows;
  std::vector<std::string> row_names;
};
inline bool read_heading(const std::string& line, SmapsArea& area) {
  int end_of_columns = 0;
  const int got = std::sscanf(line.c_str(), "%llx-%llx %4s %llx %x:%x %llu %n", &area.begin,
                              &area.end, area.rights, &area.offset, &area.major, &area.minor,
                              &area.inode, &end_of_columns);
  if (got != 7) return false;
  area.name = line.substr(static_cast<std::size_t>(end_of_columns));
  return true;
}
inline std::vector<SmapsArea> smaps_of(std::string_view text) {
  std::vector<SmapsArea> areas;
  for (const std::string& line : lines_of(text)) {
    SmapsArea area;
    NamedNumber number;
    if (read_heading(line, area)) {
      areas.push_back(area);
    } else if (areas.empty()) {
      return {};
    } else if (line.rfind("VmFlags: ", 0) == 0) {
      areas.back().flags = line.substr(9);
      areas.back().row_names.emplace_back("VmFlags");
    } else if (read_number(line, number)) {
      areas.back().rows[number.name] = number.value;
      areas.back().row_names.push_back(number.name);
    }
  }
  return areas;
}
inline std::uint64_t sum_of(const std::vector<SmapsArea>& areas, const std::string& row) {
  std::uint64_t sum = 0;
  for (const SmapsArea& area : areas) sum += area.rows.at(row);
  return sum;
}

}  // namespace pw::testing
