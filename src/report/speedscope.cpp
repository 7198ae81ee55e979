// speedscope's own format (its src/lib/file-format-spec.ts): frames once, then profiles whose
// samples are stacks of frame numbers, outermost first, each with a weight.
#include <fmt/format.h>

#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/units.hpp"
#include "report/exports.hpp"
#include "report/stack_names.hpp"

namespace pw::report {
namespace {

// JSON text of a string; what is not UTF-8 in the name of another program is replaced.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

class Frames {
 public:
  explicit Frames(const record::Recording& recording) : recording_(recording) {}

  // "[3,1,4]"
  const std::string& sample(std::uint32_t stack) {
    const auto [at, fresh] = samples_.try_emplace(stack);
    if (!fresh) return at->second;
    std::string& text = at->second;
    for (const record::Symbol& symbol : stack_frames(recording_, stack)) {
      text += fmt::format("{}{}", text.empty() ? '[' : ',', number(symbol));
    }
    text += ']';
    return text;
  }
  const std::string& all() const { return frames_; }

 private:
  // Lines are those of calls, not of functions, and would tear a function apart.
  std::size_t number(const record::Symbol& symbol) {
    const auto [at, fresh] = numbers_.try_emplace({frame_name(symbol), symbol.file},
                                                  numbers_.size());
    if (!fresh) return at->second;
    if (!frames_.empty()) frames_ += ",\n";
    frames_ += "{\"name\":" + quoted(at->first.first);
    if (!symbol.file.empty()) frames_ += ",\"file\":" + quoted(page_name(symbol.file));
    frames_ += '}';
    return at->second;
  }

  const record::Recording& recording_;
  std::map<std::pair<std::string, std::string>, std::size_t> numbers_;
  std::map<std::uint32_t, std::string> samples_;
  std::string frames_;
};

template <class Weight>
std::string profile(const Export& what, Frames& frames, const char* name, const char* unit,
                    const Weight& weight) {
  std::string samples, weights;
  std::uint64_t end = 0;
  for (const replay::FaultSpan& span : what.log.by_stack().all()) {
    const std::uint64_t value = weight(span);
    if (value == 0) continue;
    samples += (samples.empty() ? "" : ",") + frames.sample(span.stack);
    fmt::format_to(std::back_inserter(weights), "{}{}", weights.empty() ? "" : ",", value);
    end += value;
  }
  return fmt::format(
      "{{\"type\":\"sampled\",\"name\":\"{}\",\"unit\":\"{}\",\"startValue\":0,\"endValue\":{},\n"
      "\"samples\":[{}],\n\"weights\":[{}]}}",
      name, unit, end, samples, weights);
}

}  // namespace

std::string speedscope(const Export& what) {
  Frames frames(what.recording);
  const std::string faults = profile(what, frames, "faults", "none",
                                     [](const replay::FaultSpan& span) { return span.count(); });
  const std::string bytes = profile(
      what, frames, "bytes touched first", "bytes",
      [](const replay::FaultSpan& span) { return span.touched * kPageSize; });
  return fmt::format(
      "{{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
      "\"name\":{},\n\"exporter\":\"pagewright\",\n\"activeProfileIndex\":0,\n"
      "\"shared\":{{\"frames\":[\n{}]}},\n\"profiles\":[\n{},\n{}]}}\n",
      quoted(command_line(what.recording.info().command)), frames.all(), faults, bytes);
}

}  // namespace pw::report
