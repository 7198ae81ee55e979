// Turns the folder of spools that a recorder writes into a recording, while the program runs or
// afterwards.
//
// Spools are read as they grow; what is whole goes into the recording at once. Processes that reuse
// a number get a new one in the recording. What is lost on the way (a spool cut short by a kill) is
// noted, and the rest kept. Not for use from several threads.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "record/spool_source.hpp"

namespace pw::record {

class SpoolConverter {
 public:
  struct Options {
    bool redact = false;
  };

  // `writer` must outlive the converter. `info`: detail and filter_pages that the spools must have.
  SpoolConverter(std::string folder, Writer& writer, const RecordingInfo& info,
                 const Options& options);

  // Converts what the recorder has written so far. Errors: Io, NoSpace (from the writer).
  Result<void> poll();
  // Nothing runs any more: converts the rest, resolves names. The writer can be finished then.
  Result<void> finish();

  // What was lost, one line each.
  const std::vector<std::string>& notes() const { return context_.notes; }
  std::uint64_t references() const { return context_.references; }
  std::size_t processes() const { return process_count_; }

  // Recorder, detail, K and command of the oldest spool in `folder`. Error: NoEntry: none is
  // readable.
  static Result<RecordingInfo> inspect(const std::string& folder);

 private:
  struct NewSpool {
    std::string name;
    SpoolReader reader;
    pw_spool_header header;
  };

  Result<std::vector<NewSpool>> find_new_spools(bool at_end);
  Result<void> attach(NewSpool spool);
  Result<RecordedProcess*> process_of(const pw_spool_header& header);
  std::uint32_t child_pid(std::uint32_t pid, std::uint64_t ns);
  std::uint32_t parent_of(const pw_spool_header& header) const;
  void take_logs();

  std::string folder_;
  RecordingInfo info_;
  ConversionContext context_;
  std::set<std::string> names_;                                    // of spools attached or refused
  std::map<std::uint32_t, std::list<RecordedProcess>> processes_;  // by the recorder's pid, oldest
                                                                   // first
  std::size_t process_count_ = 0;
  std::list<SpoolSource> sources_;  // being read
};

}  // namespace pw::record
