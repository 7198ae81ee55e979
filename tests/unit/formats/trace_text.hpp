// For the tests of importers: a trace as the names of its references, and naive makers of files.
#pragma once

#include <gtest/gtest.h>
#include <zstd.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "analysis/input.hpp"

namespace pw::analysis::testing {

using Names = std::vector<std::uint64_t>;

// What the trace refers to, after a look at the trace itself: ids are dense, in the order of their
// first appearance, and every name has one id.
inline Names names_of(const PageTrace& trace) {
  Names names;
  PageId next = 0;
  std::map<std::uint64_t, PageId> ids;
  EXPECT_EQ(trace.names.size(), trace.ids);
  for (const PageId id : trace.pages) {
    EXPECT_LE(id, next);
    if (id == next) ++next;
    if (id >= trace.names.size()) return {};
    EXPECT_EQ(ids.try_emplace(trace.names[id], id).first->second, id);
    names.push_back(trace.names[id]);
  }
  EXPECT_EQ(next, trace.ids);
  return names;
}

// The references read, or none and a failure.
inline Names read_names(const std::string& bytes, const std::string& format = {},
                        std::size_t block = 1 << 18) {
  const Result<PageTrace> trace = trace_of_bytes(bytes, format, block);
  EXPECT_TRUE(trace.has_value()) << trace.error().message;
  return trace ? names_of(*trace) : Names();
}

// The message, or "" and a failure.
inline std::string error_of(const std::string& bytes, const std::string& format = {},
                            std::size_t block = 1 << 18) {
  const Result<PageTrace> trace = trace_of_bytes(bytes, format, block);
  EXPECT_FALSE(trace.has_value());
  return trace ? std::string() : trace.error().message;
}

template <class T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// An oracleGeneral file by its definition; `never` ends each id.
inline std::string oracle_file(const Names& names, std::int64_t never = -1) {
  std::string bytes;
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::int64_t next = never;
    for (std::size_t j = i + 1; j < names.size(); ++j) {
      if (names[j] != names[i]) continue;
      next = static_cast<std::int64_t>(j) + 1;
      break;
    }
    append(bytes, static_cast<std::uint32_t>(1000 + i));
    append(bytes, names[i]);
    append(bytes, std::uint32_t{4096});
    append(bytes, next);
  }
  return bytes;
}

inline std::string zstd_frame(const std::string& bytes) {
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 3));
  return packed;
}

}  // namespace pw::analysis::testing
