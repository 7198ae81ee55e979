#include "web/core/report/trace.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "analysis/lru_curve.hpp"
#include "analysis/opt_curve.hpp"
#include "analysis/play.hpp"
#include "analysis/sweep.hpp"
#include "policy/catalogue.hpp"

namespace pw::page {
namespace {

using analysis::DenseTrace;
using analysis::Estimate;
using analysis::Op;
using analysis::OpKind;
using analysis::PageId;
using analysis::StackCurve;

constexpr std::uint64_t kNextBin = 3;
constexpr PageId kAbsent = 0xFFFF'FFFFU;
constexpr Estimate kUnknown{-1, 0};
const policy::PolicySpec kLru{"lru", {}};

// LEB128, at most ten bytes. False at the end or if it is no number.
bool take_varint(std::string_view& bytes, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// From the counts in the whole sample and in each of its parts, as estimate_of() in sampling.hpp
// has it; these counts may be negative.
Estimate estimate_from(const std::vector<double>& counts, double rate) {
  Estimate estimate{counts[0] / rate, 0};
  const auto parts = static_cast<double>(counts.size() - 1);
  if (parts < 2) return estimate;
  const double mean = std::accumulate(counts.begin() + 1, counts.end(), 0.0) / parts;
  double squares = 0;
  for (std::size_t i = 1; i < counts.size(); ++i) {
    squares += (counts[i] - mean) * (counts[i] - mean);
  }
  // A part stands for the whole with `parts` times its count.
  estimate.error = parts / rate * std::sqrt(squares / (parts - 1) / parts);
  return estimate;
}

// The operations of the pages that `keep` names, by new ids.
DenseTrace only(const DenseTrace& trace, const std::vector<bool>& keep) {
  DenseTrace taken;
  std::vector<PageId> ids(trace.ids, kAbsent);
  std::uint32_t in_use = 0;
  taken.filter_pages = 0;
  for (const Op op : trace.ops) {
    if (!keep[op.id()]) continue;
    PageId& id = ids[op.id()];
    if (id == kAbsent) id = taken.ids++;
    taken.ops.emplace_back(op.kind(), id);
    if (op.kind() == OpKind::Use) taken.filter_pages = std::max(taken.filter_pages, ++in_use);
    if (op.kind() == OpKind::Rest) --in_use;
  }
  taken.references = taken.ops.size();
  return taken;
}

// Plays one policy and tells `missed` the page of each miss.
template <class Missed>
void play_and_tell(const DenseTrace& trace, const policy::PolicySpec& spec, std::uint32_t frames,
                   Missed&& missed) {
  policy::Everything::for_each([&]<class P>() {
    if constexpr (P::kNeeds != policy::Needs::Future) {
      if (spec.name != P::kName) return;
      policy::Setup setup;
      setup.ids = trace.ids;
      setup.frames = frames;
      setup.values = spec.values;
      P policy(setup);
      analysis::Player<P> player(policy, trace.ids, frames);
      std::uint64_t time = 0;
      for (const Op op : trace.ops) {
        if (op.kind() == OpKind::Drop) {
          player.drop(op.id());
          continue;
        }
        if (op.kind() == OpKind::Rest) player.set_in_use(op.id(), false);
        const std::uint64_t before = player.played().misses;
        player.reference(op.id(), time++);
        if (player.played().misses != before) missed(op.id());
        if (op.kind() == OpKind::Use) player.set_in_use(op.id(), true);
      }
    }
  });
}

}  // namespace

bool Trace::load(std::string_view operations, std::string_view parts, std::uint32_t bins,
                 double rate, std::uint32_t filter_pages) {
  *this = Trace();
  rate_ = rate;
  filter_pages_ = filter_pages;
  parts_of_.assign(parts.begin(), parts.end());
  whole_.ids = static_cast<std::uint32_t>(parts.size());
  first_op_.assign(1, 0);
  while (!operations.empty()) {
    std::uint64_t word = 0;
    if (!take_varint(operations, word)) return false;
    const std::uint64_t value = word >> 2;
    if ((word & 3) == kNextBin) {
      if (value >= bins) return false;
      for (std::uint64_t i = 0; i < value; ++i) first_op_.push_back(whole_.ops.size());
    } else {
      if (value >= whole_.ids) return false;
      whole_.ops.emplace_back(static_cast<OpKind>(word & 3), static_cast<PageId>(value));
    }
  }
  if (first_op_.size() > bins) return false;
  first_op_.resize(bins + std::size_t{1}, whole_.ops.size());
  return rate > 0 && rate <= 1;
}

void Trace::set_exact(std::string_view policy, StackCurve curve) {
  (policy == "lru" ? exact_lru_ : exact_opt_) = std::move(curve);
}

const StackCurve* Trace::exact(std::string_view policy, Window window) const {
  if (window != Window{0, bins()}) return nullptr;
  if (policy == "lru" && exact_lru_) return &*exact_lru_;
  if (policy == "opt" && exact_opt_) return &*exact_opt_;
  return nullptr;
}

// Pages that are in use as the window begins are used at its start.
DenseTrace Trace::cut(Window window) const {
  DenseTrace trace;
  trace.ids = whole_.ids;
  std::vector<bool> in_use(whole_.ids);
  const std::size_t begin = first_op_[std::min(window.begin, bins())];
  const std::size_t end = first_op_[std::min(window.end, bins())];
  for (std::size_t i = 0; i < begin; ++i) {
    const Op op = whole_.ops[i];
    if (op.kind() != OpKind::Drop) in_use[op.id()] = op.kind() == OpKind::Use;
  }
  for (PageId id = 0; id < whole_.ids; ++id) {
    if (in_use[id]) trace.ops.emplace_back(OpKind::Use, id);
  }
  for (std::size_t i = begin; i < end; ++i) trace.ops.push_back(whole_.ops[i]);
  return trace;
}

void Trace::choose(Window window) {
  if (window == window_ && !chosen_.empty()) return;
  window_ = window;
  chosen_.clear();
  const DenseTrace trace = cut(window);
  std::vector<bool> keep(whole_.ids, true);
  chosen_.push_back({only(trace, keep), {}, {}});
  if (rate_ == 1) return;  // nothing to estimate
  for (std::uint32_t part = 0; part < analysis::kParts; ++part) {
    for (PageId id = 0; id < whole_.ids; ++id) keep[id] = parts_of_[id] == part;
    chosen_.push_back({only(trace, keep), {}, {}});
  }
}

std::uint64_t Trace::count(Part& part, const policy::PolicySpec& policy, std::uint32_t frames) {
  if (policy.name != "lru" && policy.name != "opt") {
    return analysis::play_policy(part.trace, policy, frames).misses;
  }
  std::optional<StackCurve>& curve = policy.name == "lru" ? part.lru : part.opt;
  if (!curve) {
    curve = policy.name == "lru" ? analysis::lru_curve(part.trace)
                                 : analysis::opt_curve(part.trace);
  }
  return curve->misses(std::max<std::uint64_t>(frames, curve->known_from));
}

// Where LRU's misses are known exactly, the sample has only to tell by how much the policy differs
// from LRU, which varies far less from part to part than the misses themselves do (a regression
// estimate with the slope 1: Cochran, Sampling Techniques, 3rd ed., 1977, section 7.2).
Estimate Trace::misses(const policy::PolicySpec& policy, std::uint64_t pages, Window window) {
  const std::uint64_t least = std::uint64_t{filter_pages_} + (policy.name == "opt" ? 1 : 0);
  if (pages < std::max<std::uint64_t>(least, 1)) return kUnknown;
  if (const StackCurve* const curve = exact(policy.name, window)) {
    return {static_cast<double>(curve->misses(pages)), 0};
  }
  choose(window);
  const double frames = static_cast<double>(pages) * rate_;
  const double in_filter = rate_ < 1 ? chosen_[0].trace.filter_pages + 1 : 1;
  const bool in_one_pass = policy.name == "lru" || policy.name == "opt";
  if (frames < (in_one_pass ? in_filter : 1)) return kUnknown;
  const StackCurve* const known = rate_ < 1 && frames >= in_filter ? exact("lru", window) : nullptr;
  std::vector<double> counts;  // of the whole sample, then of each part
  for (std::size_t i = 0; i < chosen_.size(); ++i) {
    const double rate = i == 0 ? rate_ : rate_ / analysis::kParts;
    const auto room = static_cast<std::uint32_t>(
        std::clamp(std::llround(static_cast<double>(pages) * rate), 1LL, 1LL << 30));
    counts.push_back(static_cast<double>(count(chosen_[i], policy, room)));
    if (known != nullptr) counts.back() -= static_cast<double>(count(chosen_[i], kLru, room));
  }
  Estimate estimate = estimate_from(counts, rate_);
  if (known == nullptr) return estimate;
  estimate.value = std::max(estimate.value + static_cast<double>(known->misses(pages)),
                            static_cast<double>(known->cold));
  return estimate;
}

Estimate Trace::cold(Window window) {
  if (const StackCurve* const curve = exact("lru", window)) {
    return {static_cast<double>(curve->cold), 0};
  }
  choose(window);
  std::vector<double> counts;
  for (const Part& part : chosen_) counts.push_back(part.trace.ids);
  return estimate_from(counts, rate_);
}

double Trace::known_from(Window window) {
  const double least = std::max(1.0, static_cast<double>(filter_pages_));
  if (exact("lru", window) != nullptr) return least;
  choose(window);
  if (rate_ == 1) return least;
  return std::max(least, std::ceil((chosen_[0].trace.filter_pages + 1) / rate_));
}

double Trace::fits_in(Window window) {
  if (const StackCurve* const curve = exact("lru", window)) {
    return static_cast<double>(curve->fits_in());
  }
  choose(window);
  Part& all = chosen_[0];
  if (!all.lru) all.lru = analysis::lru_curve(all.trace);
  return std::max(known_from(window), std::ceil(static_cast<double>(all.lru->fits_in()) / rate_));
}

std::vector<std::uint32_t> Trace::misses_by_page(const policy::PolicySpec& policy,
                                                 std::uint64_t pages, Window window) {
  std::vector<std::uint32_t> misses(whole_.ids);
  const auto frames = static_cast<std::uint32_t>(
      std::clamp(std::llround(static_cast<double>(pages) * rate_), 1LL, 1LL << 30));
  DenseTrace trace = cut(window);
  play_and_tell(trace, policy, frames, [&](PageId id) { ++misses[id]; });
  return misses;
}

}  // namespace pw::page
