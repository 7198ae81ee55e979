// The records of libCacheSim's oracleGeneral traces: 24 bytes, packed, little-endian (libCacheSim,
// traceReader/customizedReader/oracle/oracleGeneralBin.h).
//
//   0  u32  time, in seconds          16  i64  number of the next reference to the same id, counted
//   4  u64  id                                 from 1; -1 or 2^63-1: there is none
//  12  u32  size of the object
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>

#include "analysis/page_trace.hpp"
#include "base/result.hpp"

namespace pw::analysis {

static_assert(std::endian::native == std::endian::little, "fields are copied as they lie");

inline constexpr std::size_t kOracleRecordBytes = 24;
inline constexpr std::int64_t kOracleNever = -1;
inline constexpr std::int64_t kOracleNeverToo = INT64_MAX;

// Unaligned fields of a record.
struct OracleRecord {
  const char* at;

  template <class T>
  T field(std::size_t offset) const {
    T value;
    std::memcpy(&value, at + offset, sizeof value);
    return value;
  }
  OracleRecord ahead(std::size_t records) const { return {at + records * kOracleRecordBytes}; }
  std::uint32_t time() const { return field<std::uint32_t>(0); }
  std::uint64_t id() const { return field<std::uint64_t>(4); }
  std::uint32_t size() const { return field<std::uint32_t>(12); }
  std::int64_t next() const { return field<std::int64_t>(16); }
};

// Gives the trace as oracleGeneral to `write`, piece by piece, with the next references filled in
// (-1: there is none), the pages' names as ids, `object_bytes` as size and time 0. Error: that of
// `write`.
Result<void> export_oracle_general(
    const PageTrace& trace, std::uint32_t object_bytes,
    const std::function<Result<void>(std::string_view bytes)>& write);

}  // namespace pw::analysis
