// The verbs of the command line, one file each. A verb adds its subcommand to the parser; when the
// user chose it, its callback does the work and leaves the exit status in the call.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace pw::tools {

struct Call {
  std::vector<std::string> program;  // what came after "--"
  int status = 0;
};

void add_run(CLI::App& app, Call& call);
void add_record(CLI::App& app, Call& call);
void add_replay(CLI::App& app, Call& call);
void add_report(CLI::App& app, Call& call);
void add_curve(CLI::App& app, Call& call);
void add_belady(CLI::App& app, Call& call);
void add_workingset(CLI::App& app, Call& call);
void add_eat(CLI::App& app, Call& call);
void add_diff(CLI::App& app, Call& call);
void add_export(CLI::App& app, Call& call);
void add_multiprogramming(CLI::App& app, Call& call);
void add_script(CLI::App& app, Call& call);
void add_show(CLI::App& app, Call& call);
void add_predict(CLI::App& app, Call& call);
void add_explore(CLI::App& app, Call& call);
void add_check(CLI::App& app, Call& call);
void add_calibrate(CLI::App& app, Call& call);
void add_doctor(CLI::App& app, Call& call);

}  // namespace pw::tools
