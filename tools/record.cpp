// pagewright record -- PROGRAM ARGS: a program's memory references and calls into a file.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "replay/script_replay.hpp"
#include "report/report.hpp"
#include "tools/console.hpp"
#include "tools/record_flags.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

struct Flags {
  RecordFlags record;
  std::string recover;
  bool text = false;
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

// The text form of the recording in `path`, beside it.
Result<void> write_text_form(const std::string& path, bool force) {
  const Result<record::Recording> recording = record::Recording::open(path);
  if (!recording) return tl::unexpected(recording.error());
  std::string text;
  PW_TRY(replay::write_text(*recording, [&text](std::string_view part) { text += part; }));
  const std::string beside = std::filesystem::path(path).replace_extension(".pws");
  PW_TRY(write_result(beside, text, force));
  note(fmt::format("as text: {}; next: pagewright replay {}", beside,
                   report::command_line({beside})));
  return {};
}

int record_and_tell(const CLI::App& verb, const Flags& all, const Call& call) {
  const RecordFlags& flags = all.record;
  const Result<std::vector<std::string>> program = program_of(verb, call.program);
  if (!program) return give_up(program.error());
  std::string path = flags.output;
  if (path.empty()) {
    path = std::filesystem::path(program->front()).filename().string() + ".pwrec";
  }
  const Result<record::RecordOutcome> outcome = record_program(flags, *program, path);
  if (!outcome) return give_up(outcome.error());
  tell_next(path);
  if (all.text) {
    const Result<void> written = write_text_form(path, flags.force);
    if (!written) return give_up(written.error());
  }
  return outcome->exit_status;
}

}  // namespace

void add_record(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("record", "record a program to a file");
  auto flags = std::make_shared<Flags>();
  add_record_flags(*verb, flags->record, "name of the recording (PROGRAM.pwrec)");
  verb->add_option("--recover", flags->recover, "save what an interrupted recording left in FOLDER")
      ->type_name("FOLDER");
  verb->add_flag("--text", flags->text, "and as text, a script beside the recording (NAME.pws)");
  verb->footer(
      "A recording contains the program's command line, the paths of the files that it uses and\n"
      "the names of functions; --redact replaces them by hashes.\n\n"
      "Exit status: the program's own; 2 if it could not be recorded.\n\n"
      "Examples:\n"
      "  pagewright record -o sort.pwrec -- sort FILE\n"
      "  pagewright record --detail switches -- gzip -k FILE\n"
      "  pagewright record --with qemu --redact -- node script.js");
  verb->callback([verb, flags, &call] {
    call.status = flags->recover.empty() ? record_and_tell(*verb, *flags, call)
                                         : save_left_over(*flags);
  });
}

}  // namespace pw::tools
