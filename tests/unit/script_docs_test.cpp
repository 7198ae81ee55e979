// docs/SCRIPTS.md names every system call with its arguments, every counter, and everything that
// can be shown; its example runs and gives what it says.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "script/counters.hpp"
#include "script/parser.hpp"
#include "script/runner.hpp"
#include "script/settings.hpp"
#include "script/sim_target.hpp"
#include "script/vocabulary.hpp"

namespace pw::script {
namespace {

std::string page() {
  std::ifstream file(PW_SOURCE_DIR "/docs/SCRIPTS.md");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(ScriptDocs, NameAllThereIs) {
  const std::string text = page();
  const auto names = [&](const std::string& words) {
    EXPECT_NE(text.find('`' + words), std::string::npos) << words;
  };
  for (const sys::Signature& call : sys::all_calls()) {
    names(usage(verb_of(Verb::Call, call.call)) + '`');
  }
  for (const std::string_view counter : process_counter_names()) names(std::string(counter) + '`');
  for (const std::string_view counter : machine_counter_names()) names(std::string(counter) + '`');
  for (const std::string_view constant : constant_names()) names(std::string(constant) + '`');
  for (const std::string_view setting : setting_names()) {
    if (setting.substr(0, 2) == "l1" || setting.substr(0, 2) == "l2") continue;  // "l1d, l2, ..."
    names(std::string(setting) + '`');
  }
  for (const Showable& showable : showables()) {
    EXPECT_NE(text.find(showable.name), std::string::npos) << showable.name;
  }
}

TEST(ScriptDocs, TheExampleDoesWhatThePageSays) {
  // The first two indented blocks: the script, and what the command line prints.
  std::istringstream lines(page());
  std::string blocks[2], line;
  std::size_t at = 0;
  bool inside = false;
  while (at < 2 && std::getline(lines, line)) {
    const bool indented = line.substr(0, 4) == "    ";
    if (indented) blocks[at] += line.substr(4) + '\n';
    if (inside && !indented) ++at;
    inside = indented;
  }
  const Result<Program> program = parse(blocks[0]);
  ASSERT_TRUE(program) << program.error().message;
  const auto target = SimTarget::create(default_machine());
  ASSERT_TRUE(target);
  std::string printed = "$ pagewright script copy_on_write.pws\n";
  const RunReport report = run(*program, **target, {}, [&](std::string_view s) { printed += s; });
  EXPECT_EQ(blocks[1], printed + summary(report));
}

}  // namespace
}  // namespace pw::script
