// pagewright belady: more frames, more faults: the anomaly step by step, and searches for more.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "analysis/anomaly.hpp"
#include "report/table.hpp"
#include "report/units.hpp"
#include "tools/console.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

using analysis::PageTrace;
using Json = nlohmann::ordered_json;

struct Flags {
  std::string string = "1 2 3 4 1 2 5 1 2 3 4 5";
  std::string policy = "fifo";
  std::string frames = "3,4";
  std::uint32_t search = 0;
  std::uint64_t random = 0, seed = 1;
  std::uint32_t pages = 5;
  bool json = false;
};

constexpr std::uint32_t kMostFrames = 64;
constexpr std::uint32_t kMostReferences = 10'000;
constexpr std::uint64_t kMostStrings = 200'000'000;

// The words of the string are pages; their names, and the trace over them.
struct NamedString {
  PageTrace trace;
  std::vector<std::string> names;
};

Result<NamedString> parse_string(const std::string& text) {
  NamedString string;
  std::map<std::string, analysis::PageId> ids;
  std::string word;
  const auto finish = [&] {
    if (word.empty()) return;
    const auto [at, fresh] = ids.emplace(word, string.trace.ids);
    if (fresh) {
      ++string.trace.ids;
      string.names.push_back(word);
    }
    string.trace.pages.push_back(at->second);
    word.clear();
  };
  for (const char c : text) {
    if (c == ' ' || c == ',' || c == '\t' || c == '\n') {
      finish();
    } else {
      word += c;
    }
  }
  finish();
  if (string.trace.pages.empty() || string.trace.pages.size() > kMostReferences) {
    return fail(Errno::Invalid,
                "--string: write pages with blanks between them, such as '1 2 3 1'");
  }
  return string;
}

Result<std::vector<std::uint32_t>> parse_frames(const std::string& text) {
  std::vector<std::uint32_t> frames;
  const char* at = text.data();
  const char* end = at + text.size();
  while (true) {
    std::uint32_t n = 0;
    const auto [after, error] = std::from_chars(at, end, n);
    if (error != std::errc() || n == 0 || n > kMostFrames) break;
    frames.push_back(n);
    if (after == end) return frames;
    if (*after != ',') break;
    at = after + 1;
  }
  return fail(Errno::Invalid, "--frames: write numbers from 1 to 64 with commas, such as 3,4");
}

std::string picture(const NamedString& string, const std::vector<analysis::FrameStep>& steps,
                    std::uint32_t frames) {
  std::size_t width = 1;
  for (const std::string& name : string.names) width = std::max(width, name.size());
  const auto line = [&](const std::string& head, auto&& cell) {
    std::string text = fmt::format("  {:<10}", head);
    for (const analysis::FrameStep& step : steps) text += fmt::format(" {:>{}}", cell(step), width);
    text.erase(text.find_last_not_of(' ') + 1);
    return text + '\n';
  };
  std::string text = line("page", [&](const auto& step) { return string.names[step.page]; });
  for (std::uint32_t f = 0; f < frames; ++f) {
    text += line(fmt::format("frame {}", f + 1), [&](const auto& step) {
      return step.frames[f] == policy::kNoPage ? std::string(".") : string.names[step.frames[f]];
    });
  }
  return text + line("fault", [](const auto& step) { return step.fault ? "*" : ""; });
}

std::string show_string(const NamedString& string, const policy::PolicySpec& policy,
                        const std::vector<std::uint32_t>& frames) {
  report::Table table({report::Align::Right, report::Align::Right, report::Align::Left});
  table.row({"frames", "faults", ""});
  std::string pictures;
  std::uint64_t before = 0;
  std::uint32_t before_frames = 0;
  for (const std::uint32_t n : frames) {
    const auto steps = analysis::frames_by_step(string.trace, policy, n);
    const auto faults = static_cast<std::uint64_t>(
        std::ranges::count(steps, true, &analysis::FrameStep::fault));
    const bool anomaly = before_frames != 0 && n > before_frames && faults > before;
    table.row({fmt::to_string(n), fmt::to_string(faults),
               anomaly ? fmt::format("more than with {}: Belady's anomaly", before_frames) : ""});
    pictures += fmt::format("\n{} frame{}, {} faults\n", n, n == 1 ? "" : "s", faults) +
                picture(string, steps, n);
    before = faults;
    before_frames = n;
  }
  return fmt::format("{} on {} references to {} pages\n", policy.text(), string.trace.pages.size(),
                     string.trace.ids) +
         table.text() + pictures;
}

Json json_of(const NamedString& string, const policy::PolicySpec& policy,
             const std::vector<std::uint32_t>& frames) {
  Json runs = Json::array();
  for (const std::uint32_t n : frames) {
    Json steps = Json::array();
    std::uint64_t faults = 0;
    for (const auto& step : analysis::frames_by_step(string.trace, policy, n)) {
      Json content = Json::array();
      for (const auto page : step.frames) {
        content.push_back(page == policy::kNoPage ? Json(nullptr) : Json(string.names[page]));
      }
      faults += step.fault ? 1 : 0;
      steps.push_back(
          {{"page", string.names[step.page]}, {"fault", step.fault}, {"frames", content}});
    }
    runs.push_back({{"frames", n}, {"faults", faults}, {"steps", steps}});
  }
  return {{"schema", "pagewright.belady/1"}, {"policy", policy.text()}, {"runs", runs}};
}

// Pages numbered from 1, as textbooks do.
std::string spelled(const PageTrace& string) {
  std::string text;
  for (const auto page : string.pages)
    text += fmt::format("{}{}", text.empty() ? "" : " ", page + 1);
  return text;
}

Result<std::string> search(const Flags& flags, const policy::PolicySpec& policy,
                           const std::vector<std::uint32_t>& frames) {
  if (frames.size() != 2 || frames[0] >= frames[1]) {
    return fail(Errno::Invalid, "a search compares two numbers of frames: --frames 3,4");
  }
  analysis::AnomalySearch wanted;
  wanted.policy = policy;
  wanted.fewer = frames[0];
  wanted.more = frames[1];
  wanted.length = flags.search == 0 ? 20 : flags.search;
  wanted.pages = flags.pages;
  wanted.random = flags.random;
  wanted.seed = flags.seed;
  if (wanted.pages == 0 || wanted.pages > kMostFrames || wanted.length > kMostReferences) {
    return fail(Errno::Invalid, "--pages is from 1 to 64, the length up to 10000");
  }
  const std::uint64_t all = flags.random > 0
                                ? flags.random
                                : analysis::strings_to_try(wanted.length, wanted.pages);
  if (all > kMostStrings) {
    return fail(Errno::Invalid,
                fmt::format("there are too many strings of {} references to {} pages (more than "
                            "{}): say --random N",
                            wanted.length, wanted.pages, report::count(kMostStrings)));
  }
  Progress progress("searching");
  wanted.progress = progress.callback();
  const analysis::Anomalies result = analysis::find_anomalies(wanted);
  progress.clear();
  if (flags.json) {
    Json examples = Json::array();
    for (const PageTrace& example : result.examples) examples.push_back(spelled(example));
    const Json out{
        {"schema", "pagewright.belady/1"}, {"policy", policy.text()}, {"frames", frames},
        {"length", wanted.length},         {"pages", wanted.pages},   {"tried", result.tried},
        {"found", result.found},           {"widest", result.widest}, {"examples", examples}};
    return out.dump(2) + '\n';
  }
  std::string text = fmt::format(
      "{}: {} of {} strings of {} references to at most {} pages fault more with {} frames than "
      "with {}{}\n",
      policy.text(), report::count(result.found), report::count(result.tried), wanted.length,
      wanted.pages, wanted.more, wanted.fewer,
      result.found == 0 ? "" : fmt::format(", by up to {}", result.widest));
  for (const PageTrace& example : result.examples) text += "  " + spelled(example) + '\n';
  return text;
}

int run(const Flags& flags) {
  const auto policy = policy::parse_policy(flags.policy);
  if (!policy) return give_up(Error{Errno::Invalid, "--policy: " + policy.error().message});
  const auto frames = parse_frames(flags.frames);
  if (!frames) return give_up(frames.error());
  if (flags.search != 0 || flags.random != 0) {
    const Result<std::string> found = search(flags, *policy, *frames);
    if (!found) return give_up(found.error());
    const auto written = write_result("", *found, false);
    return written ? kOk : give_up(written.error());
  }
  const auto string = parse_string(flags.string);
  if (!string) return give_up(string.error());
  const auto written = write_result(
      "",
      flags.json ? json_of(*string, *policy, *frames)
                           .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
                       '\n'
                 : show_string(*string, *policy, *frames),
      false);
  return written ? kOk : give_up(written.error());
}

}  // namespace

void add_belady(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("belady", "more frames, more faults: Belady's anomaly");
  auto flags = std::make_shared<Flags>();
  Flags& f = *flags;
  verb->add_option("--string", f.string, "the references (1 2 3 4 1 2 5 1 2 3 4 5)")
      ->type_name("PAGES");
  verb->add_option("--policy", f.policy, "the policy (fifo)");
  verb->add_option("--frames", f.frames, "numbers of frames (3,4)")->type_name("N,N");
  verb->add_option("--search", f.search, "try all strings of this length")->type_name("LENGTH");
  verb->add_option("--pages", f.pages, "different pages in a search (5)")->type_name("N");
  verb->add_option("--random", f.random, "try this many random strings instead (of length 20)")
      ->type_name("N");
  verb->add_option("--seed", f.seed, "of the random strings (1)")->type_name("N");
  verb->add_flag("--json", f.json, "as JSON, schema pagewright.belady/1");
  verb->footer(
      "Examples:\n"
      "  pagewright belady\n"
      "  pagewright belady --policy lru --string '7 0 1 2 0 3 0 4 2 3 0 3' --frames 3,4\n"
      "  pagewright belady --search 12\n"
      "  pagewright belady --policy clock --random 100000 --search 30 --pages 8 --frames 4,5");
  verb->callback([flags, &call] { call.status = run(*flags); });
}

}  // namespace pw::tools
