#include "tools/truth_replay.hpp"

#include <fmt/format.h>

#include "report/report.hpp"
#include "tools/check_report.hpp"
#include "tools/console.hpp"

namespace pw::tools {
namespace {

constexpr std::size_t kMostBytes = 16 << 20;

Result<predict::Truth> truth_in(const std::string& path) {
  const Result<std::string> text = read_text(path, kMostBytes);
  if (!text) return tl::unexpected(text.error());
  Result<predict::Truth> truth = predict::truth_from_json(*text);
  if (!truth) return fail(truth.error().code, path + ": " + truth.error().message);
  return truth;
}

Result<CheckReport> compared(const TruthReplay& asked, const Predictor& predict) {
  if (!predict) return fail(Errno::NotSupported, "this build cannot predict");
  Result<predict::Truth> truth = truth_in(asked.truth);
  if (!truth) return tl::unexpected(truth.error());
  Result<predict::LoadedCosts> costs = predict::load_costs(asked.costs);
  if (!costs) return tl::unexpected(costs.error());
  if (asked.costs.empty() && predict::any_measured(truth->costs)) {  // of where the runs were
    costs->source = fmt::format("costs measured on {}, saved with the runs",
                                truth->costs.host.empty() ? "a host" : truth->costs.host);
    costs->costs = truth->costs;
  }
  const Result<record::Recording> recording = record::Recording::open(asked.recording);
  if (!recording) return tl::unexpected(recording.error());
  CheckReport report;
  report.truth = std::move(*truth);
  report.costs = costs->source;
  if (recording->info().command != report.truth.command) {
    report.notes.push_back("The recording is of another command: " +
                           report::command_line(recording->info().command));
  }
  Progress progress("predicting");
  progress.say("predicting");
  report.ageing = report.truth.rows[0].conditions.ageing;
  PW_TRY(predict_rows(report, *recording, costs->costs, predict));
  return report;
}

}  // namespace

Result<report::Checked> check_with(const TruthReplay& asked, const Predictor& predict) {
  const Result<CheckReport> report = compared(asked, predict);
  if (!report) return tl::unexpected(report.error());
  return report::Checked{check_text(*report, text_style(asked.output.empty())),
                         check_json(*report)};
}

int replay_truth(const TruthReplay& asked, const Predictor& predict) {
  const Result<CheckReport> report = compared(asked, predict);
  if (!report) return give_up(report.error());
  const std::string content = asked.json ? check_json(*report)
                                         : check_text(*report, text_style(asked.output.empty()));
  const Result<void> written = write_result(asked.output, content, asked.force);
  if (!written) return give_up(written.error());
  return within_bars(*report) ? kOk : kFailed;
}

}  // namespace pw::tools
