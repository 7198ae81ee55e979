#include <fmt/format.h>

#include <unordered_map>

#include "analysis/formats/trace_builder.hpp"
#include "analysis/input.hpp"

namespace pw::analysis {
namespace {

using record::Event;
using record::EventKind;

constexpr unsigned kProcessShift = 52;
constexpr std::uint64_t kMaxProcess = (1U << (64 - kProcessShift)) - 1;

Result<void> add_reference(const Event& event, std::uint64_t process, TraceBuilder& out) {
  const std::uint64_t bytes = event.size == 0 ? 1 : event.size;
  const std::uint64_t first = event.address >> kPageShift;
  const std::uint64_t last = (event.address + bytes - 1) >> kPageShift;
  PW_TRY(out.room_for(last - first + 1));
  for (std::uint64_t page = first; page <= last; ++page) out.add(process | page);
  return {};
}

}  // namespace

Result<PageTrace> page_trace_of(const record::Recording& recording,
                                const std::function<void(double)>& progress) {
  if (recording.info().detail == record::Detail::Pages) {
    return fail(Errno::Invalid,
                "a recording of detail pages leaves references out; record again with '--detail "
                "switches' or '--detail full'");
  }
  std::unordered_map<std::uint32_t, std::uint64_t> processes;
  TraceBuilder builder;
  record::Chunk chunk;
  const std::size_t chunks = recording.chunks().size();
  for (std::size_t i = 0; i < chunks; ++i) {
    if (progress) progress(static_cast<double>(i) / static_cast<double>(chunks));
    if (!recording.decode(i, chunk)) continue;  // listed in losses()
    const std::uint64_t number = processes.try_emplace(chunk.info.pid, processes.size())
                                     .first->second;
    if (number > kMaxProcess) return fail(Errno::Overflow, "more than 4096 processes");
    const std::uint64_t process = number << kProcessShift;
    for (const Event& event : chunk.events) {
      if (event.kind == EventKind::Reference) {
        PW_TRY(add_reference(event, process, builder));
      } else if (event.kind == EventKind::Fetch) {
        PW_TRY(builder.room_for(1));
        builder.add(process | event.page);
      }
    }
  }
  if (builder.references() == 0) return fail(Errno::Invalid, "there are no references in it");
  return builder.finish();
}

}  // namespace pw::analysis
