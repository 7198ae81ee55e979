// pagewright eat: effective access time from hit ratio, fault probability and device times, given
// or taken from a trace.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "analysis/eat.hpp"
#include "analysis/input.hpp"
#include "analysis/lru_curve.hpp"
#include "port/device.hpp"
#include "report/table.hpp"
#include "report/units.hpp"
#include "tools/console.hpp"
#include "tools/options.hpp"
#include "tools/quantities.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

struct Flags {
  std::string input, format, ram;
  double hit_ratio = 1;
  double probability = 0;
  double walk_references = 1;
  double dirty_ratio = 0;
  double percent = 10;
  bool has_probability = false;
  std::string tlb = "0ns", memory = "100ns", device = "ssd", overhead = "0ns";
  bool json = false;
};

// What a trace says: LRU's faults in a memory of that size that read a page back.
struct Measured {
  std::uint64_t references = 0;
  std::uint64_t first = 0;  // first references: no device has the page
  std::uint64_t reads = 0;
  std::uint64_t pages = 0;  // memory
};

struct Times {
  double tlb_ns = 0, memory_ns = 0, fault_ns = 0;
  double probability = 0;
  std::optional<Measured> measured;
};

Result<double> device_time(const std::string& text, double dirty_ratio) {
  for (const DeviceModel& device : {kHdd, kSsd, kNvme, kZram, kFarMemory}) {
    if (device.name != text) continue;
    const auto ns = [&device](std::uint64_t request) {
      return static_cast<double>(device.seek_ns + request + device.per_page_ns);
    };
    return ns(device.read_ns) + dirty_ratio * ns(device.write_ns);
  }
  const Result<double> time = parse_time(text);
  if (time) return *time * (1 + dirty_ratio);
  return fail(Errno::Invalid, "--device: write a time such as 8ms, or hdd, ssd, nvme, zram, far");
}

Result<Measured> measure(const Flags& flags) {
  if (flags.ram.empty()) {
    return fail(Errno::Invalid, "with a trace, say the size of memory: --ram 64M");
  }
  const Result<ByteCount> ram = parse_size(flags.ram);
  if (!ram) return fail(Errno::Invalid, "--ram: " + ram.error().message);
  Progress progress("reading " + flags.input);
  analysis::InputOptions how;
  how.format = flags.format;
  how.progress = progress.callback();
  const Result<analysis::Input> input = analysis::open_input(flags.input, how);
  if (!input) return tl::unexpected(input.error());
  Measured measured;
  measured.pages = ram->value / kPageSize;
  const analysis::LruCurve curve = input->pages() != nullptr ? analysis::lru_curve(*input->pages())
                                                             : analysis::lru_curve(*input->dense());
  if (measured.pages == 0 || !curve.known(measured.pages)) {
    return fail(Errno::Invalid,
                fmt::format("--ram: faults are known from {} on; choose that or more",
                            report::page_bytes(std::max<std::uint64_t>(1, curve.known_from))));
  }
  measured.references = input->references();
  measured.first = curve.cold;
  measured.reads = curve.misses(measured.pages) - curve.cold;
  return measured;
}

Result<Times> take_times(const Flags& flags) {
  Times times;
  const std::array<std::tuple<const char*, const std::string*, double*>, 2> plain = {{
      {"--tlb", &flags.tlb, &times.tlb_ns},
      {"--memory", &flags.memory, &times.memory_ns},
  }};
  for (const auto& [name, text, ns] : plain) {
    const Result<double> time = parse_time(*text);
    if (!time) return fail(Errno::Invalid, fmt::format("{}: {}", name, time.error().message));
    *ns = *time;
  }
  if (times.memory_ns <= 0) return fail(Errno::Invalid, "--memory: write a time above 0");
  const Result<double> overhead = parse_time(flags.overhead);
  if (!overhead) return fail(Errno::Invalid, "--overhead: " + overhead.error().message);
  const Result<double> device = device_time(flags.device, flags.dirty_ratio);
  if (!device) return tl::unexpected(device.error());
  times.fault_ns = *overhead + *device;
  times.probability = flags.probability;
  if (flags.input.empty()) {
    if (!flags.ram.empty()) return fail(Errno::Invalid, "--ram needs a trace to count faults in");
    return times;
  }
  if (flags.has_probability) {
    return fail(Errno::Invalid, "a trace and --fault-probability exclude each other");
  }
  const Result<Measured> measured = measure(flags);
  if (!measured) return tl::unexpected(measured.error());
  times.measured = *measured;
  times.probability = static_cast<double>(measured->reads) /
                      static_cast<double>(measured->references);
  return times;
}

struct Answer {
  double hit_ns, miss_ns, translated_ns, effective_ns, slowdown, allowed;
};

Answer answer(const Flags& flags, const Times& t) {
  Answer a{};
  a.hit_ns = analysis::eat_tlb_ns(1, t.tlb_ns, t.memory_ns, flags.walk_references);
  a.miss_ns = analysis::eat_tlb_ns(0, t.tlb_ns, t.memory_ns, flags.walk_references);
  a.translated_ns = analysis::eat_tlb_ns(flags.hit_ratio, t.tlb_ns, t.memory_ns,
                                         flags.walk_references);
  a.effective_ns = analysis::eat_paging_ns(t.probability, a.translated_ns, t.fault_ns);
  a.slowdown = analysis::slowdown(t.probability, a.translated_ns, t.fault_ns);
  a.allowed = t.fault_ns > a.translated_ns
                  ? analysis::fault_probability_for(flags.percent, a.translated_ns, t.fault_ns)
                  : 1;
  return a;
}

std::string as_text(const Flags& flags, const Times& t, const Answer& a) {
  using report::Align;
  report::Table table({Align::Left, Align::Right, Align::Left});
  if (t.measured) {
    table.row({"memory", report::page_bytes(t.measured->pages), "LRU"});
    table.row({"references", report::count(t.measured->references), ""});
    table.row({"faults that read a page back", report::count(t.measured->reads),
               fmt::format("and {} first references", report::count(t.measured->first))});
  }
  const std::string walk = fmt::format("TLB, {:g} table {}, memory", flags.walk_references,
                                       flags.walk_references == 1 ? "entry" : "entries");
  if (flags.hit_ratio < 1 || t.tlb_ns > 0) {
    table.row({"TLB hit, " + report::percent(flags.hit_ratio), report::duration(a.hit_ns),
               "TLB, memory"});
    table.row(
        {"TLB miss, " + report::percent(1 - flags.hit_ratio), report::duration(a.miss_ns), walk});
  }
  table.row({"reference without fault", report::duration(a.translated_ns), ""});
  table.row({fmt::format("fault, p = {:.4g}", t.probability), report::duration(t.fault_ns), ""});
  table.row({"effective access time", report::duration(a.effective_ns),
             report::times(a.slowdown) + " of that without faults"});
  table.row({fmt::format("at most {:g} % slower", flags.percent),
             fmt::format("p <= {:.4g}", a.allowed),
             a.allowed > 0 ? fmt::format("one fault in {} references or more",
                                         report::count(static_cast<std::uint64_t>(1 / a.allowed)))
                           : "no fault"});
  return table.text();
}

std::string as_json(const Flags& flags, const Times& t, const Answer& a) {
  using Json = nlohmann::ordered_json;
  Json measured = nullptr;
  if (t.measured) {
    measured = {{"input", flags.input},
                {"memory_pages", t.measured->pages},
                {"references", t.measured->references},
                {"first_references", t.measured->first},
                {"reads", t.measured->reads}};
  }
  const Json out{{"schema", "pagewright.eat/1"},
                 {"hit_ratio", flags.hit_ratio},
                 {"tlb_ns", t.tlb_ns},
                 {"memory_ns", t.memory_ns},
                 {"walk_references", flags.walk_references},
                 {"fault_ns", t.fault_ns},
                 {"fault_probability", t.probability},
                 {"measured", measured},
                 {"hit_ns", a.hit_ns},
                 {"miss_ns", a.miss_ns},
                 {"without_faults_ns", a.translated_ns},
                 {"effective_ns", a.effective_ns},
                 {"slowdown", a.slowdown},
                 {"slowdown_percent", flags.percent},
                 {"allowed_fault_probability", a.allowed}};
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

int run(const Flags& flags) {
  const Result<Times> times = take_times(flags);
  if (!times) return give_up(times.error());
  const Answer a = answer(flags, *times);
  const auto written = write_result(
      "", flags.json ? as_json(flags, *times, a) : as_text(flags, *times, a), false);
  return written ? kOk : give_up(written.error());
}

}  // namespace

void add_eat(CLI::App& app, Call& call) {
  CLI::App* verb = app.add_subcommand("eat", "effective access time: TLB, memory, page faults");
  auto flags = std::make_shared<Flags>();
  Flags& f = *flags;
  const CLI::Validator ratio = CLI::Range(0.0, 1.0).description("");
  const CLI::Validator positive = CLI::Range(0.0, 1e9).description("");
  verb->add_option("INPUT", f.input, "count the faults in this recording or trace, under LRU");
  verb->add_option("--format", f.format, "how INPUT is written; told by its content otherwise");
  verb->add_option("--ram", f.ram, "memory for INPUT: 64M")->type_name("SIZE");
  verb->add_option("--hit-ratio", f.hit_ratio, "of the TLB, 0 to 1 (1)")
      ->type_name("H")
      ->check(ratio);
  verb->add_option("--tlb", f.tlb, "time of a TLB lookup (0ns)")->type_name("TIME");
  verb->add_option("--memory", f.memory, "time of a memory access (100ns)")->type_name("TIME");
  verb->add_option("--walk-references", f.walk_references,
                   "table entries read on a TLB miss (1; 4 for x86-64 without walk caches)")
      ->type_name("N")
      ->check(positive);
  verb->add_option("--fault-probability", f.probability, "faults for each reference, 0 to 1 (0)")
      ->type_name("P")
      ->check(ratio);
  verb->add_option("--device", f.device, "time to read a page, or hdd, ssd, nvme, zram, far (ssd)")
      ->type_name("TIME");
  verb->add_option("--dirty-ratio", f.dirty_ratio,
                   "faults that must write a page out first, 0 to 1 (0)")
      ->type_name("D")
      ->check(ratio);
  verb->add_option("--overhead", f.overhead, "the kernel's part of a fault (0ns)")
      ->type_name("TIME");
  verb->add_option("--slowdown", f.percent, "tell the faults allowed for at most N % slowdown (10)")
      ->type_name("N")
      ->check(positive);
  verb->add_flag("--json", f.json, "as JSON, schema pagewright.eat/1");
  verb->footer(
      "Examples:\n"
      "  pagewright eat --memory 200ns --fault-probability 0.001 --device 8ms\n"
      "  pagewright eat --hit-ratio 0.98 --tlb 20ns --memory 100ns\n"
      "  pagewright eat sort.pwrec --ram 64M --device nvme");
  verb->callback([flags, verb, &call] {
    flags->has_probability = verb->count("--fault-probability") != 0;
    call.status = run(*flags);
  });
}

}  // namespace pw::tools
