#include "tools/check_measure.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "ports/host/temporary_swap.hpp"
#include "record/checksum.hpp"

namespace pw::tools {
namespace {

using host::RunRequest;
using host::RunResult;
using predict::SwapKind;

constexpr std::uint64_t kKernelFlushNs = 2'000'000'000;  // FLUSH_TIME of mm/memcontrol.c
constexpr double kLeastTimeout = 60, kTimeoutTimes = 100;
constexpr std::uint64_t kSwapBeyond = 64ULL << 20;
constexpr const char* kHugePagesFile = "/sys/kernel/mm/transparent_hugepage/enabled";

// /sys/kernel/mm/lru_gen/enabled: a mask whose first bit is the switch; not there: not built in.
Ageing kernel_ageing() {
  const std::string text = host::text_of_file("/sys/kernel/mm/lru_gen/enabled");
  const bool generations = (std::strtoul(text.c_str(), nullptr, 16) & 1) != 0;
  return generations ? Ageing::Generations : Ageing::Lists;
}

int setting(const char* path, int otherwise) {
  const std::string text = host::text_of_file(path);
  return text.empty() ? otherwise : std::atoi(text.c_str());
}

std::uint64_t count(const RunResult& run, std::string_view name) {
  return host::value_of(run.counters.counts, name);
}

// True only if the group itself counts that.
bool reclaimed(const RunResult& run) {
  const auto& others = run.counters.of_machine;
  return count(run, "pgscan") > 0 &&
         std::find(others.begin(), others.end(), "pgscan") == others.end();
}

predict::Outcome outcome_of(const RunResult& run, bool huge_pages) {
  predict::Outcome outcome;
  outcome.minor_faults = run.minor_faults;
  outcome.major_faults = run.major_faults;
  outcome.swap_in = count(run, "pswpin");
  outcome.swap_out = count(run, "pswpout");
  outcome.zero_in = count(run, "swpin_zero");
  outcome.zero_out = count(run, "swpout_zero");
  outcome.scanned = count(run, "pgscan");
  outcome.stolen_anon = count(run, "pgsteal_anon");
  outcome.stolen_file = count(run, "pgsteal_file");
  outcome.refault_anon = count(run, "workingset_refault_anon");
  outcome.refault_file = count(run, "workingset_refault_file");
  outcome.activate_anon = count(run, "workingset_activate_anon");
  outcome.activate_file = count(run, "workingset_activate_file");
  outcome.peak_resident_bytes = run.peak_resident_bytes;
  outcome.peak_group_bytes = run.peak_group_bytes;
  if (huge_pages) {  // other programs may have some, and a group of version 1 does not count its
                     // own
    outcome.huge_faults = count(run, "thp_fault_alloc");
    outcome.huge_splits = count(run, "thp_split_page");
  }
  outcome.oom = run.oom_kills > 0;
  if (!run.oom_victims.empty()) outcome.oom_victim = run.oom_victims.front();
  outcome.seconds = run.seconds;
  outcome.cpu_seconds = run.cpu_seconds;
  return outcome;
}

std::uint64_t whole_pages(double bytes) {
  return static_cast<std::uint64_t>(std::max(bytes, 0.0)) / kPageSize * kPageSize;
}

}  // namespace

std::string environment_hash() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    variables.emplace_back(*variable);
  }
  std::sort(variables.begin(), variables.end());
  std::string all;
  for (const std::string& variable : variables) (all += variable) += '\0';
  return fmt::format("{:016x}", record::checksum(all));
}

Result<std::unique_ptr<Measurement>> Measurement::start(const MeasureOptions& options) {
  std::unique_ptr<Measurement> made(new Measurement(options));
  PW_TRY(made->prepare());
  return made;
}

Result<void> Measurement::prepare() {
  const Result<host::GroupParent> parent = host::find_group_parent();
  if (!parent) return tl::unexpected(parent.error());
  parent_ = *parent;
  Result<std::unique_ptr<host::Guardian>> guardian = host::Guardian::start();
  if (!guardian) return tl::unexpected(guardian.error());
  guardian_ = std::move(*guardian);
  if (parent_.make_room) PW_TRY(guardian_->make_room(parent_));
  const bool change = options_.set_huge_pages && options_.huge_pages != HugePages::Never &&
                      options_.huge_pages != host::system_huge_pages();
  if (change) {
    const std::string value(predict::name_of(options_.huge_pages));
    PW_TRY(guardian_->change_setting(kHugePagesFile, value));
    note("The system's setting for huge pages was '" + value + "' during the check.");
  }
  const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  conditions_.group_version = parent_.version == host::GroupVersion::V1 ? 1 : 2;
  conditions_.ageing = kernel_ageing();
  conditions_.huge_pages = options_.huge_pages;
  const int swappiness = setting("/proc/sys/vm/swappiness", 60);
  const bool own_swappiness = parent_.version == host::GroupVersion::V1;
  conditions_.swappiness = own_swappiness ? options_.swappiness.value_or(swappiness) : swappiness;
  conditions_.page_cluster = static_cast<std::uint32_t>(
      std::clamp(setting("/proc/sys/vm/page-cluster", 3), 0, 31));
  conditions_.readahead_pages = host::readahead_pages(".");
  conditions_.stat_flush_ns = options_.stat_flush_ns == 0 ? kKernelFlushNs : options_.stat_flush_ns;
  conditions_.cpus = options_.cpu >= 0 ? 1 : static_cast<unsigned>(std::max(cpus, 1L));
  conditions_.swap = SwapKind::None;  // without a limit nothing is swapped
  utsname system{};
  uname(&system);
  truth_.command = options_.command;
  truth_.environment = environment_hash();
  truth_.kernel = system.release;
  truth_.group_version = parent_.version == host::GroupVersion::V1 ? "v1" : "v2";
  truth_.cpu = options_.cpu;
  return {};
}

void Measurement::note(const std::string& text) {
  auto& notes = truth_.notes;
  if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(text);
}

Result<void> Measurement::prepare_swap() {
  const std::vector<host::SwapArea> areas = host::current_swaps();
  const auto first = std::max_element(
      areas.begin(), areas.end(),
      [](const host::SwapArea& a, const host::SwapArea& b) { return a.priority < b.priority; });
  if (options_.swap == SwapKind::None) return {};
  const SwapKind there = first == areas.end() ? SwapKind::None
                         : first->zram        ? SwapKind::Zram
                                              : SwapKind::Ssd;
  const bool use_it = there != SwapKind::None && options_.swap.value_or(there) == there;
  const std::uint64_t need = whole_pages(static_cast<double>(truth_.peak_bytes) * 1.25) +
                             kSwapBeyond;
  if (use_it && first->bytes - first->used_bytes >= need) {
    conditions_.swap = there;
    note("Swap was on already and was used: " + first->path + '.');
    return {};
  }
  const SwapKind kind = options_.swap.value_or(there == SwapKind::None ? SwapKind::Zram : there);
  const Result<std::string> made = kind == SwapKind::Zram
                                       ? guardian_->make_zram(need, "")
                                       : guardian_->make_swap_file(options_.swap_folder, need);
  if (!made && !options_.swap) {
    note("There was no swap: " + made.error().message + '.');
    return {};
  }
  if (!made) {
    return fail(made.error().code,
                fmt::format("no swap for the check: {} (or --swap none)", made.error().message));
  }
  conditions_.swap = kind;
  note(fmt::format("Swap of its own, taken away afterwards: {} of {} MiB.", *made, need >> 20));
  return {};
}

RunRequest Measurement::request_for(const predict::Conditions& conditions) const {
  RunRequest request;
  const bool limited = conditions.limit_bytes != 0;
  request.command = options_.command;
  request.knobs = {conditions.limit_bytes, options_.swappiness.value_or(conditions.swappiness),
                   !limited || conditions.swap != SwapKind::None};
  request.huge_pages = options_.huge_pages;
  request.cpu = options_.cpu;
  request.stat_flush_ns = options_.stat_flush_ns;
  request.timeout_s = limited ? timeout_s_ : options_.timeout_s;
  return request;
}

Result<void> Measurement::measure(double percent, std::uint64_t limit_bytes, const Say& say) {
  predict::Conditions conditions = conditions_;
  conditions.limit_bytes = limit_bytes;
  const RunRequest request = request_for(conditions);
  std::vector<predict::Outcome> outcomes;
  std::vector<bool> late;
  const std::string at = limit_bytes == 0 ? "without a limit" : fmt::format("at {:g} %", percent);
  for (unsigned i = 0; i < options_.runs; ++i) {
    say(fmt::format("running {}, {} of {}", at, i + 1, options_.runs));
    const Result<RunResult> run = host::run_in_group(*guardian_, parent_, request);
    if (!run) return tl::unexpected(run.error());
    for (const std::string& text : run->notes) note(text);
    if (run->left_over > 0) {
      note("Processes that the program left behind were ended, and count up to then.");
    }
    const bool ended_well = run->oom_kills == 0 && !run->timed_out;
    if (ended_well && run->exit_status != exit_status_) {
      note(fmt::format("The program's exit status is not always the same: {} and, {}, {}.",
                       exit_status_, at, run->exit_status));
    }
    if (limit_bytes == 0 && reclaimed(*run)) {
      note(
          "The kernel took memory from the program without a limit, too: a group above has a "
          "limit, or the host is short of memory. Its peak is too low then.");
    }
    truth_.of_machine = run->counters.of_machine;
    outcomes.push_back(outcome_of(*run, options_.huge_pages != HugePages::Never));
    late.push_back(run->timed_out);
  }
  truth_.rows.push_back(predict::summarize(percent, conditions, outcomes, late));
  return {};
}

Result<void> Measurement::without_limit(const Say& say) {
  // A run that does not count: it brings the files that the program reads into the page cache.
  say("running for the first time");
  RunRequest first = request_for(conditions_);
  first.keep_errors = true;
  const Result<RunResult> warm = host::run_in_group(*guardian_, parent_, first);
  if (!warm) return tl::unexpected(warm.error());
  exit_status_ = warm->exit_status;
  PW_TRY(measure(0, 0, say));
  const predict::TruthRow& row = truth_.rows.front();
  const auto& all = predict::quantities();
  double seconds = 0;
  for (std::size_t q = 0; q < all.size(); ++q) {
    if (all[q].name == "peak_group") {
      truth_.peak_bytes = static_cast<std::uint64_t>(row.figures[q].median);
    }
    if (all[q].name == "seconds") seconds = row.figures[q].median;
  }
  if (truth_.peak_bytes == 0) {
    return fail(Errno::NotSupported,
                "this kernel does not tell the peak of a group (memory.peak: Linux 5.19 or newer)");
  }
  timeout_s_ = options_.timeout_s > 0 ? options_.timeout_s
                                      : std::max(kLeastTimeout, kTimeoutTimes * seconds);
  return {};
}

Result<void> Measurement::at_limits(const Say& say) {
  PW_TRY(prepare_swap());
  for (double percent : options_.percents) {
    const double bytes = static_cast<double>(truth_.peak_bytes) * percent / 100;
    PW_TRY(measure(percent, std::max(whole_pages(bytes), std::uint64_t{kPageSize}), say));
  }
  return {};
}

Result<std::string> Measurement::folder() {
  const char* parent = std::getenv("TMPDIR");
  return guardian_->make_folder(parent == nullptr || *parent != '/' ? "/tmp" : parent);
}

void Measurement::finish() {
  for (const std::string& problem : guardian_->finish()) note("Not taken away: " + problem);
}

}  // namespace pw::tools
