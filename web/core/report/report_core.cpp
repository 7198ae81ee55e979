// What the report page asks its core: traces in, counts of misses out. Sizes and counts are
// doubles, which hold whole numbers up to 2^53; a negative answer means that it is not known.
#include <array>
#include <cmath>

#include "analysis/memory_need.hpp"
#include "policy/any_policy.hpp"
#include "web/core/page.hpp"
#include "web/core/report/trace.hpp"

namespace {

using pw::page::Trace;
using pw::page::Window;

constexpr std::uint32_t kTraces = 3;  // page sizes
constexpr double kNotKnown = -1;

std::array<Trace, kTraces>& traces() {
  static std::array<Trace, kTraces> all;
  return all;
}
double& last_error() {
  static double error = 0;
  return error;
}

double told(const pw::analysis::Estimate& estimate) {
  last_error() = estimate.error;
  return estimate.value;
}

const pw::policy::PolicySpec kLru{"lru", {}};

// LRU's misses by size, for searches; both ends are known sizes.
pw::analysis::MissCurve lru_of(Trace& trace, Window window) {
  return [&trace, window](std::uint64_t pages) {
    const double value = trace.misses(kLru, pages, window).value;
    return static_cast<std::uint64_t>(value < 0 ? 0x1p52 : value);
  };
}

}  // namespace

PW_PAGE_EXPORT(pw_load)
std::uint32_t pw_load(std::uint32_t slot, const char* operations, std::uint32_t operation_bytes,
                      const char* parts, std::uint32_t pages, std::uint32_t bins, double rate,
                      std::uint32_t filter_pages) {
  if (slot >= kTraces || bins == 0) return 0;
  return traces()[slot].load(pw::page::lent(operations, operation_bytes),
                             pw::page::lent(parts, pages), bins, rate, filter_pages)
             ? 1
             : 0;
}

PW_PAGE_EXPORT(pw_set_exact)
void pw_set_exact(std::uint32_t slot, std::uint32_t opt, const std::uint32_t* distances,
                  const double* counts, std::uint32_t length, double cold,
                  std::uint32_t known_from) {
  if (slot >= kTraces) return;
  pw::analysis::StackCurve curve;
  curve.cold = static_cast<std::uint64_t>(cold);
  curve.known_from = known_from;
  for (std::uint32_t i = 0; i < length; ++i) {
    curve.count(distances[i], static_cast<std::uint64_t>(counts[i]));
  }
  curve.sum_up();
  traces()[slot].set_exact(opt != 0 ? "opt" : "lru", std::move(curve));
}

// Misses of a policy, written as on the command line, in a memory of so many pages.
PW_PAGE_EXPORT(pw_misses)
double pw_misses(std::uint32_t slot, const char* policy, std::uint32_t length, double pages,
                 std::uint32_t begin, std::uint32_t end) {
  const auto spec = pw::policy::parse_policy(pw::page::lent(policy, length));
  if (slot >= kTraces || !spec || pages < 1) return kNotKnown;
  return told(traces()[slot].misses(*spec, static_cast<std::uint64_t>(pages), {begin, end}));
}

// The standard error of what was told last; 0: counted.
PW_PAGE_EXPORT(pw_standard_error) double pw_standard_error() { return last_error(); }

PW_PAGE_EXPORT(pw_cold)
double pw_cold(std::uint32_t slot, std::uint32_t begin, std::uint32_t end) {
  return slot < kTraces ? told(traces()[slot].cold({begin, end})) : kNotKnown;
}

// The smallest memory of which LRU's misses are known.
PW_PAGE_EXPORT(pw_known_from)
double pw_known_from(std::uint32_t slot, std::uint32_t begin, std::uint32_t end) {
  return slot < kTraces ? traces()[slot].known_from({begin, end}) : kNotKnown;
}

// The smallest memory that has first misses only, under LRU.
PW_PAGE_EXPORT(pw_fits_in)
double pw_fits_in(std::uint32_t slot, std::uint32_t begin, std::uint32_t end) {
  return slot < kTraces ? traces()[slot].fits_in({begin, end}) : kNotKnown;
}

// The memory from `from` on in which the run is at most `percent` slower under LRU.
PW_PAGE_EXPORT(pw_within)
double pw_within(std::uint32_t slot, double percent, double base_ns, double miss_ns, double from,
                 std::uint32_t begin, std::uint32_t end) {
  if (slot >= kTraces || miss_ns <= 0) return kNotKnown;
  Trace& trace = traces()[slot];
  const Window window{begin, end};
  const auto cold = static_cast<std::uint64_t>(trace.cold(window).value);
  const auto least = static_cast<std::uint64_t>(from);
  const auto most = std::max(least, static_cast<std::uint64_t>(trace.fits_in(window)));
  const std::uint64_t allowed = pw::analysis::allowed_misses(percent, base_ns, miss_ns, cold);
  return static_cast<double>(
      pw::analysis::smallest_within(lru_of(trace, window), least, most, allowed));
}

// The knee of LRU's curve.
PW_PAGE_EXPORT(pw_knee)
double pw_knee(std::uint32_t slot, double from, std::uint32_t begin, std::uint32_t end) {
  if (slot >= kTraces) return kNotKnown;
  Trace& trace = traces()[slot];
  const Window window{begin, end};
  const auto least = static_cast<std::uint64_t>(from);
  const auto most = std::max(least, static_cast<std::uint64_t>(trace.fits_in(window)));
  return static_cast<double>(pw::analysis::knee(lru_of(trace, window), least, most));
}

// Misses by page of the sample; the page reads as many numbers as the sample has pages. Null: not
// known for this policy.
PW_PAGE_EXPORT(pw_misses_by_page)
const std::uint32_t* pw_misses_by_page(std::uint32_t slot, const char* policy, std::uint32_t length,
                                       double pages, std::uint32_t begin, std::uint32_t end) {
  static std::vector<std::uint32_t> kept;
  const auto spec = pw::policy::parse_policy(pw::page::lent(policy, length));
  if (slot >= kTraces || !spec || spec->name == "opt" || pages < 1) return nullptr;
  kept = traces()[slot].misses_by_page(*spec, static_cast<std::uint64_t>(pages), {begin, end});
  return kept.data();
}

// The policies' names, a line each; those that need the future end with "*".
PW_PAGE_EXPORT(pw_policies) void pw_policies() {
  std::string names;
  for (const pw::policy::PolicyInfo& info : pw::policy::policies()) {
    names += info.name;
    names += info.needs == pw::policy::Needs::Future ? "*\n" : "\n";
  }
  pw::page::answer(names);
}
