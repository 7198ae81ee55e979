// The measuring half of `pagewright check`: runs a program in memory groups of this host and
// gathers a truth from the runs. Part of the verb check.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ports/host/group_run.hpp"
#include "predict/truth_file.hpp"

namespace pw::tools {

struct MeasureOptions {
  std::vector<std::string> command;
  std::vector<double> percents;  // of the peak, each above 0
  unsigned runs = 5;
  std::optional<predict::SwapKind> swap;  // nothing: what is on, or else zram
  std::optional<int> swappiness;          // nothing: the system's
  HugePages huge_pages = HugePages::Never;
  bool set_huge_pages = false;  // change the system's setting meanwhile, if that is needed
  std::uint64_t stat_flush_ns = 20'000'000;  // 0: left to the kernel
  int cpu = -1;
  double timeout_s = 0;     // 0: chosen by the time without a limit
  std::string swap_folder;  // for a swap file
};

class Measurement {
 public:
  // Finds out what the host allows and starts the guardian: to be called while there is one thread.
  // Errors: Access, NotSupported with what to do.
  static Result<std::unique_ptr<Measurement>> start(const MeasureOptions& options);

  // First without a limit, then at each limit. `say`: a line about what is being done. Errors: as
  // host::run_in_group's.
  using Say = std::function<void(const std::string& line)>;
  Result<void> without_limit(const Say& say);
  Result<void> at_limits(const Say& say);

  // A private folder that goes with the measurement.
  Result<std::string> folder();
  // Takes away everything; what could not be is in the notes of the truth.
  void finish();

  const predict::Truth& truth() const { return truth_; }
  int exit_status() const { return exit_status_; }  // of the very first run

 private:
  explicit Measurement(const MeasureOptions& options) : options_(options) {}
  Result<void> prepare();
  Result<void> prepare_swap();
  host::RunRequest request_for(const predict::Conditions& conditions) const;
  Result<void> measure(double percent, std::uint64_t limit_bytes, const Say& say);
  void note(const std::string& text);  // each once

  MeasureOptions options_;
  host::GroupParent parent_;
  predict::Conditions conditions_;
  predict::Truth truth_;
  double timeout_s_ = 0;
  int exit_status_ = 0;
  std::unique_ptr<host::Guardian> guardian_;
};

// The environment as a number of 16 digits: programs find it on their stacks.
std::string environment_hash();

}  // namespace pw::tools
