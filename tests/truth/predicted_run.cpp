#include "truth/predicted_run.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "record/record.hpp"
#include "truth/real_run.hpp"

namespace pw::truth {

namespace {

// The environment and working directory of the real runs, for as long as it lives.
class Surroundings {
 public:
  explicit Surroundings(const std::string& folder) : before_(std::filesystem::current_path()) {
    for (char** line = environ; line != nullptr && *line != nullptr; ++line) {
      lines_.emplace_back(*line);
    }
    set(environment());
    if (!folder.empty()) std::filesystem::current_path(folder);
  }
  ~Surroundings() {
    set(lines_);
    std::error_code ignored;
    std::filesystem::current_path(before_, ignored);
  }
  Surroundings(const Surroundings&) = delete;
  Surroundings& operator=(const Surroundings&) = delete;

 private:
  static void set(const std::vector<std::string>& lines) {
    clearenv();
    for (const std::string& line : lines) {
      const std::size_t at = line.find('=');
      if (at != std::string::npos) setenv(line.substr(0, at).c_str(), line.c_str() + at + 1, 1);
    }
  }
  std::filesystem::path before_;
  std::vector<std::string> lines_;
};

std::string recorders() {
  const char* given = std::getenv("PW_RECORDERS");
  return given != nullptr ? given : std::string(PW_BUILD_DIR) + "/lib/pagewright";
}

}  // namespace

std::string why_not_recorded() {
  if (std::system("command -v valgrind >/dev/null 2>&1") != 0) return "valgrind is missing";
  return {};
}

std::string record_run(const std::vector<std::string>& command, const std::string& folder,
                       const std::string& recording, bool stacks) {
  record::RecordOptions options;
  options.command = command;
  options.output = recording;
  options.force = true;
  options.stacks = stacks;
  options.with = record::With::Valgrind;
  options.recorder_files = recorders();
  const Surroundings surroundings(folder);
  const auto outcome = record::record(options);
  return outcome ? std::string() : "recording: " + outcome.error().message;
}

Predicted record_and_replay(const std::vector<std::string>& command, const std::string& folder,
                            const std::string& recording) {
  Predicted predicted;
  predicted.problem = record_run(command, folder, recording);
  if (!predicted.problem.empty()) return predicted;
  const auto opened = record::Recording::open(recording);
  if (!opened) {
    predicted.problem = "opening: " + opened.error().message;
    return predicted;
  }
  MachineConfig config;
  config.model = MemoryModel::Linux;
  auto replayed = replay::replay(*opened, config);
  if (replayed) {
    predicted.result = std::move(*replayed);
  } else {
    predicted.problem = "replay: " + replayed.error().message;
  }
  return predicted;
}

}  // namespace pw::truth
