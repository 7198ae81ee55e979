// pagewright show: the state of a simulated machine after a script, as the files of /proc.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>

#include "script/parser.hpp"
#include "script/runner.hpp"
#include "script/settings.hpp"
#include "script/sim_target.hpp"
#include "tools/console.hpp"
#include "tools/proc_tree.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

struct Flags {
  std::string file, proc;
  std::uint64_t at = 0, seconds = 60;
  bool force = false;
};

Result<std::string> read_script(const std::string& path) {
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    return fail(Errno::NoEntry, fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  }
  std::string text(script::ParseLimits{}.bytes + 1, '\0');
  errno = 0;
  text.resize(std::fread(text.data(), 1, text.size(), file));
  const int error = std::ferror(file) != 0 ? errno : 0;
  if (file != stdin) std::fclose(file);
  if (error != 0) {
    return fail(Errno::NoEntry, fmt::format("cannot read {}: {}", path, std::strerror(error)));
  }
  return text;
}

std::string ended_early(const script::RunReport& report, std::uint64_t at) {
  if (report.stopped && (at == 0 || report.steps <= at)) return report.stopped->message;
  if (report.failed > 0) return fmt::format("{} of its checks failed", report.failed);
  return {};
}

int show_views(const Flags& flags) {
  const Result<std::string> text = read_script(flags.file);
  if (!text) return give_up(text.error());
  const Result<script::Program> program = script::parse(*text, {});
  if (!program) {
    complain(fmt::format("{}: {}", flags.file, program.error().message));
    return kUsage;
  }
  const Result<MachineConfig> config = script::machine_of(*program);
  if (!config) return give_up(config.error());
  const auto target = script::SimTarget::create(*config);
  if (!target) return give_up(target.error());

  script::RunLimits limits;
  if (flags.at > 0) limits.steps = flags.at;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(flags.seconds);
  limits.interrupted = [&]() -> std::string {
    if (std::chrono::steady_clock::now() < end) return {};
    return fmt::format("the script has run for {} s, which is its limit (--seconds)",
                       flags.seconds);
  };
  const script::RunReport report = script::run(*program, **target, limits, {});
  const std::string early = ended_early(report, flags.at);
  if (!early.empty()) note(fmt::format("{}: {}", flags.file, early));
  const Result<void> written = write_proc_tree((*target)->machine(), flags.proc, flags.force);
  if (!written) return give_up(written.error());
  return early.empty() ? kOk : kFailed;
}

}  // namespace

void add_show(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand(
      "show", "the state of a machine after a script, as the files of /proc");
  auto flags = std::make_shared<Flags>();
  verb->add_option("SCRIPT", flags->file, "the script (docs/SCRIPTS.md), - for stdin")->required();
  verb->add_option("--proc", flags->proc, "where PID/maps, meminfo and the others are written")
      ->type_name("DIR")
      ->required();
  verb->add_option("--at", flags->at, "after so many steps, not at the end")
      ->type_name("N")
      ->check(CLI::PositiveNumber.description(""));
  verb->add_option("--seconds", flags->seconds, "the longest run (60)")->type_name("N");
  verb->add_flag("--force", flags->force, "write into a folder that is not empty");
  verb->footer(
      "Exit status: 0 all is written, 1 it is, but a check of the script failed or the run was\n"
      "stopped, or writing failed, 2 the script or an option is wrong.\n"
      "Example:\n"
      "  pagewright show data/scripts/copy_on_write.pws --proc views; cat views/1/smaps_rollup");
  verb->callback([flags, &call] { call.status = show_views(*flags); });
}

}  // namespace pw::tools
