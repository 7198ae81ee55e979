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

Result<void> write_page(const record::Recording& recording, report::Report& report, double percent,
                        const std::string& path, bool force) {
  PW_TRY(has_pages());
  Progress progress("making the page");
  report::PageDataOptions options;
  options.bins = kPagePoints;
  options.progress = progress.callback();
  options.costs = [&](std::uint64_t first_touches) {
    return need_costs(report, first_touches, percent);
  };
  const Result<std::string> data = report::page_data(recording, report, options);
  if (!data) return tl::unexpected(data.error());
  const Result<std::string> page = report::page_with(embedded::report_html, *data);
  if (!page) return tl::unexpected(page.error());
  progress.clear();
  PW_TRY(write_result(path, *page, force));
  fmt::print(stderr, "report: {} ({:.1f} MiB); open it in a browser\n", path,
             static_cast<double>(page->size()) / 1048576.0);
  return {};
}

}  // namespace pw::tools
