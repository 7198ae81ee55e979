// Records a program: runs it under a recorder and writes the recording while it runs.
//
// The program has the caller's standard streams, signals and exit status; it is not told that it is
// recorded. The recorder writes spools into a folder of its own beside the output; they are
// converted as they grow and removed at the end. If the conversion fails, the folder is kept and
// named in the error, and recover() makes a recording of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "record/recording.hpp"

namespace pw::record {

enum class With : std::uint8_t { Auto, Valgrind, Qemu };

struct RecordProgress {
  double seconds = 0;            // since the start
  std::uint64_t references = 0;  // recorded so far
  std::uint64_t bytes = 0;       // of the recording so far
  std::size_t processes = 0;
  bool finishing = false;  // the program has ended
};

struct RecordOptions {
  std::vector<std::string> command;  // program and arguments
  std::string output;                // NAME.pwrec
  bool force = false;                // replace the output
  Detail detail = Detail::Pages;
  std::uint32_t filter_pages = 64;  // K, for detail pages: 2 to 1024
  With with = With::Auto;
  bool redact = false;
  bool stacks = true;
  std::string spool_parent;    // where the spool folder is made; empty: beside the output
  std::string recorder_files;  // holds valgrind/ and pw-qemu.so
  std::function<void(const RecordProgress&)> progress;  // about five times a second, on the
                                                        // caller's thread
};

struct RecordOutcome {
  std::int32_t exit_status = 0;  // the program's, or 128 + the number of the signal that ended it
  Recorder recorder = Recorder::Valgrind;
  std::string why;  // this recorder and not the other, a sentence
  double seconds = 0;
  std::uint64_t references = 0;
  std::uint64_t bytes = 0;
  std::size_t processes = 0;
  std::vector<std::string> notes;  // what was lost, one line each; also in the recording
};

// While it runs, SIGINT, SIGTERM, SIGHUP and SIGQUIT go to the program (unless the terminal has
// sent them to it already); the recording is saved all the same. Errors, each with the remedy:
// Invalid (no command, bad K), NoEntry (program), NotExecutable, NotSupported (recorder not there,
// not an x86-64 program), Exists, Access, NoSpace, Io.
Result<RecordOutcome> record(const RecordOptions& options);

// Makes a recording of a spool folder that was left over, and removes the spools. Errors: as
// record's, NoEntry.
Result<RecordOutcome> recover(const std::string& spool_folder, const std::string& output,
                              bool force, bool redact);

}  // namespace pw::record
