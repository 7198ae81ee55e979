// pagewright explore: the explorer page, with a script or a recording in it, as one HTML file.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "embedded/explorer_html.hpp"
#include "record/recording.hpp"
#include "replay/script_replay.hpp"
#include "report/page_pack.hpp"
#include "script/parser.hpp"
#include "tools/browser.hpp"
#include "tools/console.hpp"
#include "tools/explore_live.hpp"
#include "tools/page.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

constexpr std::size_t kMostText = 1U << 20;  // bytes of a script that the page takes

struct Flags {
  std::string input, output;
  bool force = false, no_open = false, live = false;
  LiveFlags how;
};

// The first steps of a text that is too long for the page.
std::string beginning_of(std::string text) {
  if (text.size() <= kMostText) return text;
  const std::size_t end = text.rfind('\n', kMostText - 1);
  text.resize(end == std::string::npos ? 0 : end + 1);
  note(fmt::format("the page takes {} KiB of a recording: it shows the first steps only",
                   kMostText >> 10));
  return text;
}

Result<std::string> script_of_recording(const std::string& path) {
  const Result<record::Recording> recording = record::Recording::open(path);
  if (!recording) return tl::unexpected(recording.error());
  std::string text;
  PW_TRY(replay::write_text(*recording, [&text](std::string_view part) { text += part; }));
  return beginning_of(std::move(text));
}

// What goes into the page. Errors: of reading; Invalid where the page could not open it.
Result<std::string> script_in(const Flags& flags) {
  if (std::filesystem::path(flags.input).extension() == ".pwrec") {
    return script_of_recording(flags.input);
  }
  Result<std::string> text = read_text(flags.input, kMostText);
  if (!text) return text;
  if (text->size() > kMostText) {
    return fail(Errno::Invalid, fmt::format("{}: the page takes scripts of {} KiB at most",
                                            flags.input, kMostText >> 10));
  }
  const Result<script::Program> program = script::parse(*text, {});
  if (program) return text;
  return fail(Errno::Invalid, fmt::format("{}: {}", flags.input, program.error().message));
}

// The page as it was built, or with the script in it.
Result<std::string> page_of(const Flags& flags) {
  if (flags.input.empty()) return std::string(embedded::explorer_html);
  const Result<std::string> script = script_in(flags);
  if (!script) return tl::unexpected(script.error());
  const nlohmann::json given{{"name", std::filesystem::path(flags.input).filename().string()},
                             {"script", *script}};
  return report::page_with(embedded::explorer_html,
                           given.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

// Whether the file is a page of Pagewright's: one that may be written anew without being asked.
bool is_page(const std::string& path) {
  std::ifstream file(path);
  std::string head(2'000, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  return head.find("<title>Pagewright</title>") != std::string::npos;
}

// Errors: Invalid, of options that say nothing where they stand.
Result<void> fit_together(const Flags& flags) {
  if (!flags.live) {
    if (flags.how.given())
      return fail(Errno::Invalid,
                  "--port, --speed, --paused and the machine's options are for --live");
    return {};
  }
  if (!flags.output.empty() || flags.force) {
    return fail(Errno::Invalid, "--live writes no file: it goes without --output and --force");
  }
  if (flags.input.empty()) {
    return fail(Errno::Invalid, "--live follows a script or a recording: name one");
  }
  return {};
}

int explore(Flags flags) {
  if (const Result<void> fit = fit_together(flags); !fit) return give_up(fit.error());
  if (flags.live) {
    flags.how.input = flags.input;
    flags.how.no_open = flags.no_open;
    return explore_live(flags.how);
  }
  if (const Result<void> pages = has_pages(); !pages) return give_up(pages.error());
  const Result<std::string> page = page_of(flags);
  if (!page) return give_up(page.error());
  std::string path = flags.output;
  const bool named = !path.empty();
  if (!named) {
    const bool from_file = !flags.input.empty() && flags.input != "-";
    path = from_file ? std::filesystem::path(flags.input).stem().string() + ".html"
                     : "explorer.html";
  }
  const bool force = flags.force || (!named && is_page(path));
  const Result<void> written = write_result(path, *page, force);
  if (!written) return give_up(written.error());
  const bool opened = !flags.no_open && open_in_browser(std::filesystem::absolute(path).string());
  fmt::print(stderr, "explorer: {} ({} KiB); {}\n", path, page->size() >> 10,
             opened ? "it is being opened in the browser" : "open it in a browser");
  return kOk;
}

}  // namespace

void add_explore(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("explore",
                                      "step through a machine: the explorer, one HTML file");
  auto flags = std::make_shared<Flags>();
  verb->add_option("FILE", flags->input,
                   "a script (docs/SCRIPTS.md), - for stdin, or a recording, NAME.pwrec; without "
                   "it the page has its gallery");
  verb->add_option("-o,--output", flags->output, "name of the page (explorer.html, or NAME.html)")
      ->type_name("FILE");
  verb->add_flag("--force", flags->force, "overwrite the file");
  verb->add_flag("--no-open", flags->no_open, "do not open it in a browser");
  verb->add_flag("--live", flags->live,
                 "follow a run of FILE: the page is served on 127.0.0.1 until Ctrl-C");
  add_live_flags(*verb, flags->how);
  verb->footer(
      "The page needs no network and no other file (docs/EXPLORER.md).\n"
      "Examples:\n"
      "  pagewright explore\n"
      "  pagewright explore data/scripts/thrashing.pws\n"
      "  pagewright explore sort.pwrec --no-open -o sort_steps.html\n"
      "  pagewright explore --live sort.pwrec --ram 64M --policy lru");
  verb->callback([flags, &call] { call.status = explore(*flags); });
}

}  // namespace pw::tools
