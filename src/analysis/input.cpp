#include "analysis/input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "analysis/formats/format.hpp"
#include "base/check.hpp"
#include "record/format.hpp"

namespace pw::analysis {
namespace {

constexpr std::string_view kRecording = "recording";

bool begins_as_recording(std::string_view bytes) {
  constexpr std::uint64_t kMagic = record::kFileMagic;
  return bytes.size() >= sizeof kMagic &&
         bytes.starts_with(std::string_view(reinterpret_cast<const char*>(&kMagic), sizeof kMagic));
}

std::string names_of_formats() {
  std::string names(kRecording);
  for (const Format& format : formats()) names += fmt::format(", {}", format.name);
  return names;
}

struct Specification {
  std::string name;
  FormatOptions options;
};

Result<Specification> specification_of(const std::string& text) {
  const std::size_t colon = text.find(':');
  Specification specification;
  specification.name = text.substr(0, colon);
  const auto known = [&specification](const Format& f) { return f.name == specification.name; };
  if (!specification.name.empty() && specification.name != kRecording &&
      std::none_of(formats().begin(), formats().end(), known)) {
    return fail(Errno::Invalid, fmt::format("there is no format '{}'; there are {}",
                                            specification.name, names_of_formats()));
  }
  if (colon == std::string::npos) return specification;
  Result<FormatOptions> options = FormatOptions::parse(std::string_view(text).substr(colon + 1));
  if (!options) return tl::unexpected(options.error());
  specification.options = std::move(*options);
  return specification;
}

Result<const Format*> format_of(InputBytes& bytes, const Specification& specification,
                                const std::string& path) {
  const auto named = std::find_if(
      formats().begin(), formats().end(),
      [&specification](const Format& f) { return f.name == specification.name; });
  if (named != formats().end()) return &*named;
  bool whole = false;
  while (bytes.bytes().size() < InputBytes::kBlockBytes && !whole) {
    const Result<bool> more = bytes.read_more();
    if (!more) return tl::unexpected(more.error());
    whole = !*more;
  }
  if (bytes.bytes().empty()) return fail(Errno::Invalid, path + " is empty");
  const Beginning beginning = {bytes.bytes(), whole};
  for (const Format& format : formats()) {
    if (format.matches(beginning)) return &format;
  }
  return fail(Errno::Invalid,
              fmt::format("{} does not begin like any format known; if it is one of {}, say which "
                          "with '--format'",
                          path, names_of_formats()));
}

// As Error, with the name of the file in front.
tl::unexpected<Error> about(const std::string& path, Error error) {
  if (!error.message.starts_with(path) && error.message.find(path) == std::string::npos) {
    error.message = path + ": " + error.message;
  }
  return tl::unexpected(std::move(error));
}

Result<record::Recording> open_recording(const std::string& path) {
  Result<record::Recording> recording = record::Recording::open(path);
  if (!recording) return about(path, recording.error());
  return recording;
}

Result<Input> input_of(record::Recording recording, Input input, const InputOptions& options) {
  input.format = kRecording;
  input.recording = std::make_unique<record::Recording>(std::move(recording));
  if (options.areas) input.areas = std::make_unique<PageAreas>(*input.recording);
  TraceDetails details;
  details.times = options.times;
  details.watcher = input.areas.get();
  Result<DenseTrace> trace = dense_trace(*input.recording, options.progress, details);
  if (!trace) return about(input.path, trace.error());
  if (trace->ids == 0) return fail(Errno::Invalid, input.path + ": there are no references in it");
  input.trace = std::move(*trace);
  return input;
}

// Reads the rest of the input into `builder`.
Result<void> read_into(TraceBuilder& builder, const Format& format, InputBytes& bytes,
                       FormatOptions& options) {
  PW_TRY(format.read(bytes, options, builder));
  if (builder.references() == 0) return fail(Errno::Invalid, "there are no references in it");
  return {};
}

}  // namespace

std::uint64_t Input::references() const {
  if (sample) return sample->references;
  return std::visit(
      [](const auto& t) -> std::uint64_t {
        if constexpr (requires { t.references(); }) {
          return t.references();
        } else {
          return t.references;
        }
      },
      trace);
}

std::uint32_t Input::ids() const {
  return std::visit([](const auto& t) { return t.ids; }, trace);
}

std::uint32_t Input::filter_pages() const { return dense() ? dense()->filter_pages : 0; }

std::vector<std::string> Input::command() const {
  return recording ? recording->info().command : std::vector<std::string>();
}

struct InputFile::State {
  std::string path;                 // empty: bytes in memory
  std::optional<InputBytes> bytes;  // none: a recording
  const Format* format = nullptr;
  FormatOptions options;

  tl::unexpected<Error> wrong(Error error) const {
    return path.empty() ? tl::unexpected(std::move(error)) : about(path, std::move(error));
  }
  tl::unexpected<Error> no_memory() const {
    return wrong({Errno::NoMemory, "not enough memory for a trace of this size"});
  }
};

InputFile::InputFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
InputFile::InputFile(InputFile&&) noexcept = default;
InputFile& InputFile::operator=(InputFile&&) noexcept = default;
InputFile::~InputFile() = default;

Result<InputFile> InputFile::open(const std::string& path, const std::string& format) {
  Result<Specification> specification = specification_of(format);
  if (!specification) return tl::unexpected(specification.error());
  auto state = std::make_unique<State>();
  state->path = path;
  state->options = std::move(specification->options);
  if (specification->name == kRecording) {
    PW_TRY(state->options.all_taken(kRecording));
    return InputFile(std::move(state));
  }
  Result<InputBytes> bytes = InputBytes::open(path);
  if (!bytes) return about(path, bytes.error());
  while (bytes->bytes().size() < sizeof record::kFileMagic) {
    const Result<bool> more = bytes->read_more();
    if (!more) return about(path, more.error());
    if (!*more) break;
  }
  if (specification->name.empty() && begins_as_recording(bytes->bytes())) {
    return InputFile(std::move(state));
  }
  const Result<const Format*> found = format_of(*bytes, *specification, path);
  if (!found) return about(path, found.error());
  state->format = *found;
  state->bytes = std::move(*bytes);
  return InputFile(std::move(state));
}

Result<InputFile> InputFile::of_bytes(std::string_view bytes, const std::string& format,
                                      std::size_t block) {
  Result<Specification> specification = specification_of(format);
  if (!specification) return tl::unexpected(specification.error());
  Result<InputBytes> input = InputBytes::from_memory(bytes, block);
  if (!input) return tl::unexpected(input.error());
  const Result<const Format*> found = format_of(*input, *specification, "the input");
  if (!found) return tl::unexpected(found.error());
  auto state = std::make_unique<State>();
  state->bytes = std::move(*input);
  state->format = *found;
  state->options = std::move(specification->options);
  return InputFile(std::move(state));
}

bool InputFile::is_recording() const { return !state_->bytes; }

std::uint32_t InputFile::ids_below() const {
  // Policies have at most eight bytes by id in one array: a gigabyte of addresses, of which they
  // touch what comes into use.
  constexpr std::uint64_t kMost = std::uint64_t{1} << 27;
  if (!state_->bytes || state_->bytes->compressed()) return 0;
  const std::uint64_t bytes = state_->bytes->file_bytes();
  const std::uint64_t references = bytes / state_->format->least_bytes + 1;
  return bytes == 0 || references > kMost ? 0 : static_cast<std::uint32_t>(references);
}

Result<PageTrace> InputFile::imported(const std::optional<SampleSize>& sample,
                                      std::optional<TakenSample>* taken) {
  try {
    TraceBuilder builder = sample ? TraceBuilder(*sample) : TraceBuilder();
    const auto read = read_into(builder, *state_->format, *state_->bytes, state_->options);
    if (!read) return state_->wrong(read.error());
    if (sample) taken->emplace(TakenSample{*sample, builder.rate(), builder.references()});
    PageTrace trace = builder.finish();
    if (trace.ids != 0) return trace;
    return state_->wrong(
        {Errno::Invalid, "no page falls into the sample; take a larger one, or another seed"});
  } catch (const std::bad_alloc&) {
    return state_->no_memory();
  }
}

Result<Streamed> InputFile::stream(PageSink& sink) {
  PW_CHECK(ids_below() != 0);
  try {
    TraceBuilder builder(sink, ids_below());
    const auto read = read_into(builder, *state_->format, *state_->bytes, state_->options);
    if (!read) return state_->wrong(read.error());
    Streamed streamed{std::string(state_->format->name), builder.references(), builder.ids()};
    builder.finish();
    return streamed;
  } catch (const std::bad_alloc&) {
    return state_->no_memory();
  }
}

Result<Input> InputFile::read(const InputOptions& options) {
  Input input;
  input.path = state_->path;
  if (is_recording()) {
    Result<record::Recording> recording = open_recording(state_->path);
    if (!recording) return tl::unexpected(recording.error());
    return input_of(std::move(*recording), std::move(input), options);
  }
  Result<PageTrace> trace = imported(options.sample, &input.sample);
  if (!trace) return tl::unexpected(trace.error());
  input.format = state_->format->name;
  input.trace = std::move(*trace);
  return input;
}

Result<PageTrace> InputFile::read_trace(const std::function<void(double)>& progress) {
  if (!is_recording()) return imported({});
  const Result<record::Recording> recording = open_recording(state_->path);
  if (!recording) return tl::unexpected(recording.error());
  Result<PageTrace> trace = page_trace_of(*recording, progress);
  if (!trace) return about(state_->path, trace.error());
  return trace;
}

Result<Input> open_input(const std::string& path, const InputOptions& options) {
  Result<InputFile> file = InputFile::open(path, options.format);
  if (!file) return tl::unexpected(file.error());
  return file->read(options);
}

Result<PageTrace> open_trace(const std::string& path, const InputOptions& options) {
  Result<InputFile> file = InputFile::open(path, options.format);
  if (!file) return tl::unexpected(file.error());
  return file->read_trace(options.progress);
}

Result<PageTrace> trace_of_bytes(std::string_view bytes, const std::string& format,
                                 std::size_t block) {
  Result<InputFile> file = InputFile::of_bytes(bytes, format, block);
  if (!file) return tl::unexpected(file.error());
  return file->read_trace();
}

std::vector<FormatHelp> format_help() {
  std::vector<FormatHelp> help = {{kRecording, "a recording of 'pagewright record'"}};
  for (const Format& format : formats()) help.push_back({format.name, format.meaning});
  return help;
}

}  // namespace pw::analysis
