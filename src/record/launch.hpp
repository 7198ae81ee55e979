// Which recorder a program is run under, and how it is called. Part of record().
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "record/record.hpp"

namespace pw::record {

// A program as the kernel would start it: scripts are followed to the interpreter that runs them
// (execve(2)).
struct Program {
  std::string path;                // of the ELF file that runs
  std::vector<std::string> words;  // its command line, argv[0] included
  std::string jit;  // the runtime that makes code while it runs, e.g. "node"; empty: none known
};

// Errors: NoEntry, IsDirectory, NotExecutable, NotSupported (no x86-64 program), each with the
// remedy.
Result<Program> find_program(const std::vector<std::string>& command);

struct Launch {
  Recorder recorder = Recorder::Valgrind;
  std::string reason;                    // why it and not the other
  std::vector<std::string> arguments;    // argv; [0] is looked up in $PATH
  std::vector<std::string> environment;  // added to the caller's: NAME=value
};

// Chooses the recorder and calls it on `spool_folder` (absolute). Error: NotSupported: a recorder
// that was asked for, or both, are not there.
Result<Launch> prepare_launch(const RecordOptions& options, const Program& program,
                              const std::string& spool_folder);

}  // namespace pw::record
