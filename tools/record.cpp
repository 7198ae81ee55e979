// pagewright record -- PROGRAM ARGS: a program's memory references and calls into a file.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "report/report.hpp"
#include "tools/console.hpp"
#include "tools/record_flags.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

struct Flags {
  RecordFlags record;
  std::string recover;
};

void tell_next(const std::string& path) {
  note(fmt::format("recorded to {}; next: pagewright report {}", path,
                   report::command_line({path})));
}

int save_left_over(const Flags& flags) {
  if (flags.record.output.empty()) {
    return give_up({Errno::Invalid, "--recover needs a name for the recording: -o FILE"});
  }
  const Result<record::RecordOutcome> outcome = record::recover(
      flags.recover, flags.record.output, flags.record.force, flags.record.redact);
  if (!outcome) return give_up(outcome.error());
  for (const std::string& lost : outcome->notes) note(lost);
  tell_next(flags.record.output);
  return kOk;
}

int record_and_tell(const CLI::App& verb, const RecordFlags& flags, const Call& call) {
  const Result<std::vector<std::string>> program = program_of(verb, call.program);
  if (!program) return give_up(program.error());
  std::string path = flags.output;
  if (path.empty()) {
    path = std::filesystem::path(program->front()).filename().string() + ".pwrec";
  }
  const Result<record::RecordOutcome> outcome = record_program(flags, *program, path);
  if (!outcome) return give_up(outcome.error());
  tell_next(path);
  return outcome->exit_status;
}

}  // namespace

void add_record(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("record", "record a program to a file");
  auto flags = std::make_shared<Flags>();
  add_record_flags(*verb, flags->record, "name of the recording (PROGRAM.pwrec)");
  verb->add_option("--recover", flags->recover, "save what an interrupted recording left in FOLDER")
      ->type_name("FOLDER");
  verb->footer(
      "A recording contains the program's command line, the paths of the files that it maps and\n"
      "the names of functions; --redact replaces them by hashes.\n\n"
      "Exit status: the program's own; 2 if it could not be recorded.\n\n"
      "Examples:\n"
      "  pagewright record -o sort.pwrec -- sort FILE\n"
      "  pagewright record --detail switches -- gzip -k FILE\n"
      "  pagewright record --with qemu --redact -- node script.js");
  verb->callback([verb, flags, &call] {
    call.status = flags->recover.empty() ? record_and_tell(*verb, flags->record, call)
                                         : save_left_over(*flags);
  });
}

}  // namespace pw::tools
