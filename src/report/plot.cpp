#include "report/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/table.hpp"
#include "report/units.hpp"

namespace pw::report {
namespace {

using analysis::MemoryNeed;
using analysis::MissPoint;

// Bars are logarithmic where the longest stands for this many times what the shortest does.
constexpr double kLogarithmicFrom = 50;

}  // namespace

std::string plot(const MemoryNeed& need, std::size_t width) {
  constexpr std::size_t kNumbers = 42;  // what RAM and the two counts take
  const auto cells = static_cast<double>(width - kNumbers);
  std::uint64_t most = 1;
  std::uint64_t least = ~std::uint64_t{0};
  for (const MissPoint& p : need.points) {
    most = std::max(most, p.lru - need.first_touches);
    if (p.opt > need.first_touches) least = std::min(least, p.opt - need.first_touches);
  }
  const bool logarithmic = static_cast<double>(most) / static_cast<double>(least) >=
                           kLogarithmicFrom;
  const auto scaled = [&](std::uint64_t faults) {
    return logarithmic ? std::log2(1 + static_cast<double>(faults)) : static_cast<double>(faults);
  };
  const auto length = [&](std::uint64_t faults) {
    const double part = scaled(faults - need.first_touches) / scaled(most);
    return static_cast<std::size_t>(std::lround(part * cells));
  };
  Table table({Align::Right, Align::Right, Align::Right, Align::Left});
  table.row({"RAM", "LRU", "OPT", ""});
  for (const MissPoint& p : need.points) {
    const std::size_t opt = length(p.opt);
    const std::size_t lru = std::max(opt, length(p.lru));
    table.row({page_bytes(p.pages), count(p.lru), count(p.opt),
               '|' + std::string(opt, '=') + std::string(lru - opt, '-')});
  }
  return table.text() +
         wrapped(
             fmt::format("Bars show the faults beyond the {} first touches{}: '=' is OPT, the "
                         "least that any policy can have; '-' is what LRU adds.",
                         count(need.first_touches), logarithmic ? ", on a logarithmic scale" : ""),
             "  ", width);
}

std::string need_lines(const MemoryNeed& need, std::size_t width) {
  Table table({Align::Left, Align::Right, Align::Left});
  const bool below = need.within <= need.known_from;
  table.row({"no fault but first touches", page_bytes(need.fits_in), ""});
  table.row({fmt::format("at most {:g} % slower", need.percent), page_bytes(need.within),
             below ? "or less" : ""});
  table.row({"knee of the curve", page_bytes(need.knee), ""});
  return table.text() +
         wrapped(fmt::format("Under LRU; each further fault costs {}, the run with enough memory "
                             "takes {}. Page tables and the page cache of files read by system "
                             "calls come on top.",
                             duration(need.miss_ns), duration(need.base_ns)),
                 "  ", width);
}

}  // namespace pw::report
