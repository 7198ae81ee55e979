// The curves as one SVG file without anything outside of it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/curve_report.hpp"
#include "report/units.hpp"

namespace pw::report {
namespace {

using analysis::PolicyCurve;
using analysis::SizePoint;

constexpr double kWidth = 880, kHeight = 520;
constexpr double kLeft = 96, kRight = 190, kTop = 56, kBottom = 64;

// Colours that people with any kind of colour vision tell apart (Okabe, Ito 2008), then the same
// with dashes.
constexpr std::array<const char*, 7> kColours{"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                              "#E69F00", "#56B4E9", "#000000"};
constexpr std::array<const char*, 4> kDashes{"", "7 4", "2 3", "9 3 2 3"};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7F) {
      out += c;
    } else {
      out += '?';
    }
  }
  return out;
}

struct Axes {
  double from = 0, to = 1;  // logarithms of pages
  double most = 1;
  double step = 1;  // between marks of the metric

  double x(std::uint64_t pages) const {
    const double part = to > from ? (std::log2(static_cast<double>(pages)) - from) / (to - from)
                                  : 0;
    return kLeft + part * (kWidth - kLeft - kRight);
  }
  double y(double value) const {
    return kHeight - kBottom - value / most * (kHeight - kTop - kBottom);
  }
};

// 1, 2 or 5 times a power of ten, so that some five marks fit.
double round_step(double most) {
  const double raw = most / 5;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw) return factor * power;
  }
  return 10 * power;
}

Axes axes_of(const CurveReport& report) {
  Axes axes;
  double most = 0;
  bool first = true;
  for (const PolicyCurve& curve : report.sweep.curves) {
    for (const SizePoint& p : curve.points) {
      if (!p.known) continue;
      const double at = std::log2(static_cast<double>(p.pages));
      axes.from = first ? at : std::min(axes.from, at);
      axes.to = first ? at : std::max(axes.to, at);
      most = std::max(most, report.value(p.misses + p.error));
      first = false;
    }
  }
  if (most <= 0) most = 1;
  axes.step = round_step(most);
  axes.most = std::ceil(most / axes.step) * axes.step;
  return axes;
}

std::string text_at(double x, double y, const char* anchor, const std::string& text,
                    const char* more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y,
                     anchor, more, escaped(text));
}

std::string line(double x1, double y1, double x2, double y2, const char* style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1, y1,
                     x2, y2, style);
}

std::string grid(const CurveReport& report, const Axes& axes) {
  constexpr const char* kThin = "stroke=\"#ddd\"";
  std::string out;
  for (int i = 0; i * axes.step <= axes.most * 1.0001; ++i) {
    const double value = i * axes.step;
    out += line(kLeft, axes.y(value), kWidth - kRight, axes.y(value), kThin);
    out += text_at(kLeft - 8, axes.y(value) + 4, "end", metric_text(report.metric, value));
  }
  // Powers of two, at most nine of them.
  const int first = static_cast<int>(std::ceil(axes.from));
  const int last = static_cast<int>(std::floor(axes.to));
  const int stride = std::max(1, (last - first + 8) / 9);
  for (int power = first; power <= last; power += stride) {
    const std::uint64_t pages = std::uint64_t{1} << power;
    out += line(axes.x(pages), kTop, axes.x(pages), kHeight - kBottom, kThin);
    out += text_at(axes.x(pages), kHeight - kBottom + 18, "middle", page_bytes(pages));
  }
  out += line(kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom, "stroke=\"#333\"");
  out += line(kLeft, kTop, kLeft, kHeight - kBottom, "stroke=\"#333\"");
  out += text_at((kLeft + kWidth - kRight) / 2, kHeight - 18, "middle",
                 "memory (logarithmic scale, pages of 4 KiB)");
  const double middle = (kTop + kHeight - kBottom) / 2;
  out += text_at(16, middle, "middle", metric_title(report.metric),
                 fmt::format(" transform=\"rotate(-90 16 {:.1f})\"", middle).c_str());
  return out;
}

std::string bars(const CurveReport& report, const PolicyCurve& curve, const Axes& axes,
                 const char* colour) {
  std::string out;
  for (const SizePoint& p : curve.points) {
    if (!p.known || p.error <= 0) continue;
    const double low = axes.y(report.value(std::max(0.0, p.misses - p.error)));
    out += line(axes.x(p.pages), low, axes.x(p.pages), axes.y(report.value(p.misses + p.error)),
                fmt::format("stroke=\"{}\" stroke-opacity=\"0.5\"", colour).c_str());
  }
  return out;
}

// The misses of a size that may lie between two of those shown.
double misses_at(const CurveReport& report, const PolicyCurve& curve, std::uint64_t pages) {
  if (curve.stack && !report.sampled()) return static_cast<double>(curve.stack->misses(pages));
  for (const SizePoint& p : curve.points) {
    if (p.pages == pages) return p.misses;
  }
  return 0;
}

std::string drawn(const CurveReport& report, const PolicyCurve& curve, std::size_t index,
                  const Axes& axes) {
  const char* colour = kColours[index % kColours.size()];
  const char* dash = kDashes[index / kColours.size() % kDashes.size()];
  std::string path;
  for (const SizePoint& p : curve.points) {
    if (!p.known) continue;
    path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "" : " ", axes.x(p.pages),
                        axes.y(report.value(p.misses)));
  }
  std::string out = fmt::format(
      "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" "
      "stroke-width=\"2\" stroke-dasharray=\"{}\"/>\n",
      path, colour, dash);
  out += bars(report, curve, axes, colour);
  const auto summary = analysis::summary_of(curve, report.costs, report.base(), report.sampled());
  const bool inside = summary.knee > 0 &&
                      std::log2(static_cast<double>(summary.knee)) >= axes.from &&
                      std::log2(static_cast<double>(summary.knee)) <= axes.to;
  if (inside) {
    out += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\" fill=\"white\" stroke=\"{}\" "
        "stroke-width=\"2\"/>\n",
        axes.x(summary.knee), axes.y(report.value(misses_at(report, curve, summary.knee))), colour);
  }
  const double y = kTop + 10 + 18 * static_cast<double>(index);
  out += line(kWidth - kRight + 16, y, kWidth - kRight + 44, y,
              fmt::format("stroke=\"{}\" stroke-width=\"2\" stroke-dasharray=\"{}\"", colour, dash)
                  .c_str());
  return out + text_at(kWidth - kRight + 50, y + 4, "start", curve.policy.text());
}

}  // namespace

std::string curve_svg(const CurveReport& report) {
  const Axes axes = axes_of(report);
  const std::size_t slash = report.input.find_last_of('/');
  const std::string name = slash == std::string::npos ? report.input
                                                      : report.input.substr(slash + 1);
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n"
      "<title>{2}</title>\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
      kWidth, std::max(kHeight, kTop + 60 + 18 * static_cast<double>(report.sweep.curves.size())),
      escaped(metric_title(report.metric) + " by size of memory: " + name));
  out += text_at(kLeft, 24, "start", metric_title(report.metric) + " by size of memory",
                 " font-size=\"16\" font-weight=\"bold\"");
  out += text_at(kLeft, 42, "start",
                 fmt::format("{}: {} references, {}{} pages{}", name, count(report.references),
                             report.sweep.cold_error > 0 ? "about " : "", count(report.pages),
                             report.sampled() ? ", sampled; bars are standard errors" : ""),
                 " fill=\"#555\"");
  out += grid(report, axes);
  for (std::size_t i = 0; i < report.sweep.curves.size(); ++i) {
    out += drawn(report, report.sweep.curves[i], i, axes);
  }
  const double y = kTop + 10 + 18 * static_cast<double>(report.sweep.curves.size()) + 6;
  out += fmt::format(
      "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"white\" stroke=\"#555\" "
      "stroke-width=\"2\"/>\n",
      kWidth - kRight + 30, y);
  out += text_at(kWidth - kRight + 50, y + 4, "start", "knee");
  return out + "</svg>\n";
}

}  // namespace pw::report
