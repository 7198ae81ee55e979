// What the analyses run on, whatever file it came from: a recording of Pagewright, or the trace of
// another tool. The format is told by the content; a specification overrides that.
//
// An Input owns its trace. Imported traces are a PageTrace: every reference is there. Recordings
// are a DenseTrace: what passed the recorder's filter; the recording stays open beside it, for its
// areas, stacks and system calls.
//
// A trace need not be kept: its references may be handed to a sink as they are read
// (InputFile::stream), or those to the pages of a sample alone be kept (InputOptions::sample).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/page_areas.hpp"
#include "analysis/page_trace.hpp"
#include "analysis/sampling.hpp"
#include "base/result.hpp"
#include "record/recording.hpp"

namespace pw::analysis {

struct InputOptions {
  std::string format;                         // "", "oracle", "csv:id=2", ...; see format_help()
  std::function<void(double)> progress = {};  // gets the part done, 0..1; may be empty
  bool times = false;  // of recordings: DenseTrace::times, eight bytes an operation
  bool areas = false;  // of recordings: Input::areas
  std::optional<SampleSize> sample = {};  // of imported traces: only the pages of a sample
};

struct Input {
  std::string path;
  std::string format;  // by its name in format_help(); "recording" for recordings
  std::variant<PageTrace, DenseTrace> trace;
  std::unique_ptr<record::Recording> recording;  // null: an imported trace
  std::unique_ptr<PageAreas> areas;              // null: not asked for, or not known
  std::optional<TakenSample> sample;             // the trace has only the pages of a sample

  const PageTrace* pages() const { return std::get_if<PageTrace>(&trace); }
  const DenseTrace* dense() const { return std::get_if<DenseTrace>(&trace); }

  std::uint64_t references() const;  // of a sample: in the whole trace
  // Pages; a page mapped again after it was given back counts again. Of a sample: those in it.
  std::uint32_t ids() const;
  // K: results hold for memories of K pages and more; 0: every reference is there.
  std::uint32_t filter_pages() const;
  // Nothing was assumed about the order of references (see DenseTrace::inferred).
  bool exact() const { return dense() == nullptr || dense()->inferred == 0; }
  std::vector<std::string> command() const;  // what was recorded; empty: not known
};

// What is known of a trace whose references went to a sink.
struct Streamed {
  std::string format;
  std::uint64_t references = 0;
  std::uint32_t ids = 0;
};

// A file that is open, of which no more is read than it takes to tell its format.
class InputFile {
 public:
  // `path` "-": standard input, not for recordings. `format`: InputOptions::format. Errors:
  // NoEntry, Access, IsDirectory, Io; Invalid for a format that is not known or can't be told.
  static Result<InputFile> open(const std::string& path, const std::string& format = {});
  // The same for the bytes of a trace that is no recording. They are taken `block` at a time.
  static Result<InputFile> of_bytes(std::string_view bytes, const std::string& format = {},
                                    std::size_t block = std::size_t{1} << 18);
  InputFile(InputFile&&) noexcept;
  InputFile& operator=(InputFile&&) noexcept;
  ~InputFile();

  bool is_recording() const;
  // Ids are below that, by the size of the file; 0: the trace can't be streamed, since it is a
  // recording, compressed, no file, or so large that arrays by id might be too much for the host.
  std::uint32_t ids_below() const;

  // Each reads the rest and may be called once. Errors: as open_input().
  Result<Input> read(const InputOptions& options = {});  // but for options.format
  Result<PageTrace> read_trace(const std::function<void(double)>& progress = {});
  // Every reference to `sink`; needs ids_below() > 0. After an error the sink has got a part.
  Result<Streamed> stream(PageSink& sink);

 private:
  struct State;
  explicit InputFile(std::unique_ptr<State> state);
  Result<PageTrace> imported(const std::optional<SampleSize>& sample,
                             std::optional<TakenSample>* taken = nullptr);

  std::unique_ptr<State> state_;
};

// Opens and reads `path` ("-": standard input, not for recordings). Errors: NoEntry, Access, Io;
// Invalid with the place of what is wrong (line, byte offset) and the remedy, or for a sample
// without a page; Overflow beyond about 2^32 references; NoMemory.
Result<Input> open_input(const std::string& path, const InputOptions& options = {});

// The same for what must be a sequence of references: a trace of another tool, or a recording of
// detail full or switches. Pages of recordings are named as page_trace_of() does.
Result<PageTrace> open_trace(const std::string& path, const InputOptions& options = {});

// The same for the bytes of a trace that is no recording. They are taken `block` at a time.
Result<PageTrace> trace_of_bytes(std::string_view bytes, const std::string& format = {},
                                 std::size_t block = std::size_t{1} << 18);

// Every reference of a recording of detail full (each reference's pages) or switches (each change
// of the data page or of the code page), in the order of Recording::chunks(). A page's name is its
// number, with the process (0 for the first) from bit 52 up. Errors: Invalid for detail pages,
// which leaves references out; those of Recording::decode; Overflow.
Result<PageTrace> page_trace_of(const record::Recording& recording,
                                const std::function<void(double)>& progress = {});

struct FormatHelp {
  std::string_view name;
  std::string_view meaning;  // with the options it takes
};
std::vector<FormatHelp> format_help();

}  // namespace pw::analysis
