// A report as text for a terminal of 80 columns or more. The same report gives the same bytes.
#pragma once

#include <string>

#include "report/report.hpp"

namespace pw::report {

struct TextStyle {
  bool color = false;       // bold headings, dim notes (ANSI)
  std::size_t width = 100;  // characters; areas and notes are fitted to it, at least 80
  std::size_t areas = 20;   // rows of the table of areas; the rest in one row
  std::size_t processes = 20;
};

std::string text(const Report& report, const TextStyle& style = {});

}  // namespace pw::report
