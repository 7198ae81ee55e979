#include "tools/page.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "embedded/report_html.hpp"
#include "report/page_data.hpp"
#include "report/page_pack.hpp"
#include "tools/console.hpp"
#include "tools/study.hpp"

namespace pw::tools {

Result<void> has_pages() {
  if (!embedded::report_html.empty()) return {};
  return fail(
      Errno::NotSupported,
      "this build has no HTML pages, since they were not built: that takes Node.js with npm "
      "and clang for wasm32 (packages of the group pages in cmake/packages.txt; "
      "./pagewright installs them, or configure with -DPW_PAGES=ON). The report as text "
      "and as JSON (--json) is all there");
}

Result<std::string> page_data_of(const record::Recording& recording, report::Report& report,
                                 double percent, std::size_t parts) {
  Progress progress("making the page");
  report::PageDataOptions options;
  options.bins = kPagePoints;
  options.sample /= parts;
  options.stacks /= parts;
  options.progress = progress.callback();
  options.costs = [&](std::uint64_t first_touches) {
    return need_costs(report, first_touches, percent);
  };
  return report::page_data(recording, report, options);
}

Result<void> write_page_of(const std::string& data, const std::string& path, bool force) {
  PW_TRY(has_pages());
  const Result<std::string> page = report::page_with(embedded::report_html, data);
  if (!page) return tl::unexpected(page.error());
  PW_TRY(write_result(path, *page, force));
  fmt::print(stderr, "report: {} ({:.1f} MiB); open it in a browser\n", path,
             static_cast<double>(page->size()) / 1048576.0);
  return {};
}

Result<void> write_page(const record::Recording& recording, report::Report& report, double percent,
                        const std::string& path, bool force) {
  PW_TRY(has_pages());
  const Result<std::string> data = page_data_of(recording, report, percent);
  if (!data) return tl::unexpected(data.error());
  return write_page_of(*data, path, force);
}

}  // namespace pw::tools
