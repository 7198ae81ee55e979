// How fast every policy of the catalogue runs on the zipf trace of 20 million references (see
// tests/support/vector_traces.hpp) with a memory of 100,000 pages: millions of references a second
// of CPU time, one thread, reading the file and making ids dense included; the median of five runs
// beside the goal. What the policy has allocated is told by a run of its own. Then the curves of
// all sizes, with their peak of memory.
//
// Each run is a child process of its own, so that one's heap is not the other's, and peaks can be
// told apart. A fixed loop of integer arithmetic is timed in each child too: where its spread is
// wide, the machine was busy and the other figures are to be doubted.
//
//   policies_bench [--policy a,b,...] [--runs N] [--quick]       "curves": those
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/formats/oracle_general.hpp"
#include "analysis/input.hpp"
#include "analysis/lru_curve.hpp"
#include "analysis/opt_curve.hpp"
#include "analysis/play.hpp"
#include "analysis/sampling.hpp"
#include "analysis/stream.hpp"
#include "policy/catalogue.hpp"
#include "tests/support/vector_traces.hpp"

namespace {

using namespace pw;

constexpr std::uint32_t kFrames = 100'000;

struct Options {
  std::vector<std::string> policies;  // empty: all, and the curves
  int runs = 5;
  std::size_t references = test::kVectorReferences;
};

// What one run came to, as it passes from child to parent.
struct Run {
  double seconds = 0;       // of CPU, user and system
  double policy_bytes = 0;  // allocated by the policy, at the end
  std::uint64_t misses = 0;
  double peak_bytes = 0;   // of the whole process
  double calibration = 0;  // million steps a second of CPU time
};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

double calibration() {
  constexpr int kSteps = 20'000'000;
  const double start = cpu_seconds();
  Random random(1);
  std::uint64_t sum = 0;
  for (int i = 0; i < kSteps; ++i) sum ^= random.next();
  const double seconds = cpu_seconds() - start;
  return sum == 0 ? 0 : kSteps / seconds * 1e-6;  // the sum is used, so it is computed
}

// Runs `body` in a child process; nothing if that fails.
template <class Body>
std::optional<Run> in_child(Body&& body) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  const pid_t child = ::fork();
  if (child < 0) return {};
  if (child == 0) {
    Run run;
    run.calibration = calibration();
    const double start = cpu_seconds();
    const bool done = body(run);
    run.seconds = cpu_seconds() - start;
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    run.peak_bytes = static_cast<double>(usage.ru_maxrss) * 1024;
    const bool told = done && ::write(ends[1], &run, sizeof run) == sizeof run;
    ::_exit(told ? 0 : 1);
  }
  ::close(ends[1]);
  Run run;
  const bool told = ::read(ends[0], &run, sizeof run) == sizeof run;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!told || status != 0) return {};
  return run;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// All runs of one line; nothing if one failed, which is said.
class Runs {
 public:
  template <class Body>
  Runs(const char* what, int count, Body&& body) {
    for (int i = 0; i < count; ++i) {
      const std::optional<Run> run = in_child(body);
      if (!run) {
        std::printf("%-14s failed\n", what);
        runs_.clear();
        return;
      }
      runs_.push_back(*run);
    }
  }
  explicit operator bool() const { return !runs_.empty(); }
  const Run& last() const { return runs_.back(); }
  double median_of(double Run::*member) const {
    std::vector<double> values;
    for (const Run& run : runs_) values.push_back(run.*member);
    return median(values);
  }

 private:
  std::vector<Run> runs_;
};

bool write_trace(const std::string& path, std::size_t references) {
  analysis::PageTrace trace;
  trace.pages = test::vector_trace("zipf", references);
  trace.ids = 1'000'000;
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return false;
  const auto written = analysis::export_oracle_general(
      trace, 4096, [file](std::string_view bytes) -> Result<void> {
        if (std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size()) return {};
        return fail(Errno::Io, "the trace can't be written");
      });
  return std::fclose(file) == 0 && written.has_value();
}

// Mref a second to reach.
const char* goal_of(std::string_view policy) {
  static const std::map<std::string_view, const char*> kGoals{
      {"fifo", "60"},      {"clock", "50"},       {"sieve", "50"}, {"lru", "50"}, {"arc", "25"},
      {"2q", "25"},        {"s3-fifo", "25"},     {"lfu", "20"},   {"opt", "15"}, {"lirs", "15"},
      {"clock-pro", "20"}, {"linux-lists", "20"}, {"mglru", "20"}};
  const auto at = kGoals.find(policy);
  return at == kGoals.end() ? "" : at->second;
}

policy::Setup setup_for(std::uint32_t ids) {
  policy::Setup setup;
  setup.ids = ids;
  setup.frames = kFrames;
  return setup;
}

// As `pagewright curve` does for one policy and one size: while the file is read. A policy that
// needs the future gets the trace as a whole.
template <class P>
bool run_policy(const std::string& path, Run& run) {
  if constexpr (P::kNeeds == policy::Needs::Future) {
    const auto trace = analysis::open_trace(path);
    if (!trace) return false;
    const std::vector<std::uint32_t> next = analysis::next_references(*trace);
    P policy(setup_for(trace->ids));
    run.misses = analysis::play(*trace, policy, kFrames, next.data()).misses;
    return true;
  } else {
    auto file = analysis::InputFile::open(path);
    if (!file || file->ids_below() == 0) return false;
    const policy::PolicySpec spec{std::string(P::kName), {}};
    const auto played = analysis::play_while_reading(*file, spec, kFrames);
    if (played) run.misses = played->played.misses;
    return played.has_value();
  }
}

// What the policy has allocated at the end, made for exactly the ids that there are. Not timed.
template <class P>
bool run_for_bytes(const std::string& path, Run& run) {
  const auto trace = analysis::open_trace(path);
  if (!trace) return false;
  std::vector<std::uint32_t> next;
  if constexpr (P::kNeeds == policy::Needs::Future) next = analysis::next_references(*trace);
  const double before = allocated_bytes();
  P policy(setup_for(trace->ids));
  run.misses = analysis::play(*trace, policy, kFrames, next.data()).misses;
  run.policy_bytes = allocated_bytes() - before;
  return true;
}

template <class P>
void print_policy(const std::string& path, const Options& options) {
  const auto& wanted = options.policies;
  if (!wanted.empty() && std::ranges::find(wanted, P::kName) == wanted.end()) return;
  const std::string name(P::kName);
  const Runs runs(name.c_str(), options.runs, [&](Run& run) { return run_policy<P>(path, run); });
  const Runs bytes(name.c_str(), 1, [&](Run& run) { return run_for_bytes<P>(path, run); });
  if (!runs || !bytes) return;
  if (runs.last().misses != bytes.last().misses) {
    std::printf("%-14s misses another number while reading\n", name.c_str());
    return;
  }
  const double rate = static_cast<double>(options.references) / runs.median_of(&Run::seconds) *
                      1e-6;
  std::printf("%-14s %7.1f %6s %10.1f %12llu %12.0f\n", name.c_str(), rate, goal_of(name),
              bytes.last().policy_bytes / kFrames,
              static_cast<unsigned long long>(runs.last().misses),
              runs.median_of(&Run::calibration));
  std::fflush(stdout);
}

// A line for something that is measured in seconds.
template <class Body>
void print_seconds(const char* what, const char* goal, const Options& options, Body&& body) {
  const Runs runs(what, options.runs, body);
  if (!runs) return;
  std::printf("%-34s %7.2f s %7s %7.0f MB %12llu %9.0f\n", what, runs.median_of(&Run::seconds),
              goal, runs.median_of(&Run::peak_bytes) * 1e-6,
              static_cast<unsigned long long>(runs.last().misses),
              runs.median_of(&Run::calibration));
  std::fflush(stdout);
}

template <class Body>  // gets the trace
void print_curve(const char* what, const char* goal, const std::string& path,
                 const Options& options, Body&& body) {
  print_seconds(what, goal, options, [&](Run& run) {
    const auto trace = analysis::open_trace(path);
    if (trace) run.misses = body(*trace);
    return trace.has_value();
  });
}

void print_shards(const std::string& path, const Options& options) {
  print_seconds("LRU curve by SHARDS, 1 %", "<= 0.12", options, [&](Run& run) {
    analysis::InputOptions how;
    how.sample = analysis::SampleSize{0.01, 0, 1};
    const auto input = analysis::open_input(path, how);
    if (!input) return false;
    const auto misses = analysis::lru_curve(*input->pages()).misses(kFrames / 100);
    run.misses = static_cast<std::uint64_t>(static_cast<double>(misses) / input->sample->rate);
    return true;
  });
}

void print_curves(const std::string& path, const Options& options) {
  std::printf("\n%-34s %9s %7s %10s %12s %9s\n", "all sizes, reading included", "CPU", "goal",
              "peak", "misses", "calibr.");
  print_curve("reading alone", "", path, options,
              [](const analysis::PageTrace& trace) { return std::uint64_t{trace.ids}; });
  print_curve("exact LRU curve", "<= 2.5", path, options, [](const analysis::PageTrace& trace) {
    return analysis::lru_curve(trace).misses(kFrames);
  });
  print_curve("exact OPT curve", "<= 12", path, options, [](const analysis::PageTrace& trace) {
    return analysis::opt_curve(trace).misses(kFrames);
  });
  print_shards(path, options);
}

bool parse(int count, char** arguments, Options& options) {
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--quick") {
      options.runs = 1;
      options.references = test::kVectorReferences / 10;
    } else if (argument == "--runs" && i + 1 < count) {
      options.runs = std::max(1, std::atoi(arguments[++i]));
    } else if (argument == "--policy" && i + 1 < count) {
      std::string_view rest = arguments[++i];
      while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        options.policies.emplace_back(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
      }
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  Options options;
  if (!parse(count, arguments, options)) {
    std::fprintf(stderr, "usage: policies_bench [--policy a,b,...] [--runs N] [--quick]\n");
    return 2;
  }
  const std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                       ("pagewright-bench-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const std::string path = (folder / "zipf.oracleGeneral").string();
  const bool written = write_trace(path, options.references);
  if (written) {
    std::printf("%-14s %7s %6s %10s %12s %12s\n", "policy", "Mref/s", "goal", "B/resident",
                "misses", "calibration");
    policy::Everything::for_each([&]<class P>() { print_policy<P>(path, options); });
    const auto& wanted = options.policies;
    if (wanted.empty() || std::ranges::find(wanted, "curves") != wanted.end()) {
      print_curves(path, options);
    }
  } else {
    std::fprintf(stderr, "%s can't be written\n", path.c_str());
  }
  std::filesystem::remove_all(folder);
  return written ? 0 : 1;
}
