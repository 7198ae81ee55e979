// pagewright script: carries a script out on the simulated machine or on the running kernel.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "ports/host/host_target.hpp"
#include "script/parser.hpp"
#include "script/runner.hpp"
#include "script/settings.hpp"
#include "script/sim_target.hpp"
#include "tools/console.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

struct Flags {
  std::string file, on = "sim";
  std::vector<std::string> limits;
  bool json = false, quiet = false;
};

struct Limits {
  script::RunLimits run;
  script::ParseLimits parse;
  script::SimLimits sim;
  std::uint64_t seconds = 60;
  std::uint64_t memory = 4ULL << 30;  // of this process
};

Result<void> set_limit(Limits& limits, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string key = text.substr(0, equals);
  const Result<std::uint64_t> value = equals == std::string::npos
                                          ? fail(Errno::Invalid)
                                          : script::parse_size(text.substr(equals + 1));
  constexpr const char* kKeys =
      "steps, bytes, populate, processes, shown, text, text-steps, ram, store, memory or seconds";
  if (!value) {
    return fail(
        Errno::Invalid,
        fmt::format("--limit '{}': write KEY=NUMBER with {}, such as steps=1000", text, kKeys));
  }
  if (key == "steps") {
    limits.run.steps = *value;
  } else if (key == "bytes") {
    limits.run.bytes = *value;
  } else if (key == "populate") {
    limits.run.populate = *value;
  } else if (key == "processes") {
    limits.run.processes = *value;
  } else if (key == "shown") {
    limits.run.shown = *value;
  } else if (key == "text") {
    limits.parse.bytes = *value;
  } else if (key == "text-steps") {
    limits.parse.steps = *value;
  } else if (key == "ram") {
    limits.sim.ram = ByteCount(*value);
  } else if (key == "store") {
    limits.sim.store = ByteCount(*value);
  } else if (key == "memory") {
    limits.memory = *value;
  } else if (key == "seconds") {
    limits.seconds = *value;
  } else {
    return fail(Errno::Invalid, fmt::format("--limit: there is no '{}'; write {}", key, kKeys));
  }
  return {};
}

// What this process holds in memory; 0 where nobody tells.
std::uint64_t resident_bytes() {
  static const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  std::array<char, 128> text{};
  if (file < 0 || ::pread(file, text.data(), text.size() - 1, 0) <= 0) return 0;
  unsigned long long pages = 0;
  if (std::sscanf(text.data(), "%*u %llu", &pages) != 1) return 0;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Result<std::unique_ptr<script::Target>> make_target(const Flags& flags, const Limits& limits,
                                                    const script::Program& program) {
  if (flags.on == "host") {
    auto host = host::HostTarget::create();
    if (!host) return tl::unexpected(host.error());
    return std::move(*host);
  }
  const Result<MachineConfig> config = script::machine_of(program);
  if (!config) return tl::unexpected(config.error());
  auto target = script::SimTarget::create(*config, limits.sim);
  if (!target) return tl::unexpected(target.error());
  return std::move(*target);
}

// Time and memory of a run, asked every few steps.
class Watch {
 public:
  Watch(const Flags& flags, const Limits& limits)
      : limits_(&limits), what_("running " + flags.file), progress_(what_) {}

  // Why the run must end, or nothing.
  std::string ask() {
    const auto taken = Clock::now() - start_;
    if (taken > std::chrono::seconds(limits_->seconds)) {
      return fmt::format("the script has run for {} s, which is its limit ('seconds')",
                         limits_->seconds);
    }
    if (const std::uint64_t bytes = resident_bytes(); bytes > limits_->memory) {
      return fmt::format("the run has taken {} bytes of memory; the limit is {} ('memory')", bytes,
                         limits_->memory);
    }
    if (taken - said_ > std::chrono::milliseconds(200)) {
      said_ = taken;
      progress_.say(fmt::format("{}: {} s", what_,
                                std::chrono::duration_cast<std::chrono::seconds>(taken).count()));
    }
    return {};
  }
  void done() { progress_.clear(); }

 private:
  using Clock = std::chrono::steady_clock;
  const Limits* limits_;
  std::string what_;
  Progress progress_;
  Clock::time_point start_ = Clock::now();
  Clock::duration said_{};
};

nlohmann::ordered_json findings(const std::vector<script::Finding>& all) {
  auto list = nlohmann::ordered_json::array();
  for (const script::Finding& finding : all) {
    list.push_back({{"line", finding.place.line},
                    {"step", finding.step},
                    {"expected", finding.expected},
                    {"got", finding.got}});
  }
  return list;
}

std::string as_json(const Flags& flags, const script::RunReport& report, const std::string& shown) {
  nlohmann::ordered_json stopped = nullptr;
  if (report.stopped) stopped = report.stopped->message;
  const nlohmann::ordered_json out{{"schema", "pagewright.script/1"},
                                   {"file", flags.file},
                                   {"on", flags.on},
                                   {"good", report.good()},
                                   {"steps", report.steps},
                                   {"checks", report.checks},
                                   {"failed", report.failed},
                                   {"failures", findings(report.failures)},
                                   {"failed_without_check", report.noted},
                                   {"notes", findings(report.notes)},
                                   {"skipped", report.skipped},
                                   {"stopped", stopped},
                                   {"shown", shown}};
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

int run_script(const Flags& flags) {
  Limits limits;
  for (const std::string& limit : flags.limits) {
    const Result<void> set = set_limit(limits, limit);
    if (!set) return give_up(set.error());
  }
  const Result<std::string> text = read_text(flags.file, limits.parse.bytes);
  if (!text) return give_up(text.error());
  const Result<script::Program> program = script::parse(*text, limits.parse);
  if (!program) {
    complain(fmt::format("{}: {}", flags.file, program.error().message));
    return kUsage;
  }
  const auto target = make_target(flags, limits, *program);
  if (!target) {
    complain(fmt::format("{}: {}", flags.file, target.error().message));
    return kUsage;
  }
  Watch watch(flags, limits);
  limits.run.interrupted = [&] { return watch.ask(); };
  std::string shown;
  const script::RunReport report = script::run(*program, **target, limits.run,
                                               [&](std::string_view part) { shown += part; });
  watch.done();
  std::string out = shown;
  if (flags.json) {
    out = as_json(flags, report, shown);
  } else if (!flags.quiet || !report.good()) {
    out += script::summary(report);
  }
  const Result<void> written = write_result("", out, false);
  if (!written) return give_up(written.error());
  return report.good() ? kOk : kFailed;
}

}  // namespace

void add_script(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("script",
                                      "carry out a script of processes, system calls and accesses");
  auto flags = std::make_shared<Flags>();
  verb->add_option("FILE", flags->file, "the script (docs/SCRIPTS.md), - for stdin")->required();
  verb->add_option("--on", flags->on, "sim: the simulated machine; host: the running kernel (sim)")
      ->type_name("WHERE")
      ->check(CLI::IsMember({"sim", "host"}).description(""));
  verb->add_option(
          "--limit", flags->limits,
          "steps=N, seconds=N, processes=N, bytes=SIZE and populate=SIZE of a step, ram=SIZE, "
          "store=SIZE of "
          "files and swap, memory=SIZE of this process, text=SIZE, text-steps=N, shown=SIZE; may "
          "be "
          "given again")
      ->type_name("KEY=N")
      ->take_all();
  verb->add_flag("--json", flags->json, "as JSON, schema pagewright.script/1");
  verb->add_flag("--quiet", flags->quiet, "no summary if all is as expected");
  verb->footer(
      "Exit status: 0 all as expected, 1 a check failed or the run was stopped, 2 the script or "
      "an\n"
      "option is wrong.\n"
      "Examples:\n"
      "  pagewright script data/scripts/copy_on_write.pws\n"
      "  echo 'process A; p = mmap 0 1P r private|anonymous; store p \"x\"' | pagewright script -");
  verb->callback([flags, &call] { call.status = run_script(*flags); });
}

}  // namespace pw::tools
