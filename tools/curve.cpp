// pagewright curve INPUT: faults by size of memory, for any policies.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <thread>

#include "analysis/lru_curve.hpp"
#include "analysis/memory_need.hpp"
#include "analysis/stream.hpp"
#include "analysis/sweep.hpp"
#include "machine/config.hpp"
#include "report/curve_report.hpp"
#include "tools/console.hpp"
#include "tools/options.hpp"
#include "tools/size_list.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

struct Flags {
  std::string input, format;
  std::string policies = "lru,opt";
  std::string sizes;
  std::string metric = "faults";
  double sample = 0;
  std::string sample_size;
  std::uint64_t seed = 1;
  unsigned threads = 0;
  double memory_ns = 0;  // not given: see parse_costs()
  double fault_us = 0;
  double percent = 5;
  std::string output, svg;
  bool json = false, csv = false, force = false;
};

Result<std::vector<policy::PolicySpec>> parse_policies(const std::string& text, bool recording) {
  std::vector<policy::PolicySpec> specs;
  if (text == "all") {
    for (const policy::PolicyInfo& info : policy::policies()) {
      if (recording && info.needs == policy::Needs::Future && info.name != "opt") {
        continue;
      }
      specs.push_back(*policy::parse_policy(info.name));
    }
    return specs;
  }
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    Result<policy::PolicySpec> spec = policy::parse_policy(text.substr(at, end - at));
    if (!spec) return fail(Errno::Invalid, "--policy: " + spec.error().message);
    specs.push_back(std::move(*spec));
    at = end + 1;
  }
  return specs;
}

// Sampling as asked for; nothing for exact counts.
Result<std::optional<analysis::SampleSize>> parse_sample(const Flags& flags) {
  std::optional<analysis::SampleSize> sample;
  if (flags.sample == 0 && flags.sample_size.empty()) return sample;
  if (flags.sample != 0 && !flags.sample_size.empty()) {
    return fail(Errno::Invalid, "--sample and --sample-size exclude each other");
  }
  sample = analysis::SampleSize{flags.sample, 0, flags.seed};
  if (flags.sample_size.empty()) {
    if (flags.sample > 0 && flags.sample < 1) return sample;
    return fail(Errno::Invalid,
                "--sample: write a share of the pages above 0 and below 1, such "
                "as 0.01");
  }
  // A count with K for 1024, as papers write it: the same notation as sizes in bytes.
  const Result<ByteCount> count = parse_size(flags.sample_size);
  if (!count || count->value == 0 || count->value > analysis::Op::kMaxId) {
    return fail(Errno::Invalid, "--sample-size: write a number of pages such as 8K");
  }
  sample->pages = static_cast<std::uint32_t>(count->value);
  return sample;
}

// A reference takes 100 ns in textbooks, where each goes to memory. In a recording every
// instruction fetched and every byte loaded is one, nearly all served by the CPU's caches: half a
// nanosecond is what replays of programs come to.
Result<analysis::CurveCosts> parse_costs(const Flags& flags, bool recording) {
  analysis::CurveCosts costs;
  const MachineConfig machine;
  costs.first_ns = static_cast<double>(machine.costs.minor_ns);
  costs.fault_ns = static_cast<double>(machine.costs.major_ns + machine.swap_device.seek_ns +
                                       machine.swap_device.read_ns +
                                       machine.swap_device.per_page_ns);
  if (flags.fault_us != 0) costs.fault_ns = flags.fault_us * 1000;
  costs.memory_ns = flags.memory_ns != 0 ? flags.memory_ns : recording ? 0.5 : 100;
  costs.percent = flags.percent;
  if (!(costs.fault_ns > 0) || !(costs.memory_ns > 0) || !(costs.percent >= 0)) {
    return fail(Errno::Invalid,
                "--memory-ns, --fault-us and --slowdown: write numbers greater than 0");
  }
  return costs;
}

// From the least memory that all curves know to the one in which LRU has first touches alone; of a
// sample, from a 256th of the pages to all of them.
std::vector<std::uint64_t> sizes_of(const analysis::Input& input, bool sampled) {
  constexpr std::size_t kSizes = 14;
  std::uint64_t from = input.filter_pages() + 1;
  if (sampled) {
    const double rate = input.sample ? input.sample->rate : 1;
    const auto pages = static_cast<std::uint64_t>(std::llround(input.ids() / rate));
    from = std::max(from, pages / 256);
    return analysis::sizes_to_show(from, std::max(from, pages), kSizes);
  }
  const auto lru = input.pages() != nullptr ? analysis::lru_curve(*input.pages())
                                            : analysis::lru_curve(*input.dense());
  return analysis::sizes_to_show(from, std::max(from, lru.fits_in()), kSizes);
}

// What was asked for beside the input.
struct Question {
  analysis::SweepOptions sweep;  // sizes may be empty
  report::CurveReport report;    // what is known of it before anything is counted
};

Result<Question> parse_question(const Flags& flags, bool recording) {
  Question question;
  const auto metric = analysis::metric_named(flags.metric);
  if (!metric) return fail(Errno::Invalid, "--metric: write faults, ratio, eat or slowdown");
  auto sample = parse_sample(flags);
  if (!sample) return tl::unexpected(sample.error());
  if (!flags.sizes.empty()) {
    auto sizes = parse_sizes(flags.sizes);
    if (!sizes) return fail(Errno::Invalid, "--sizes: " + sizes.error().message);
    question.sweep.sizes = std::move(*sizes);
  }
  const auto costs = parse_costs(flags, recording);
  if (!costs) return tl::unexpected(costs.error());
  auto policies = parse_policies(flags.policies, recording);
  if (!policies) return tl::unexpected(policies.error());
  question.sweep.policies = std::move(*policies);
  question.sweep.sample = *sample;
  question.sweep.threads = flags.threads != 0 ? flags.threads
                                              : std::max(1U, std::thread::hardware_concurrency());
  question.report.input = flags.input;
  question.report.metric = *metric;
  question.report.costs = *costs;
  return question;
}

Result<report::CurveReport> report_while_reading(analysis::InputFile& file, Question question) {
  Result<analysis::StreamedSweep> done = analysis::sweep_while_reading(file, question.sweep);
  if (!done) return tl::unexpected(done.error());
  report::CurveReport& report = question.report;
  report.format = done->input.format;
  report.references = done->input.references;
  report.pages = done->input.ids;
  report.sweep = std::move(done->sweep);
  return std::move(report);
}

Result<report::CurveReport> report_of_whole(analysis::InputFile& file, Question question) {
  Progress progress("reading " + question.report.input);
  analysis::InputOptions how;
  how.progress = progress.callback();
  how.sample = question.sweep.sample;
  const Result<analysis::Input> input = file.read(how);
  if (!input) return tl::unexpected(input.error());
  progress.clear();
  analysis::SweepOptions& options = question.sweep;
  if (options.sizes.empty()) options.sizes = sizes_of(*input, options.sample.has_value());
  if (input->sample) options.sample.reset();
  Progress counting("counting faults");
  options.progress = counting.callback();
  Result<analysis::Sweep> sweep = analysis::sweep(*input, options);
  if (!sweep) return tl::unexpected(sweep.error());
  report::CurveReport& report = question.report;
  report.format = input->format;
  report.command = input->command();
  report.references = input->references();
  report.pages = input->sample ? sweep->cold : input->ids();
  report.filter_pages = input->filter_pages();
  report.inferred = input->dense() != nullptr ? input->dense()->inferred : 0;
  report.sweep = std::move(*sweep);
  return std::move(report);
}

Result<report::CurveReport> make_report(const Flags& flags) {
  Result<analysis::InputFile> file = analysis::InputFile::open(flags.input, flags.format);
  if (!file) return tl::unexpected(file.error());
  Result<Question> question = parse_question(flags, file->is_recording());
  if (!question) return tl::unexpected(question.error());
  return analysis::can_sweep_while_reading(*file, question->sweep)
             ? report_while_reading(*file, std::move(*question))
             : report_of_whole(*file, std::move(*question));
}

int run(const Flags& flags) {
  if (flags.json && flags.csv) {
    return give_up(Error{Errno::Invalid, "--json and --csv exclude each other"});
  }
  const Result<report::CurveReport> report = make_report(flags);
  if (!report) return give_up(report.error());
  if (!flags.svg.empty()) {
    const auto written = write_result(flags.svg, report::curve_svg(*report), flags.force);
    if (!written) return give_up(written.error());
  }
  const std::string text = flags.json ? report::curve_json(*report)
                           : flags.csv
                               ? report::curve_csv(*report)
                               : report::curve_text(*report, text_style(flags.output.empty()));
  const auto written = write_result(flags.output, text, flags.force);
  return written ? kOk : give_up(written.error());
}

}  // namespace

void add_curve(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("curve", "faults by size of memory, for any policies");
  auto flags = std::make_shared<Flags>();
  Flags& f = *flags;
  verb->add_option("INPUT", f.input, "a recording, or the trace of another tool")->required();
  verb->add_option("--format", f.format, "how INPUT is written; told by its content otherwise");
  verb->add_option("--policy", f.policies,
                   "policies, comma between them, or all: lru,opt,2q:kin=0.3 (lru,opt)")
      ->type_name("POLICIES");
  verb->add_option("--sizes", f.sizes, "memories: 64M,1000p (pages), 1M..1G, 1M..1G/20 (that many)")
      ->type_name("SIZES");
  verb->add_option("--metric", f.metric, "faults, ratio, eat or slowdown (faults)");
  verb->add_option("--slowdown", f.percent, "tell the memory for at most this slowdown (5)")
      ->type_name("PERCENT");
  verb->add_option("--memory-ns", f.memory_ns,
                   "time of a reference without a fault (100; recordings 0.5)")
      ->type_name("NS");
  verb->add_option("--fault-us", f.fault_us, "time of a fault that reads the page again (90)")
      ->type_name("US");
  verb->add_option("--sample", f.sample, "estimate from this share of the pages, such as 0.01")
      ->type_name("SHARE");
  verb->add_option("--sample-size", f.sample_size, "estimate from that many pages, such as 8K")
      ->type_name("PAGES");
  verb->add_option("--seed", f.seed, "of the sample (1)")->type_name("N");
  verb->add_option("--threads", f.threads, "CPUs to use; the results are the same (all)")
      ->type_name("N");
  verb->add_flag("--json", f.json, "as JSON, schema pagewright.curve/1");
  verb->add_flag("--csv", f.csv, "as CSV: a row for each size, a column for each policy");
  verb->add_option("--svg", f.svg, "also draw the curves into this file")->type_name("FILE");
  verb->add_option("-o,--output", f.output, "write to this file")->type_name("FILE");
  verb->add_flag("--force", f.force, "overwrite files");
  verb->footer(
      "Examples:\n"
      "  pagewright curve sort.pwrec\n"
      "  pagewright curve sort.pwrec --policy lru,clock,arc,opt --svg sort.svg\n"
      "  pagewright curve trace.oracle --policy all --sizes 64M..4G/8 --metric ratio\n"
      "  pagewright curve trace.oracle --sample 0.01 --csv -o curve.csv");
  verb->callback([flags, &call] { call.status = run(*flags); });
}

}  // namespace pw::tools
