#include "script/runner.hpp"

#include "script/diagnostic.hpp"
#include "script/execution.hpp"

namespace pw::script {

namespace {

std::string plural(std::uint64_t n, const std::string& what) {
  return in_decimal(n) + ' ' + what + (n == 1 ? "" : "s");
}

void add_finding(const Finding& finding, std::string& text) {
  text += "line " + in_decimal(finding.place.line) + ": " + finding.step + '\n';
  if (!finding.expected.empty()) text += "  expected " + finding.expected + '\n';
  text += "  got      " + finding.got + '\n';
}

}  // namespace

RunReport run(const Program& program, Target& target, const RunLimits& limits,
              const Output& output) {
  Execution execution(program, target, limits, output);
  while (execution.advance()) {
  }
  return execution.take_report();
}

std::string summary(const RunReport& report) {
  std::string text;
  for (const Finding& finding : report.failures) add_finding(finding, text);
  if (report.failed > report.failures.size()) {
    text += "... and " + plural(report.failed - report.failures.size(), "failed check") + " more\n";
  }
  if (report.stopped) text += report.stopped->message + '\n';
  text += plural(report.steps, "step") + ", " + plural(report.checks, "check");
  if (report.checks > 0) {
    const std::string good = report.stopped ? ", none failed" : ", all as expected";
    text += report.failed == 0 ? good : ", " + in_decimal(report.failed) + " failed";
  }
  if (report.skipped > 0) {
    text += ", " + in_decimal(report.skipped) + " skipped that only the simulated machine can make";
  }
  text += '\n';
  if (report.noted > 0) {
    text += plural(report.noted, "step") + " failed that no check was about, the first:\n";
    add_finding(report.notes.front(), text);
  }
  return text;
}

}  // namespace pw::script
