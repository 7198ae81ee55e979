#include "tools/page.hpp"

#include <fmt/format.h>

#include <chrono>
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

namespace {

report::PageDataOptions options_for(std::size_t parts, std::atomic<double>& done) {
  report::PageDataOptions options;
  options.bins = kPagePoints;
  options.sample /= parts;
  options.stacks /= parts;
  options.progress = [&done](double part) { done.store(part, std::memory_order_relaxed); };
  return options;
}

}  // namespace

PageJob::PageJob(const record::Recording& recording, std::size_t parts)
    : maker_(recording, options_for(parts, done_)),
      analyzed_(std::async(std::launch::async, [this] { return maker_.analyze(); })) {}

Result<std::string> PageJob::data(report::Report& report, double percent) {
  Progress progress("making the page");
  while (analyzed_.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready) {
    progress(done_.load(std::memory_order_relaxed));
  }
  PW_TRY(analyzed_.get());
  return maker_.finish(report, [&](std::uint64_t first_touches) {
    return need_costs(report, first_touches, percent);
  });
}

Result<void> write_page(const std::string& data, const std::string& path, bool force) {
  PW_TRY(has_pages());
  const Result<std::string> page = report::page_with(embedded::report_html, data);
  if (!page) return tl::unexpected(page.error());
  PW_TRY(write_result(path, *page, force));
  fmt::print(stderr, "report: {} ({:.1f} MiB); open it in a browser\n", path,
             static_cast<double>(page->size()) / 1048576.0);
  return {};
}

}  // namespace pw::tools
