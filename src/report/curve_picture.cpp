#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/curve_report.hpp"
#include "report/table.hpp"
#include "report/units.hpp"

namespace pw::report {
namespace {

using analysis::PolicyCurve;
using analysis::SizePoint;

// Where two curves meet: the first of them shows.
class Canvas {
 public:
  Canvas(std::size_t width, std::size_t height)
      : width_(width), rows_(height, std::string(width, ' ')) {}

  // x and y from 0 to 1, y upwards.
  void dot(double x, double y, char letter) {
    const auto column = static_cast<std::size_t>(std::lround(x * static_cast<double>(width_ - 1)));
    const auto up = static_cast<std::size_t>(
        std::lround(std::clamp(y, 0.0, 1.0) * static_cast<double>(rows_.size() - 1)));
    char& at = rows_[rows_.size() - 1 - up][column];
    if (at == ' ') at = letter;
  }
  const std::vector<std::string>& rows() const { return rows_; }

 private:
  std::size_t width_;
  std::vector<std::string> rows_;
};

struct Scale {
  double from = 0, to = 1;  // logarithms of pages
  double most = 1;          // of the metric

  double x(double log_pages) const { return to > from ? (log_pages - from) / (to - from) : 0; }
};

Scale scale_of(const CurveReport& report) {
  Scale scale;
  scale.most = 0;
  bool first = true;
  for (const PolicyCurve& curve : report.sweep.curves) {
    for (const SizePoint& p : curve.points) {
      if (!p.known) continue;
      const double at = std::log2(static_cast<double>(p.pages));
      scale.from = first ? at : std::min(scale.from, at);
      scale.to = first ? at : std::max(scale.to, at);
      scale.most = std::max(scale.most, report.value(p.misses));
      first = false;
    }
  }
  if (scale.most <= 0) scale.most = 1;
  return scale;
}

void draw(Canvas& canvas, const CurveReport& report, const PolicyCurve& curve, const Scale& scale,
          char letter) {
  constexpr int kBetween = 40;  // dots from one size to the next
  const SizePoint* before = nullptr;
  for (const SizePoint& p : curve.points) {
    if (!p.known) continue;
    const double x = scale.x(std::log2(static_cast<double>(p.pages)));
    const double y = report.value(p.misses) / scale.most;
    if (before != nullptr) {
      const double x0 = scale.x(std::log2(static_cast<double>(before->pages)));
      const double y0 = report.value(before->misses) / scale.most;
      for (int i = 1; i < kBetween; ++i) {
        const double part = static_cast<double>(i) / kBetween;
        canvas.dot(x0 + (x - x0) * part, y0 + (y - y0) * part, letter);
      }
    }
    canvas.dot(x, y, letter);
    before = &p;
  }
}

char letter_of(std::size_t index) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return kLetters[index % kLetters.size()];
}

}  // namespace

std::string curve_picture(const CurveReport& report, std::size_t width) {
  constexpr std::size_t kHeight = 16;
  constexpr std::size_t kLabel = 12;
  const Scale scale = scale_of(report);
  const std::size_t cells = width - kLabel - 4;
  Canvas canvas(cells, kHeight);
  std::string legend;
  for (std::size_t i = 0; i < report.sweep.curves.size(); ++i) {
    draw(canvas, report, report.sweep.curves[i], scale, letter_of(i));
    legend += fmt::format("{}{} {}", i == 0 ? "" : ", ", letter_of(i),
                          report.sweep.curves[i].policy.text());
  }
  std::string text;
  for (std::size_t row = 0; row < kHeight; ++row) {
    const bool labelled = row % 5 == 0;
    const double value = scale.most * static_cast<double>(kHeight - 1 - row) / (kHeight - 1);
    std::string line = fmt::format("  {:>{}} {}{}",
                                   labelled ? metric_text(report.metric, value) : "", kLabel,
                                   labelled ? '+' : '|', canvas.rows()[row]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  const auto pages = [](double log) { return static_cast<std::uint64_t>(std::llround(exp2(log))); };
  const std::string left = page_bytes(pages(scale.from));
  const std::string middle = page_bytes(pages((scale.from + scale.to) / 2));
  const std::string right = page_bytes(pages(scale.to));
  const std::size_t half = (cells - right.size()) / 2;
  text += fmt::format("  {:>{}} +{}\n", "", kLabel, std::string(cells, '-'));
  text += fmt::format("  {:>{}}  {:<{}}{:<{}}{}\n", "", kLabel, left, half, middle,
                      cells - half - right.size(), right);
  return text + wrapped(legend, fmt::format("  {:>{}}  ", "", kLabel), width);
}

}  // namespace pw::report
