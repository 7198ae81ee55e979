// What the fuzz targets of the importers share: any bytes as a trace of one format. Reading neither
// crashes nor allocates without bound, gives the same whatever the blocks the bytes come in and
// whether the trace is kept or handed on, and a trace that was read is one: dense ids in the order
// of their first appearance, a name for each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "analysis/input.hpp"

namespace pw::analysis::fuzzing {

inline void check(bool good) {
  if (!good) std::abort();
}

inline void check_trace(const PageTrace& trace) {
  PageId next = 0;
  for (const PageId page : trace.pages) {
    check(page <= next);
    if (page == next) ++next;
  }
  check(next == trace.ids && trace.names.size() == trace.ids && trace.ids != 0);
  const std::unordered_set<std::uint64_t> names(trace.names.begin(), trace.names.end());
  check(names.size() == trace.ids);
}

struct KeepingSink final : PageSink {
  std::vector<PageId> pages;
  void take(std::span<const PageId> block) override {
    pages.insert(pages.end(), block.begin(), block.end());
  }
};

// The same references, or the same error.
inline void check_stream(InputFile file, const Result<PageTrace>& whole) {
  if (file.ids_below() == 0) return;
  KeepingSink sink;
  const Result<Streamed> streamed = file.stream(sink);
  check(streamed.has_value() == whole.has_value());
  if (whole) {
    check(sink.pages == whole->pages && streamed->ids == whole->ids);
  } else {
    check(streamed.error().message == whole.error().message);
  }
}

inline void read_as(const std::string& format, const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Result<PageTrace> whole = trace_of_bytes(bytes, format);
  const Result<PageTrace> parts = trace_of_bytes(bytes, format, 1 + size % 61);
  check(whole.has_value() == parts.has_value());
  Result<InputFile> file = InputFile::of_bytes(bytes, format);
  check(file.has_value() || !whole);
  if (file) check_stream(std::move(*file), whole);
  if (!whole) {
    const auto damaged = [](const std::string& message) {
      return message.find("Zstandard") != std::string::npos;
    };
    const std::string& one = whole.error().message;
    const std::string& other = parts.error().message;
    check(!one.empty() && !other.empty());
    // Zstandard finds damage when it comes to it, which depends on the blocks.
    check(one == other || damaged(one) || damaged(other));
    return;
  }
  check_trace(*whole);
  check(whole->pages == parts->pages && whole->names == parts->names);
}

}  // namespace pw::analysis::fuzzing
