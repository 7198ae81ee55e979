// Two recordings on the same machine, compared: figures side by side, areas and call sites ranked
// by how much they changed. Values and their text, JSON and page.
//
// Areas and call sites belong together by name. A file that only one side has, and another of the
// same base name that only the other side has, are one area too: a program built twice in two
// folders.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "replay/fault_log.hpp"
#include "report/page_data.hpp"
#include "report/report.hpp"
#include "report/text.hpp"

namespace pw::report {

struct Amounts {
  std::uint64_t faults = 0, major = 0;
  std::uint64_t touched_pages = 0;
  std::uint64_t resident_peak = 0;  // areas only
};

// A call site as people name it ("f <- g <- h") -> what it did.
using Sites = std::map<std::string, Amounts>;
Sites sites_of(const record::Recording& recording, const replay::FaultLog& log);

struct DiffSide {
  std::string file;
  Report report;
  Sites sites;
};

struct Change {
  std::string name;   // of A, else of B
  std::string other;  // of B where it has another
  bool in_a = false, in_b = false;
  Amounts a, b;
};

enum class Unit : std::uint8_t { Count, Pages, Ns, Ratio };

struct Figure {
  const char* section;
  const char* name;
  const char* key;  // in JSON
  Unit unit;
  double a = 0, b = 0;
};

struct Diff {
  std::array<DiffSide, 2> sides;  // A and B
  std::vector<Figure> figures;
  std::vector<Change> areas, sites;  // most changed first
  std::vector<std::string> notes;
};

Diff diff_of(DiffSide&& a, DiffSide&& b);

// Of A; "+12.5 %", "new", "gone", "=".
std::string change_text(double a, double b);

std::string diff_text(const Diff& diff, const TextStyle& style);
// Schema pagewright.diff/1.
std::string diff_json(const Diff& diff);
// Both recordings' data of a page (see page_data.hpp) in one block, as arrays "a" and "b".
std::string diff_page(const Diff& diff, const std::array<std::string, 2>& pages);

}  // namespace pw::report
