// Who drives a machine with a recording: replay() makes one for the time it takes.
//
// That pages stay in the recording's filter is told to the machine before it looks at pages, or at
// once where it does so all the time, and where somebody else may look (FilterStays).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "record/shared_chunks.hpp"
#include "replay/counter_series.hpp"
#include "replay/filter_stays.hpp"
#include "replay/recorded_process.hpp"
#include "replay/replay.hpp"
#include "replay/turns.hpp"
#include "replay/watcher.hpp"

namespace pw::replay {

// What a stream of references last was at: the run of references to one page that detail switches
// leaves out, and the computing between events that detail pages leaves out.
struct Stream {
  std::uint64_t clock = 0;
  VirtAddr address;
  Access access = Access::Read;
  bool in_run = false;
};

class Replayer {
 public:
  // `chunks`: of the recording, for readers in order unless it goes_in_turns().
  Replayer(const record::Recording& recording, record::SharedChunks& chunks, Machine& machine,
           Transcript* transcript, CounterSeries* series, Watcher* watcher)
      : recording_(recording),
        chunks_(chunks),
        machine_(machine),
        transcript_(transcript),
        series_(series),
        watcher_(watcher),
        names_(machine, recording),
        call_sites_(recording),
        pages_(recording.info().detail == record::Detail::Pages),
        alone_(watcher == nullptr && transcript == nullptr),
        late_(alone_ && machine.looks_only_when_called()),
        sampled_(pages_ && machine.core().sample.one_in() > 1),
        reference_ps_(machine.config().cpu.costs.reference_ps) {
    if (goes_in_turns(recording)) turns_.emplace(recording);
  }

  Result<void> run(const std::function<void(double)>& progress);
  // In place of run(), bit by bit, for who needs no series: plays about a chunk. False: that was
  // the end.
  Result<bool> advance();
  std::size_t chunks_begun() const { return turns_ ? turns_->chunks_begun() : next_; }
  std::uint64_t records() const { return records_; }  // of the chunks begun
  ReplayResult result(const MachineConfig& config);

 private:
  using Key = std::uint64_t;  // of a stream
  Result<bool> advance_in_order();
  Result<bool> advance_in_turns();
  Result<void> open_chunk(Lane& lane);
  Result<void> play_slice(Turns& turns, Lane& lane);
  bool gives_way(Turns& turns, Lane& lane, const record::Event& event);
  Result<void> begin_chunk(std::size_t index, const record::Chunk& chunk);
  Result<void> play(const record::Chunk& chunk);
  bool stopped() const { return !alone_ && transcript_ != nullptr && transcript_->stopped(); }
  bool refer(const record::Event& event, Stream& stream);
  Result<void> step(const record::Chunk& chunk, std::size_t at, Stream& stream);
  void tell_watcher(const record::Chunk& chunk, std::size_t at);
  void advance_to(Stream& stream, std::uint64_t clock);
  void come_to(std::uint64_t clock, std::uint64_t& from);
  std::vector<std::uint64_t> touched_by_label() const;
  void hide(Stream& stream, std::uint64_t references);
  void end_stays();
  void tell_stays();
  bool left_out(const record::Event& event);
  std::size_t pass_over(const record::Chunk& chunk, std::size_t at, std::size_t end,
                        Stream& stream);
  static bool tells_of_eviction(const record::Event& event);
  void evicted(const record::Event& fetch);
  void fetch(const record::Event& event, Stream& stream);
  void stay(const record::Event& event, const FilterStays::Stay& stay);
  void first_write(const record::Event& event);
  void reference(const record::Event& event);
  void reference(VirtAddr address, Access access);
  Result<void> fork(const record::Chunk& chunk, std::size_t at);
  void child_ended(std::uint32_t recorded_pid);
  RecordedProcess& adopt(std::uint32_t recorded_pid, Pid pid);
  static std::uint32_t stack_of_call(const record::Chunk& chunk, std::size_t at);

  const record::Recording& recording_;
  record::SharedChunks& chunks_;
  std::size_t next_ = 0;        // chunk that is played next, if they go in order
  std::optional<Turns> turns_;  // else
  Machine& machine_;
  Transcript* transcript_;
  SeriesTaker series_;
  Watcher* watcher_;
  std::uint64_t references_ = 0;  // played
  SharedNames names_;
  CallSiteNames call_sites_;
  const bool pages_;    // detail of the recording
  const bool alone_;    // nobody follows event by event
  const bool late_;     // the machine is told of stays before it looks
  const bool sampled_;  // the machine is not told of all pages
  const std::uint64_t reference_ps_;
  std::unordered_map<std::uint32_t, std::unique_ptr<RecordedProcess>> processes_;
  std::unordered_map<std::uint32_t, std::uint32_t> parents_;  // of children of fork
  std::vector<std::uint32_t> order_;  // recorded pids in order of appearance
  std::unordered_map<Key, Stream> streams_;
  std::unordered_map<std::uint32_t, unsigned> cpu_of_thread_;
  RecordedProcess* current_ = nullptr;
  std::uint64_t records_ = 0;
  std::uint64_t hidden_ps_ = 0;  // of computing not yet given to the clock
  FilterStays stays_;            // of the process that is played
  std::uint64_t now_ = 0;        // clock of the event that is played
  // Told before the machine looks at pages.
  struct BeforeLook {
    Replayer* replayer;
    sim::SimCpu* cpu = nullptr;  // that the process runs on, while references follow each other
    void operator()() const { replayer->tell_stays(); }
  };
  BeforeLook before_look_{this};
  struct {
    bool made = false, lends = false;
  } last_fork_;  // what became of it
};

}  // namespace pw::replay
