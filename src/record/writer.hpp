// Writes a recording. It grows under NAME.part and takes its name only in finish(), whole and on
// the disk; whatever fails before leaves NAME.part, which Recording::open reads as far as it goes.
//
// Order within the file: a chunk follows the blocks that it refers to (its image, maps, stacks), so
// that a file cut anywhere has what its chunks need. Not for use from several threads.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "record/format.hpp"
#include "record/recording.hpp"
#include "record/sections.hpp"

namespace pw::record {

class Writer {
 public:
  struct Options {
    bool replace = false;       // an existing file, and a NAME.part left over
    bool replace_part = false;  // a NAME.part only
    int compression_level = 3;  // zstd
    bool overview = true;       // where it is of use (overview.hpp)
  };

  // Checks the output and starts it. The command line is redacted if `info` says so. Errors: Exists
  // (with the remedy), Access, NoEntry, NoSpace, Io.
  static Result<Writer> create(const std::string& path, const RecordingInfo& info,
                               const Options& options);

  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;
  ~Writer();  // without finish(): closes NAME.part and leaves it

  // All: errors Io, NoSpace; after one, every later call fails the same.
  Result<void> add_process(std::uint32_t pid, std::uint32_t parent, std::uint64_t start_ns);
  // Return the number of the area list, for Chunk headers and Exec events.
  Result<std::uint32_t> add_image(std::uint32_t pid, const Image& image, std::uint64_t ns);
  Result<std::uint32_t> add_maps(std::uint32_t pid, const std::vector<MappedArea>& maps,
                                 std::uint64_t ns);
  // Return the number of the first. A recording's stacks, modules and files are each
  // numbered from 0.
  Result<std::uint32_t> add_modules(const std::vector<Module>& modules);
  Result<std::uint32_t> add_files(const std::vector<FileInfo>& files);
  Result<std::uint32_t> add_stacks(const std::vector<StackFrames>& stacks);
  Result<void> add_symbols(const std::vector<ModuleSymbol>& symbols);
  // By time; once, at the end. Of no waits: nobody ended any.
  Result<void> add_wait_ends(const std::vector<WaitEnd>& ends);
  Result<void> add_note(std::string_view what_was_lost);
  // Of one process; a recording's are added up.
  Result<void> add_contents(std::uint32_t pid, const Contents& contents);

  // Adds `chunk`: its info's pid, tid, stream, clock and begin_ns, filter, events and system calls
  // (counts and end_clock follow from the events). `maps`: number of the area list before it. Exec
  // events get the image numbers `images[event.index]`. Errors also: Invalid, from encode_payload.
  Result<void> add_chunk(const Chunk& chunk, std::uint32_t maps,
                         const std::vector<std::uint32_t>& images = {});

  // What should have come next in this stream is lost: readers see a gap there.
  void skip_chunk(std::uint32_t pid, std::uint32_t stream);

  // Index, trailer, exit status, fsync, rename. Error also: Exists.
  Result<void> finish(std::int32_t exit_status);

  std::uint64_t bytes_written() const;
  const std::string& part_path() const;

 private:
  struct Data;
  explicit Writer(std::unique_ptr<Data> data);
  std::unique_ptr<Data> data_;
};

}  // namespace pw::record
