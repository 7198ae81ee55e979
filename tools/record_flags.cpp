#include "tools/record_flags.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "report/units.hpp"
#include "tools/console.hpp"
#include "tools/install_paths.hpp"

namespace pw::tools {
namespace {

// A line while the program runs, unless its own output has the terminal too.
void show(const record::RecordProgress& now, Progress& line) {
  if (isatty(STDOUT_FILENO) == 1 && !now.finishing) return;
  line.say(fmt::format("{} {:.0f} s, {} references, {}", now.finishing ? "saving" : "recording",
                       now.seconds, report::count(now.references),
                       report::bytes(ByteCount(now.bytes))));
}

record::Detail detail_of(const std::string& name) {
  if (name == "full") return record::Detail::Full;
  return name == "switches" ? record::Detail::Switches : record::Detail::Pages;
}

CLI::Validator one_of(const std::vector<std::string>& names) {
  return CLI::IsMember(names).description("");  // the option's help lists them
}

record::With with_of(const std::string& name) {
  if (name == "valgrind") return record::With::Valgrind;
  return name == "qemu" ? record::With::Qemu : record::With::Auto;
}

}  // namespace

void add_record_flags(CLI::App& verb, RecordFlags& flags, const char* output_help) {
  constexpr const char* kGroup = "The recording";
  verb.prefix_command();  // the first word that is no option begins the program's
  verb.add_option("-o,--output", flags.output, output_help)->type_name("FILE")->group(kGroup);
  verb.add_flag("--force", flags.force, "overwrite FILE")->group(kGroup);
  verb.add_option("--detail", flags.detail, "pages, switches (exact for the TLB) or full (pages)")
      ->check(one_of({"pages", "switches", "full"}))
      ->type_name("KIND")
      ->group(kGroup);
  verb.add_option("--k", flags.k, "pages in the filter of --detail pages (64)")
      ->check(CLI::Range(2U, 1024U).description(""))
      ->type_name("PAGES")
      ->group(kGroup);
  verb.add_option("--with", flags.with, "valgrind or qemu (chosen by the program)")
      ->check(one_of({"auto", "valgrind", "qemu"}))
      ->type_name("RECORDER")
      ->group(kGroup);
  verb.add_flag("--redact", flags.redact, "hashes instead of names and paths")->group(kGroup);
  verb.add_flag("--no-stacks", flags.no_stacks, "without call sites: smaller and a little faster")
      ->group(kGroup);
}

Result<std::vector<std::string>> program_of(const CLI::App& verb,
                                            const std::vector<std::string>& after_dashes) {
  std::vector<std::string> program = verb.remaining();
  program.insert(program.end(), after_dashes.begin(), after_dashes.end());
  if (program.empty()) {
    return fail(Errno::Invalid, fmt::format("no program given: pagewright {} -- PROGRAM ARGUMENTS",
                                            verb.get_name()));
  }
  if (program.front().size() > 1 && program.front().front() == '-') {
    return fail(Errno::Invalid, fmt::format("there is no option {}; see 'pagewright {} --help'",
                                            program.front(), verb.get_name()));
  }
  return program;
}

Result<record::RecordOutcome> record_program(const RecordFlags& flags,
                                             const std::vector<std::string>& program,
                                             const std::string& path) {
  record::RecordOptions options;
  options.command = program;
  options.output = path;
  options.force = flags.force;
  options.detail = detail_of(flags.detail);
  options.filter_pages = flags.k;
  options.with = with_of(flags.with);
  options.redact = flags.redact;
  options.stacks = !flags.no_stacks;
  options.recorder_files = recorder_folder();
  Progress line("recording");
  options.progress = [&line](const record::RecordProgress& now) { show(now, line); };
  Result<record::RecordOutcome> outcome = record::record(options);
  line.clear();
  if (!outcome) return outcome;
  if (flags.with == "auto" && !outcome->why.empty()) note("recorded with " + outcome->why);
  for (const std::string& lost : outcome->notes) note(lost);
  return outcome;
}

}  // namespace pw::tools
