// The report as a page: one HTML file that needs nothing but a browser.
#pragma once

#include <string>

#include "base/result.hpp"
#include "record/recording.hpp"
#include "report/report.hpp"

namespace pw::tools {

inline constexpr std::size_t kPagePoints = 512;  // of StudyOptions::points, for a page

// Whether this build has pages in it; else why it has not and what to do. Errors: Unsupported.
Result<void> has_pages();

// Writes the page to `path` and says so. `report` was studied without curves and with kPagePoints;
// it gets what memory is needed. Errors: those of has_pages() and page_data(), Exists, Io.
Result<void> write_page(const record::Recording& recording, report::Report& report, double percent,
                        const std::string& path, bool force);

// The data of the page, where `parts` of them go into one file. Errors: those of page_data().
Result<std::string> page_data_of(const record::Recording& recording, report::Report& report,
                                 double percent, std::size_t parts = 1);

// The page with a block of data in it. Errors: those of has_pages(), Exists, Io.
Result<void> write_page_of(const std::string& data, const std::string& path, bool force);

}  // namespace pw::tools
