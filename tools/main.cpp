// The command line: parses, calls a verb, and turns what it leaves into an exit status.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <new>

#include "tools/console.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

constexpr const char* kAbout =
    "Pagewright shows what memory a program needs, what happens below that, and why: it records "
    "an\n"
    "unmodified program and replays it on machines of your choice.";
constexpr const char* kExamples =
    "Examples:\n"
    "  pagewright run -- sort FILE\n"
    "  pagewright run --what-if ram=50%,ram=25% -- python3 script.py\n"
    "  pagewright record -o sort.pwrec -- sort FILE\n"
    "  pagewright report sort.pwrec --what-if ram=64M,ram=64M+policy=lru\n"
    "  pagewright doctor\n\n"
    "'pagewright VERB --help' tells the rest. NO_COLOR turns colours off.";

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = CLI::Formatter::make_usage(app, name);
    if (app->get_prefix_command()) {
      usage.insert(usage.find_last_not_of('\n') + 1, " -- PROGRAM [ARGUMENTS]");
    }
    return usage;
  }
};

std::string usage_message(const CLI::App& app, const CLI::ParseError& error, int argc,
                          char** argv) {
  const auto chosen = app.get_subcommands();
  if (chosen.empty() && argc > 1 && argv[1][0] != '-') {
    return fmt::format("there is no verb '{}'; see 'pagewright --help'", argv[1]);
  }
  if (chosen.empty() && argc == 1) return "no verb given; see 'pagewright --help'";
  std::string message = error.what();
  std::replace(message.begin(), message.end(), '\n', ' ');
  return fmt::format("{}; see 'pagewright {}--help'", message,
                     chosen.empty() ? "" : chosen.front()->get_name() + ' ');
}

// "pagewright VERB OPTIONS -- PROGRAM ARGS": what follows the first "--" is the program's,
// untouched.
std::vector<std::string> take_program(int& argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--") != 0) continue;
    std::vector<std::string> program(argv + i + 1, argv + argc);
    argc = i;
    return program;
  }
  return {};
}

int parse_and_call(int argc, char** argv) {
  Call call;
  call.program = take_program(argc, argv);
  CLI::App app(kAbout, "pagewright");
  app.footer(kExamples);
  app.require_subcommand(1);
  app.set_version_flag("--version", "pagewright 0.1.0");
  const auto formatter = std::make_shared<HelpFormatter>();
  formatter->column_width(34);
  app.formatter(formatter);
  add_run(app, call);
  add_record(app, call);
  add_replay(app, call);
  add_report(app, call);
  add_diff(app, call);
  add_curve(app, call);
  add_belady(app, call);
  add_workingset(app, call);
  add_eat(app, call);
  add_export(app, call);
  add_multiprogramming(app, call);
  add_script(app, call);
  add_show(app, call);
  add_predict(app, call);
  add_explore(app, call);
  add_check(app, call);
  add_calibrate(app, call);
  add_doctor(app, call);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    complain(usage_message(app, error, argc, argv));
    return kUsage;
  }
  return call.status;
}

}  // namespace
}  // namespace pw::tools

int main(int argc, char** argv) {
  try {
    return pw::tools::parse_and_call(argc, argv);
  } catch (const std::bad_alloc&) {
    pw::tools::complain("out of memory; close other programs or use a shorter recording");
  } catch (const std::exception& error) {
    pw::tools::complain(error.what());
  }
  return pw::tools::kFailed;
}
