// pagewright predict REC: what Linux would do with the program at several memory limits.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>

#include "predict/predict.hpp"
#include "predict/truth_file.hpp"
#include "tools/console.hpp"
#include "tools/options.hpp"
#include "tools/predict_report.hpp"
#include "tools/quantities.hpp"
#include "tools/read_ahead.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

struct Flags {
  std::string recording, against, output, costs;
  std::string limits = "100%,75%,50%,25%";
  std::string model = "linux", swap = "zram", thp = "never", flush = "2s";
  int swappiness = 60, group_version = 2;
  std::uint32_t page_cluster = 3, readahead_kib = 0;
  unsigned cpus = 1;
  std::string sample = "auto";
  double seconds = 0;
  bool json = false, force = false;
};

Result<predict::Limit> limit_of(const std::string& item) {
  if (!item.empty() && item.back() == '%') {
    double percent = 0;
    const auto end = std::from_chars(item.data(), item.data() + item.size() - 1, percent);
    if (end.ec == std::errc() && end.ptr == item.data() + item.size() - 1 && percent > 0 &&
        percent <= 1000) {
      return predict::Limit{percent, 0};
    }
  } else if (const auto bytes = parse_size(item); bytes && bytes->value >= kPageSize) {
    return predict::Limit{0, bytes->value};
  }
  return fail(Errno::Invalid, fmt::format("--limit: '{}' is neither a part of the peak (50%) nor a "
                                          "size (64M)",
                                          item));
}

Result<std::vector<predict::Limit>> limits_of(const std::string& text) {
  std::vector<predict::Limit> limits;
  for (const std::string& item : CLI::detail::split(text, ',')) {
    const auto limit = limit_of(item);
    if (!limit) return tl::unexpected(limit.error());
    limits.push_back(*limit);
  }
  return limits;
}

Result<predict::Conditions> conditions_of(const Flags& flags) {
  predict::Conditions conditions;
  const Result<double> flush = parse_time(flags.flush);
  if (!flush) return fail(Errno::Invalid, "--flush: " + flush.error().message);
  if (*flush < 1e6 || *flush > 2e9) {
    return fail(Errno::Invalid, "--flush: a time from 1ms to 2s");
  }
  conditions.stat_flush_ns = static_cast<std::uint64_t>(*flush);
  if (flags.model == "linux-mglru") conditions.ageing = Ageing::Generations;
  conditions.swap = predict::swap_kind(flags.swap).value_or(predict::SwapKind::Zram);
  conditions.huge_pages = predict::huge_pages(flags.thp).value_or(HugePages::Never);
  conditions.group_version = flags.group_version;
  conditions.swappiness = flags.swappiness;
  conditions.page_cluster = flags.page_cluster;
  conditions.cpus = flags.cpus;
  conditions.sample_one_in = flags.sample == "auto"
                                 ? 0
                                 : static_cast<std::uint32_t>(flags.sample[0] - '0');
  return conditions;
}

Result<PredictReport> make_report(const Flags& flags) {
  const auto limits = limits_of(flags.limits);
  if (!limits) return tl::unexpected(limits.error());
  const auto conditions = conditions_of(flags);
  if (!conditions) return tl::unexpected(conditions.error());
  const Result<predict::LoadedCosts> costs = predict::load_costs(flags.costs);
  if (!costs) return tl::unexpected(costs.error());
  PredictReport report;
  report.recording = flags.recording;
  report.conditions = *conditions;
  report.costs = costs->source;
  std::optional<double> seconds;
  if (flags.seconds > 0) seconds = flags.seconds;
  Ageing ageing = conditions->ageing;
  const auto forecasts_by = [&](const std::string& path, record::Recording::Verify verify,
                                std::vector<std::string>& command) -> Result<predict::Forecasts> {
    const Result<record::Recording> recording = record::Recording::open(path, verify);
    if (!recording) return tl::unexpected(recording.error());
    command = recording->info().command;
    if (!recording->losses().empty()) {
      report.notes.push_back(path + " is damaged: parts of the run are missing.");
    }
    if (conditions->swap == predict::SwapKind::Zram && recording->info().contents.pages == 0) {
      report.notes.push_back(path +
                             " does not tell what pages hold: slowdowns range from pages that "
                             "compress at no cost to text.");
    }
    constexpr unsigned kKibShift = kPageShift - 10;
    report.conditions.readahead_pages = flags.readahead_kib > 0
                                            ? std::max(flags.readahead_kib >> kKibShift, 1U)
                                            : readahead_pages_of(*recording);
    Progress line("predicting");
    line.say("predicting");
    predict::Conditions now = report.conditions;
    now.ageing = ageing;
    return predict::forecast(*recording, *limits, now, costs->costs, seconds, predict::predict_all);
  };
  // What is read is checked as it is decoded. Where that finds damage, all is looked through, for
  // what can be predicted without what is lost.
  const auto forecasts_of = [&](const std::string& path, std::vector<std::string>& command) {
    using Verify = record::Recording::Verify;
    const std::size_t said = report.notes.size();
    auto forecasts = forecasts_by(path, Verify::Index, command);
    if (forecasts || forecasts.error().code != Errno::Io) return forecasts;
    report.notes.resize(said);
    return forecasts_by(path, Verify::All, command);
  };
  Result<predict::Forecasts> first = forecasts_of(flags.recording, report.command);
  if (!first) return tl::unexpected(first.error());
  report.forecasts = std::move(*first);
  if (flags.model == "both") {
    ageing = Ageing::Generations;
    const std::size_t said = report.notes.size();
    Result<predict::Forecasts> beside = forecasts_of(flags.recording, report.command);
    if (!beside) return tl::unexpected(beside.error());
    report.mglru = std::move(*beside);
    report.notes.resize(said);  // the same again
    ageing = conditions->ageing;
  }
  if (!flags.against.empty()) {
    std::vector<std::string> command;
    Result<predict::Forecasts> second = forecasts_of(flags.against, command);
    if (!second) return tl::unexpected(second.error());
    report.other = std::move(*second);
    if (command != report.command) {
      report.notes.push_back("The two recordings are of different commands.");
    }
  }
  return report;
}

int run(const Flags& flags) {
  const Result<PredictReport> report = make_report(flags);
  if (!report) return give_up(report.error());
  const std::string text = flags.json ? predict_json(*report)
                                      : predict_text(*report, text_style(flags.output.empty()));
  const auto written = write_result(flags.output, text, flags.force);
  return written ? kOk : give_up(written.error());
}

}  // namespace

void add_predict(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("predict",
                                      "what Linux would do with the program under memory limits");
  auto flags = std::make_shared<Flags>();
  Flags& f = *flags;
  verb->add_option("RECORDING", f.recording, "made by pagewright record")
      ->required()
      ->check(CLI::ExistingFile.description(""));
  constexpr const char* kGroup = "The conditions";
  const auto option = [&](const char* names, auto& into, const char* help, const char* type) {
    return verb->add_option(names, into, help)->type_name(type)->group(kGroup);
  };
  option("--limit", f.limits, "parts of the peak, or sizes (100%,75%,50%,25%)", "LIST");
  option("--model", f.model,
         "linux: active and inactive lists; linux-mglru: generations; both (linux)", "KIND")
      ->check(CLI::IsMember({"linux", "linux-mglru", "both"}).description(""));
  option("--swap", f.swap, "zram, ssd or none (zram)", "KIND")
      ->check(CLI::IsMember({"zram", "ssd", "none"}).description(""));
  option("--group-version", f.group_version,
         "of control groups: in 1, reclaim puts writers to sleep (2)", "1|2")
      ->check(CLI::Range(1, 2).description(""));
  option("--swappiness", f.swappiness, "of the group (60)", "N")
      ->check(CLI::Range(0, 200).description(""));
  option("--page-cluster", f.page_cluster, "swap is read ahead by up to 2^N pages (3)", "N")
      ->check(CLI::Range(0U, 10U).description(""));
  option("--read-ahead", f.readahead_kib,
         "KiB that files are read ahead by (their device's, or 128)", "N")
      ->check(CLI::Range(1U, 1U << 20).description(""));
  option("--thp", f.thp, "huge pages: never, madvise or always (never)", "WHEN")
      ->check(CLI::IsMember({"never", "madvise", "always"}).description(""));
  option("--flush", f.flush, "how often the group's statistics are gathered (2s)", "TIME");
  option("--cpus", f.cpus, "that the program may use (1)", "N")
      ->check(CLI::Range(1U, 1024U).description(""));
  option("--sample", f.sample,
         "follow one page in N of private anonymous memory: 1, 2, 4 or 8 (as many as time allows)",
         "N")
      ->check(CLI::IsMember({"auto", "1", "2", "4", "8"}).description(""));
  verb->add_option("--seconds", f.seconds, "what the program takes without a limit")
      ->type_name("S")
      ->check(CLI::PositiveNumber.description(""));
  verb->add_option("--against", f.against, "a second recording: tell how much the two differ")
      ->type_name("FILE")
      ->check(CLI::ExistingFile.description(""));
  verb->add_option("--costs", f.costs, "times made by pagewright calibrate")->type_name("FILE");
  verb->add_flag("--json", f.json, "as JSON, schema pagewright.predict/1");
  verb->add_option("-o,--output", f.output, "write to FILE instead of stdout")->type_name("FILE");
  verb->add_flag("--force", f.force, "overwrite FILE");
  verb->footer(
      "Examples:\n"
      "  pagewright predict sort.pwrec\n"
      "  pagewright predict sort.pwrec --limit 64M,32M --swap ssd --swappiness 100\n"
      "  pagewright predict a.pwrec --against b.pwrec --seconds 12.5 --json");
  verb->callback([flags, &call] { call.status = run(*flags); });
}

}  // namespace pw::tools
