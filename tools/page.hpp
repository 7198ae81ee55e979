// The report as a page: one HTML file that needs nothing but a browser.
#pragma once

#include <atomic>
#include <cstddef>
#include <future>
#include <string>

#include "base/result.hpp"
#include "record/recording.hpp"
#include "report/page_data.hpp"
#include "report/report.hpp"

namespace pw::tools {

inline constexpr std::size_t kPagePoints = 512;  // of StudyOptions::points, for a page

// Whether this build has pages in it; else why it has not and what to do. Errors: Unsupported.
Result<void> has_pages();

// The data of a page in the making: what needs no machine begins at once, in a thread of its own,
// and goes on beside the replays. `recording` must live as long.
class PageJob {
 public:
  // `parts`: so many of them go into one file.
  explicit PageJob(const record::Recording& recording, std::size_t parts = 1);
  // Waits. `report` was studied without curves and with kPagePoints; it gets what memory is needed.
  // Errors: those of page_data().
  Result<std::string> data(report::Report& report, double percent);

 private:
  std::atomic<double> done_{0};  // part of the analysis
  report::PageMaker maker_;
  std::future<Result<void>> analyzed_;  // last, so that it ends first
};

// Writes the page with `data` in it to `path` and says so. Errors: those of has_pages(), Exists,
// Io.
Result<void> write_page(const std::string& data, const std::string& path, bool force);

}  // namespace pw::tools
