#include "tools/exports.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <set>

#include "report/exports.hpp"
#include "tools/console.hpp"

namespace pw::tools {
namespace {

Result<void> write_one(const char* what, const std::string& path, const std::string& content,
                       bool force) {
  PW_TRY(write_result(path, content, force));
  if (path != "-") {
    fmt::print(stderr, "{}: {} ({:.1f} MiB)\n", what, path,
               static_cast<double>(content.size()) / 1048576.0);
  }
  return {};
}

}  // namespace

void add_export_flags(CLI::App& verb, ExportFlags& flags) {
  verb.add_option("--perfetto", flags.perfetto,
                  "write faults and memory over time as a trace for ui.perfetto.dev")
      ->type_name("FILE");
  verb.add_option("--speedscope", flags.speedscope,
                  "write faults and bytes touched, by call stack, for speedscope.app")
      ->type_name("FILE");
  CLI::Option* const folded = verb.add_option("--folded", flags.folded,
                                              "write folded stacks, one a line, for flamegraph.pl");
  folded->type_name("FILE");
  verb.add_option("--folded-of", flags.folded_of, "what folded stacks count: faults or bytes")
      ->check(CLI::IsMember({"faults", "bytes"}).description(""))
      ->type_name("WHAT")
      ->needs(folded);
}

Result<void> check_export_files(const ExportFlags& flags, const std::string& other, bool force) {
  std::set<std::string> names;
  for (const std::string& path : {other, flags.perfetto, flags.speedscope, flags.folded}) {
    if (path.empty()) continue;
    if (!names.insert(path).second) {
      return fail(Errno::Invalid, path + " is named twice: give each result a file of its own");
    }
    std::error_code none;
    if (!force && std::filesystem::is_regular_file(path, none)) {
      return fail(Errno::Exists, path + " exists: choose another name or say --force");
    }
  }
  return {};
}

Result<void> write_exports(const record::Recording& recording, const report::Report& report,
                           replay::FaultLog& log, const ExportFlags& flags, bool force) {
  log.finish();
  const report::Export what{recording, report.columns.front(), log};
  if (!flags.perfetto.empty()) {
    PW_TRY(write_one("Perfetto trace", flags.perfetto, report::perfetto(what), force));
  }
  if (!flags.speedscope.empty()) {
    PW_TRY(write_one("speedscope profile", flags.speedscope, report::speedscope(what), force));
  }
  if (!flags.folded.empty()) {
    const auto measure = flags.folded_of == "bytes" ? report::Measure::Bytes
                                                    : report::Measure::Faults;
    PW_TRY(write_one("folded stacks", flags.folded, report::folded(what, measure), force));
  }
  return {};
}

}  // namespace pw::tools
