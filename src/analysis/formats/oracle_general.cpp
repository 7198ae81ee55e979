#include "analysis/formats/oracle_general.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "analysis/formats/format.hpp"

namespace pw::analysis {
namespace {

constexpr std::size_t kAhead = 64;  // records between a look for a page's place and its use

bool is_never(std::int64_t next) { return next == kOracleNever || next == kOracleNeverToo; }

tl::unexpected<Error> wrong_record(std::uint64_t number, const std::string& what) {
  return fail(Errno::Invalid, fmt::format("byte {} (record {}): {}",
                                          (number - 1) * kOracleRecordBytes, number, what));
}

constexpr const char* kRemedy =
    "; if this is an oracleGeneral trace without next references, read it with "
    "'--format oracle:next=ignore'";

// What a page's note holds: the number of the record in which the page comes next; 0: it did not
// come yet.
constexpr std::uint32_t kNoMore = 0xFFFF'FFFFU;  // or so late that no trace here has it
static_assert(TraceBuilder::kMaxReferences < kNoMore);

tl::unexpected<Error> contradiction(std::uint64_t number, std::int64_t next,
                                    std::uint32_t expected) {
  if (next <= static_cast<std::int64_t>(number) && next != kOracleNever) {
    return wrong_record(number, fmt::format("says that its id comes next in record {}, which is "
                                            "not after it{}",
                                            next, kRemedy));
  }
  if (expected == kNoMore) {
    return wrong_record(number, fmt::format("has an id of which an earlier record said that it "
                                            "comes no more{}",
                                            kRemedy));
  }
  return wrong_record(number, fmt::format("has an id that, by an earlier record, comes next in "
                                          "record {}{}",
                                          expected, kRemedy));
}

// Whether record `number` can't be: it is not where the previous one of its id said (`expected`),
// or names a next one that is not after it.
bool contradicts(std::uint64_t number, std::int64_t next, std::uint32_t expected) {
  const auto following = static_cast<std::uint64_t>(next);  // -1, never, is the latest
  return (expected != number && expected != 0) || following <= number || next < kOracleNever;
}

std::uint32_t note_of(std::int64_t next) {
  return static_cast<std::uint32_t>(
      std::min(static_cast<std::uint64_t>(next), std::uint64_t{kNoMore}));
}

// Adds `count` records. (Inlined into its caller, the loop would run out of registers.)
template <bool kCheck>
[[gnu::noinline]] Result<void> add_records(const char* at, std::size_t count, TraceBuilder& out) {
  PW_TRY(out.room_for(count));
  const std::uint64_t done = out.references();
  PageId* const pages = out.extend(count);
  const auto id = [at](std::size_t i) { return OracleRecord{at + i * kOracleRecordBytes}.id(); };
  std::array<TraceBuilder::Entry*, kAhead> places;  // of the next records
  for (std::size_t i = 0; i < std::min(count, kAhead); ++i) places[i] = out.place_of(id(i));
  for (std::size_t i = 0; i < count; ++i) {
    const OracleRecord record = {at + i * kOracleRecordBytes};
    std::uint32_t& expected = out.find_page(places[i % kAhead], record.id(), pages[i]);
    if (i + kAhead < count) places[i % kAhead] = out.place_of(id(i + kAhead));
    if constexpr (kCheck) {
      const std::uint64_t number = done + i + 1;
      if (contradicts(number, record.next(), expected)) [[unlikely]] {
        return contradiction(number, record.next(), expected);
      }
      expected = note_of(record.next());
    }
  }
  return {};
}

// The same for a sample. Of the records that are passed over no more is checked than each by itself
// shows.
template <bool kCheck>
[[gnu::noinline]] Result<void> add_sampled(const char* at, std::size_t count, TraceBuilder& out) {
  PW_TRY(out.room_for(count));
  const std::uint64_t done = out.references();
  std::size_t passed_over = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const OracleRecord record = {at + i * kOracleRecordBytes};
    const std::uint64_t number = done + i + 1;
    std::uint32_t of_others = 0;
    std::uint32_t* expected = &of_others;
    if (out.takes(record.id())) [[unlikely]] {
      expected = &out.take(record.id());
    } else {
      ++passed_over;
    }
    if constexpr (kCheck) {
      if (contradicts(number, record.next(), *expected)) [[unlikely]] {
        return contradiction(number, record.next(), *expected);
      }
      *expected = note_of(record.next());
    }
  }
  out.pass_over(passed_over);
  return {};
}

Result<void> add(const char* at, std::size_t count, bool check, TraceBuilder& out) {
  if (out.samples()) {
    return check ? add_sampled<true>(at, count, out) : add_sampled<false>(at, count, out);
  }
  return check ? add_records<true>(at, count, out) : add_records<false>(at, count, out);
}

// At the end nobody waits for a record that was there. (Beyond the end it may be: the trace is the
// beginning of a longer one.)
Result<void> check_end(const TraceBuilder& out) {
  const TraceBuilder::Note waits = out.lowest_note();
  if (waits.note == 0 || waits.note > out.references()) return {};
  return wrong_record(waits.note, fmt::format("does not have the id {}, which by an earlier record "
                                              "comes next in it{}",
                                              waits.name, kRemedy));
}

}  // namespace

bool looks_like_oracle_general(const Beginning& beginning) {
  constexpr std::size_t kLook = 100;
  const std::size_t records = std::min(kLook, beginning.bytes.size() / kOracleRecordBytes);
  for (std::size_t i = 0; i < records; ++i) {
    const OracleRecord record = {beginning.bytes.data() + i * kOracleRecordBytes};
    constexpr std::int64_t kMost = std::int64_t{1} << 48;  // text has other bytes there
    if (!is_never(record.next()) && (record.next() <= 0 || record.next() > kMost)) return false;
  }
  return records != 0;
}

Result<void> read_oracle_general(InputBytes& input, FormatOptions& options, TraceBuilder& out) {
  const std::string next = options.take("next");
  if (!next.empty() && next != "ignore" && next != "check") {
    return fail(Errno::Invalid, "next= is check or ignore, not '" + next + "'");
  }
  PW_TRY(options.all_taken("oracle"));
  const bool check = next != "ignore";
  if (!input.compressed()) out.expect(input.file_bytes() / kOracleRecordBytes);
  for (bool more = true; more;) {
    const char* const at = input.bytes().data();
    const std::size_t count = input.bytes().size() / kOracleRecordBytes;
    PW_TRY(add(at, count, check, out));
    input.consume(count * kOracleRecordBytes);
    const Result<bool> read = input.read_more();
    if (!read) return tl::unexpected(read.error());
    more = *read;
  }
  if (!input.bytes().empty()) {
    return wrong_record(out.references() + 1,
                        fmt::format("is cut: the input ends after {} of its {} bytes",
                                    input.bytes().size(), kOracleRecordBytes));
  }
  return check ? check_end(out) : Result<void>();
}

Result<void> export_oracle_general(
    const PageTrace& trace, std::uint32_t object_bytes,
    const std::function<Result<void>(std::string_view bytes)>& write) {
  constexpr std::size_t kRecords = 4096;  // at a time
  const std::vector<std::uint32_t> next = next_references(trace);
  std::vector<char> bytes(kRecords * kOracleRecordBytes);
  for (std::size_t done = 0; done < trace.pages.size(); done += kRecords) {
    const std::size_t count = std::min(kRecords, trace.pages.size() - done);
    for (std::size_t i = 0; i < count; ++i) {
      char* const at = bytes.data() + i * kOracleRecordBytes;
      const PageId page = trace.pages[done + i];
      const std::uint64_t name = trace.names.empty() ? page : trace.names[page];
      const std::int64_t number = next[done + i] == kNoNext ? kOracleNever
                                                            : std::int64_t{next[done + i]} + 1;
      std::memset(at, 0, 4);
      std::memcpy(at + 4, &name, sizeof name);
      std::memcpy(at + 12, &object_bytes, sizeof object_bytes);
      std::memcpy(at + 16, &number, sizeof number);
    }
    PW_TRY(write(std::string_view(bytes.data(), count * kOracleRecordBytes)));
  }
  return {};
}

}  // namespace pw::analysis
