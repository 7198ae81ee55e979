#include "analysis/input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "analysis/formats/format.hpp"
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

Result<PageTrace> read_with(const Format& format, InputBytes& bytes, FormatOptions options) {
  try {
    TraceBuilder builder;
    PW_TRY(format.read(bytes, options, builder));
    if (builder.references() == 0) return fail(Errno::Invalid, "there are no references in it");
    return builder.finish();
  } catch (const std::bad_alloc&) {
    return fail(Errno::NoMemory, "not enough memory for a trace of this size");
  }
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

struct Opened {
  std::optional<InputBytes> bytes;  // none: a recording
  const Format* format = nullptr;
  FormatOptions options;
};

Result<Opened> open_any(const std::string& path, const std::string& format) {
  Result<Specification> specification = specification_of(format);
  if (!specification) return tl::unexpected(specification.error());
  Opened opened;
  opened.options = std::move(specification->options);
  if (specification->name == kRecording) {
    PW_TRY(opened.options.all_taken(kRecording));
    return opened;
  }
  Result<InputBytes> bytes = InputBytes::open(path);
  if (!bytes) return about(path, bytes.error());
  while (bytes->bytes().size() < sizeof record::kFileMagic) {
    const Result<bool> more = bytes->read_more();
    if (!more) return about(path, more.error());
    if (!*more) break;
  }
  if (specification->name.empty() && begins_as_recording(bytes->bytes())) return opened;
  const Result<const Format*> found = format_of(*bytes, *specification, path);
  if (!found) return about(path, found.error());
  opened.format = *found;
  opened.bytes = std::move(*bytes);
  return opened;
}

}  // namespace

std::uint64_t Input::references() const {
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

Result<Input> open_input(const std::string& path, const InputOptions& options) {
  Result<Opened> opened = open_any(path, options.format);
  if (!opened) return tl::unexpected(opened.error());
  Input input;
  input.path = path;
  if (!opened->bytes) {
    Result<record::Recording> recording = open_recording(path);
    if (!recording) return tl::unexpected(recording.error());
    return input_of(std::move(*recording), std::move(input), options);
  }
  Result<PageTrace> trace = read_with(*opened->format, *opened->bytes, std::move(opened->options));
  if (!trace) return about(path, trace.error());
  input.format = opened->format->name;
  input.trace = std::move(*trace);
  return input;
}

Result<PageTrace> open_trace(const std::string& path, const InputOptions& options) {
  Result<Opened> opened = open_any(path, options.format);
  if (!opened) return tl::unexpected(opened.error());
  if (!opened->bytes) {
    const Result<record::Recording> recording = open_recording(path);
    if (!recording) return tl::unexpected(recording.error());
    Result<PageTrace> trace = page_trace_of(*recording, options.progress);
    if (!trace) return about(path, trace.error());
    return trace;
  }
  Result<PageTrace> trace = read_with(*opened->format, *opened->bytes, std::move(opened->options));
  if (!trace) return about(path, trace.error());
  return trace;
}

Result<PageTrace> trace_of_bytes(std::string_view bytes, const std::string& format,
                                 std::size_t block) {
  Result<Specification> specification = specification_of(format);
  if (!specification) return tl::unexpected(specification.error());
  Result<InputBytes> input = InputBytes::from_memory(bytes, block);
  if (!input) return tl::unexpected(input.error());
  const Result<const Format*> found = format_of(*input, *specification, "the input");
  if (!found) return tl::unexpected(found.error());
  return read_with(**found, *input, std::move(specification->options));
}

std::vector<FormatHelp> format_help() {
  std::vector<FormatHelp> help = {{kRecording, "a recording of 'pagewright record'"}};
  for (const Format& format : formats()) help.push_back({format.name, format.meaning});
  return help;
}

}  // namespace pw::analysis
