#include "predict/side_by_side.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "analysis/in_parallel.hpp"
#include "record/shared_chunks.hpp"
#include "replay/replayer.hpp"

namespace pw::predict {

namespace {

// Machines that there are at the same time: their memory is.
constexpr std::size_t kAtOnce = 8;
// How much of the recording a machine plays before another is asked for, so that what the host has
// of it in its caches is of use; and by how much one may be ahead of another, which is kept.
constexpr std::uint64_t kSlice = 60'000, kAhead = 3 * kSlice;

class SideBySide {
 public:
  explicit SideBySide(const Source& source, std::size_t runs)
      : recording_(*source.recording),
        chunks_(recording_, {.readers = runs,
                             .in_order = !replay::goes_in_turns(recording_),
                             .filter_pages = source.filter_pages}) {}

  Result<std::vector<replay::ReplayResult>> run(std::span<const MachineConfig> machines) {
    for (const MachineConfig& config : machines) {
      Run& run = runs_.emplace_back();
      auto machine = replay::machine_for(config);
      if (!machine) return tl::unexpected(machine.error());
      run.machine = std::move(*machine);
      run.replayer = std::make_unique<replay::Replayer>(recording_, chunks_, *run.machine, nullptr,
                                                        nullptr, nullptr);
    }
    analysis::in_parallel(runs_.size(), [this](std::size_t) { work(); });
    if (error_) return tl::unexpected(*error_);
    std::vector<replay::ReplayResult> results;
    for (std::size_t i = 0; i < machines.size(); ++i) {
      results.push_back(runs_[i].replayer->result(machines[i]));
    }
    return results;
  }

 private:
  struct Run {
    std::unique_ptr<Machine> machine;
    std::unique_ptr<replay::Replayer> replayer;
    std::uint64_t place = 0;  // how far it has come
    bool played = false;      // by a thread, at the moment
    bool over = false;
    std::optional<Error> error;

    // A chunk of few events has its price, too.
    std::uint64_t come_to() const {
      constexpr std::uint64_t kChunk = 64;
      return replayer->records() + kChunk * replayer->chunks_begun();
    }
    void play() {
      const std::uint64_t end = place + kSlice;
      while (!over && come_to() < end) {
        const Result<bool> more = replayer->advance();
        over = !more || !*more;
        if (!more) error = more.error();
      }
    }
  };

  // One of the threads.
  void work() {
    std::unique_lock lock(mutex_);
    while (Run* run = next(lock)) {
      run->played = true;
      lock.unlock();
      run->play();
      lock.lock();
      run->played = false;
      run->place = run->come_to();
      if (run->error && !error_) error_ = run->error;
      changed_.notify_all();
    }
  }

  // Null: there is nothing left to begin. The one furthest behind is never waited for unless it is
  // played, so there is always a thread at work.
  Run* next(std::unique_lock<std::mutex>& lock) {
    for (;;) {
      Run* first = nullptr;  // that is not played
      std::uint64_t least = ~std::uint64_t{0};
      for (Run& run : runs_) {
        if (!run.played && run.over) continue;
        least = std::min(least, run.place);
        if (!run.played && (first == nullptr || run.place < first->place)) first = &run;
      }
      if (first == nullptr || error_) return nullptr;
      if (first->place < least + kAhead) return first;
      changed_.wait(lock);
    }
  }

  const record::Recording& recording_;
  record::SharedChunks chunks_;
  std::mutex mutex_;  // of what follows, but for the machine and the replayer of a run that is
                      // played
  std::condition_variable changed_;
  std::vector<Run> runs_;
  std::optional<Error> error_;
};

}  // namespace

Result<std::vector<replay::ReplayResult>> replay_side_by_side(
    const Source& source, const std::vector<MachineConfig>& machines) {
  std::vector<replay::ReplayResult> all;
  const std::span configs(machines);
  for (std::size_t i = 0; i < configs.size(); i += kAtOnce) {
    const auto some = configs.subspan(i, std::min(kAtOnce, configs.size() - i));
    auto results = SideBySide(source, some.size()).run(some);
    if (!results) return tl::unexpected(results.error());
    std::move(results->begin(), results->end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace pw::predict
