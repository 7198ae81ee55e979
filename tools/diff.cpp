// pagewright diff A B: two recordings on the same machine, side by side.
#include "report/diff.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "tools/console.hpp"
#include "tools/machine_flags.hpp"
#include "tools/page.hpp"
#include "tools/study.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

struct Flags {
  std::string a, b;
  MachineFlags machine;
  std::string output, html;
  double percent = 5;
  bool json = false, force = false;
};

// One side, studied; with a page wanted, its data.
struct Side {
  report::DiffSide side;
  std::string page;
};

Result<Side> look_at(const std::string& path, const Flags& flags, const Machines& asked) {
  const Result<record::Recording> recording = record::Recording::open(path);
  if (!recording) {
    Error error = recording.error();
    if (error.message.empty()) error.message = path + " cannot be read as a recording";
    return tl::unexpected(std::move(error));
  }
  const bool page = !flags.html.empty();
  std::optional<PageJob> job;
  if (page) job.emplace(*recording, 2);
  replay::FaultLog log(*recording);
  StudyOptions options{!page, flags.percent};
  options.points = page ? kPagePoints : 0;
  options.watcher = &log;
  Result<report::Report> report = study(*recording, asked, options);
  if (!report) return tl::unexpected(report.error());
  Side side;
  if (job) {
    Result<std::string> data = job->data(*report, flags.percent);
    if (!data) return tl::unexpected(data.error());
    side.page = std::move(*data);
  }
  side.side = {path, std::move(*report), report::sites_of(*recording, log)};
  return side;
}

Result<void> compare(const Flags& flags) {
  const Result<Machines> asked = machines(flags.machine);
  if (!asked) return tl::unexpected(asked.error());
  const bool page = !flags.html.empty();
  if (page && (flags.json || !flags.output.empty())) {
    return fail(Errno::Invalid, "--html excludes --json and -o");
  }
  if (page) PW_TRY(has_pages());
  const std::string& result = page ? flags.html : flags.output;
  std::error_code none;
  if (!flags.force && !result.empty() && std::filesystem::is_regular_file(result, none)) {
    return fail(Errno::Exists, result + " exists: choose another name or say --force");
  }
  Result<Side> a = look_at(flags.a, flags, *asked);
  if (!a) return tl::unexpected(a.error());
  Result<Side> b = look_at(flags.b, flags, *asked);
  if (!b) return tl::unexpected(b.error());
  const report::Diff diff = report::diff_of(std::move(a->side), std::move(b->side));
  if (page) {
    return write_page(report::diff_page(diff, {a->page, b->page}), flags.html, flags.force);
  }
  const std::string content = flags.json
                                  ? report::diff_json(diff)
                                  : report::diff_text(diff, text_style(flags.output.empty()));
  return write_result(flags.output, content, flags.force);
}

}  // namespace

void add_diff(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("diff", "two recordings on the same machine, side by side");
  auto flags = std::make_shared<Flags>();
  Flags& f = *flags;
  verb->add_option("A", f.a, "the recording before")->type_name("REC")->required();
  verb->add_option("B", f.b, "the recording after")->type_name("REC")->required();
  verb->add_flag("--json", f.json, "as JSON, schema pagewright.diff/1");
  verb->add_option("-o,--output", f.output, "write to FILE instead of stdout")->type_name("FILE");
  verb->add_flag("--force", f.force, "overwrite FILE");
  verb->add_option("--html", f.html, "write the comparison as one HTML file, to open offline")
      ->type_name("FILE");
  verb->add_option("--slowdown", f.percent, "tell the memory for at most N % slowdown (5)")
      ->type_name("N")
      ->check(CLI::Range(0.0, 10'000.0).description(""));
  add_machine_flags(*verb, f.machine, false);
  verb->footer(
      "Areas belong together by name, files of two versions by the last part of their name.\n\n"
      "Examples:\n"
      "  pagewright diff old.pwrec new.pwrec\n"
      "  pagewright diff old.pwrec new.pwrec --ram 64M --swap 1G --html diff.html\n"
      "  pagewright diff old.pwrec new.pwrec --json -o diff.json");
  verb->callback([flags, &call] {
    const Result<void> done = compare(*flags);
    call.status = done ? kOk : give_up(done.error());
  });
}

}  // namespace pw::tools
