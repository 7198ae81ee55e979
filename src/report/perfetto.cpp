// A Perfetto trace: packets with track descriptors, then TrackEvents. Field numbers are those of
// Perfetto's protos/perfetto/trace: trace.proto, trace_packet.proto, interned_data/
// interned_data.proto, and in track_event/ track_event.proto, track_descriptor.proto,
// process_descriptor.proto, thread_descriptor.proto, counter_descriptor.proto and
// debug_annotation.proto.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "base/units.hpp"
#include "report/exports.hpp"
#include "report/protobuf.hpp"
#include "report/stack_names.hpp"

namespace pw::report {
namespace {

using replay::FaultSpan;
using replay::MemorySpan;

enum Trace : std::uint32_t { kPacket = 1 };
enum TracePacket : std::uint32_t {
  kTimestamp = 8,
  kSequence = 10,
  kTrackEvent = 11,
  kInternedData = 12,
  kSequenceFlags = 13,
  kTrackDescriptor = 60
};
enum SequenceFlag : std::uint64_t { kStateCleared = 1, kNeedsState = 2 };
enum InternedData : std::uint32_t {
  kCategories = 1,
  kEventNames = 2,
  kAnnotationNames = 3,
  kAnnotationTexts = 29
};
enum Interned : std::uint32_t { kIid = 1, kInternedText = 2 };
enum TrackDescriptor : std::uint32_t {
  kUuid = 1,
  kTrackName = 2,
  kProcess = 3,
  kThread = 4,
  kParent = 5,
  kCounter = 8
};
enum ProcessDescriptor : std::uint32_t { kPid = 1, kCommandLine = 2, kProcessName = 6 };
enum ThreadDescriptor : std::uint32_t { kThreadPid = 1, kTid = 2, kThreadName = 5 };
enum CounterDescriptor : std::uint32_t { kUnit = 3, kUnitName = 6 };
enum CounterUnit : std::uint64_t { kCount = 2, kBytes = 3 };
enum TrackEvent : std::uint32_t {
  kCategory = 3,
  kAnnotation = 4,
  kType = 9,
  kName = 10,
  kTrack = 11,
  kValue = 30
};
enum EventType : std::uint64_t { kInstant = 3, kCounterValue = 4 };
enum DebugAnnotation : std::uint32_t {
  kAnnotationName = 1,
  kAnnotationNumber = 3,
  kAnnotationPointer = 7,
  kAnnotationText = 17
};

constexpr std::uint64_t kOneSequence = 1;
constexpr std::size_t kRateBins = 500;

struct Counter {
  const char* name;
  std::uint64_t FaultCounters::*counter;
};
// As the report's JSON names them.
constexpr std::array<Counter, 13> kCounters{{{"minor", &FaultCounters::minor},
                                             {"major", &FaultCounters::major},
                                             {"copy_on_write", &FaultCounters::copy_on_write},
                                             {"reused", &FaultCounters::reused},
                                             {"zero_page", &FaultCounters::zero_page},
                                             {"anonymous", &FaultCounters::anonymous},
                                             {"file_mapped", &FaultCounters::file_mapped},
                                             {"swap_in", &FaultCounters::swap_in},
                                             {"write_notify", &FaultCounters::write_notify},
                                             {"spurious", &FaultCounters::spurious},
                                             {"segv", &FaultCounters::segv},
                                             {"bus", &FaultCounters::bus},
                                             {"oom", &FaultCounters::oom}}};

// Texts that events name by number; all of a kind go into the first packet.
class Texts {
 public:
  std::uint64_t number(const std::string& text) {
    return numbers_.try_emplace(text, numbers_.size() + 1).first->second;
  }
  void put(std::uint32_t field, Protobuf& data) const {
    std::vector<const std::string*> in_order(numbers_.size());
    for (const auto& [text, number] : numbers_) in_order[number - 1] = &text;
    for (std::size_t i = 0; i < in_order.size(); ++i) {
      Protobuf entry;
      entry.number(kIid, i + 1);
      entry.text(kInternedText, *in_order[i]);
      data.message(field, entry);
    }
  }

 private:
  std::map<std::string, std::uint64_t> numbers_;
};

class Maker {
 public:
  explicit Maker(const Export& what) : what_(what) {}

  std::string make() {
    tracks();
    about();
    for (const FaultSpan& span : what_.log.by_thread().all()) fault(span);
    for (const MemorySpan& span : what_.log.events().all()) happened(span);
    memory();
    rates();
    std::stable_sort(events_.begin(), events_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    Protobuf first;
    Protobuf interned;
    categories_.put(kCategories, interned);
    names_.put(kEventNames, interned);
    annotations_.put(kAnnotationNames, interned);
    texts_.put(kAnnotationTexts, interned);
    first.number(kSequence, kOneSequence);
    first.number(kSequenceFlags, kStateCleared);
    first.message(kInternedData, interned);
    Protobuf trace;
    trace.message(kPacket, first);
    for (const Protobuf& track : descriptors_) put(trace, kTrackDescriptor, track, nullptr);
    for (const auto& [ns, event] : events_) put(trace, kTrackEvent, event, &ns);
    return trace.bytes();
  }

 private:
  struct ProcessTracks {
    std::uint64_t process = 0, resident = 0, rate = 0;
    std::map<std::uint32_t, std::uint64_t> threads;
  };

  static void put(Protobuf& trace, std::uint32_t field, const Protobuf& content,
                  const std::uint64_t* ns) {
    Protobuf packet;
    if (ns != nullptr) packet.number(kTimestamp, *ns);
    packet.number(kSequence, kOneSequence);
    packet.number(kSequenceFlags, kNeedsState);
    packet.message(field, content);
    trace.message(kPacket, packet);
  }

  std::uint64_t track(const std::string& name, std::uint64_t parent, std::uint32_t field = 0,
                      const Protobuf& kind = {}) {
    Protobuf descriptor;
    descriptor.number(kUuid, ++uuids_);
    if (parent != 0) descriptor.number(kParent, parent);
    if (!name.empty()) descriptor.text(kTrackName, name);
    if (field != 0) descriptor.message(field, kind);
    descriptors_.push_back(std::move(descriptor));
    return uuids_;
  }
  std::uint64_t counter(const char* name, std::uint64_t parent, CounterUnit unit,
                        const char* unit_name = nullptr) {
    Protobuf kind;
    if (unit_name == nullptr) {
      kind.number(kUnit, unit);
    } else {
      kind.text(kUnitName, unit_name);
    }
    return track(name, parent, kCounter, kind);
  }
  std::uint64_t rate_counter(std::uint64_t parent) {
    return what_.log.has_times()
               ? counter("faults per second", parent, kCount, "faults/s")
               : counter("faults per million references", parent, kCount, "faults/Mref");
  }

  void tracks() {
    machine_.process = track("machine: " + machine_line(what_.column.result.config), 0);
    machine_.resident = counter("resident", machine_.process, kBytes);
    swapped_ = counter("swap in use", machine_.process, kBytes);
    machine_.rate = rate_counter(machine_.process);
    for (const replay::ProcessReport& process : what_.column.result.processes) {
      process_tracks(process.pid, page_name(process.command));
    }
    for (const FaultSpan& span : what_.log.by_thread().all()) thread(span.pid, span.tid);
  }

  void process_tracks(std::uint32_t pid, const std::string& command) {
    const auto [at, fresh] = processes_.try_emplace(pid);
    if (!fresh) return;
    Protobuf process;
    process.number(kPid, pid);
    if (!command.empty()) {
      process.text(kCommandLine, command);
      const std::string program = command.substr(0, command.find(' '));
      process.text(kProcessName, program.substr(program.rfind('/') + 1));
    }
    at->second.process = track({}, 0, kProcess, process);
    at->second.resident = counter("resident", at->second.process, kBytes);
    at->second.rate = rate_counter(at->second.process);
  }
  std::uint64_t thread(std::uint32_t pid, std::uint32_t tid) {
    process_tracks(pid, {});
    ProcessTracks& process = processes_.at(pid);
    const auto [at, fresh] = process.threads.try_emplace(tid);
    if (fresh) {
      Protobuf thread;
      thread.number(kThreadPid, pid);
      thread.number(kTid, tid);
      thread.text(kThreadName, fmt::format("thread {}", tid));
      at->second = track({}, process.process, kThread, thread);
    }
    return at->second;
  }

  void annotate(Protobuf& event, const char* name, std::uint64_t value) {
    Protobuf annotation;
    annotation.number(kAnnotationName, annotations_.number(name));
    annotation.number(kAnnotationNumber, value);
    event.message(kAnnotation, annotation);
  }
  void annotate_address(Protobuf& event, const char* name, std::uint64_t address) {
    Protobuf annotation;
    annotation.number(kAnnotationName, annotations_.number(name));
    annotation.number(kAnnotationPointer, address);
    event.message(kAnnotation, annotation);
  }
  void annotate(Protobuf& event, const char* name, const std::string& text) {
    Protobuf annotation;
    annotation.number(kAnnotationName, annotations_.number(name));
    annotation.number(kAnnotationText, texts_.number(text));
    event.message(kAnnotation, annotation);
  }
  Protobuf event(EventType type, std::uint64_t on) {
    Protobuf event;
    event.number(kType, type);
    event.number(kTrack, on);
    return event;
  }

  void fault(const FaultSpan& span) {
    Protobuf one = event(kInstant, thread(span.pid, span.tid));
    one.number(kCategory, categories_.number(span.faults.major > 0 ? "major" : "minor"));
    one.number(kName, names_.number(span.name()));
    for (const Counter& counter : kCounters) {
      const std::uint64_t value = span.faults.*counter.counter;
      if (value > 0) annotate(one, counter.name, value);
    }
    if (span.end_ns > span.begin_ns) annotate(one, "last_after_ns", span.end_ns - span.begin_ns);
    if (span.stack != replay::kNoCallStack) annotate(one, "call_stack", stack(span.stack));
    events_.emplace_back(span.begin_ns, std::move(one));
  }

  // A track of the machine, described when it is first needed.
  std::uint64_t machine_track(const std::string& name) {
    const auto [at, fresh] = machine_tracks_.try_emplace(name);
    if (fresh) at->second = track(name, machine_.process);
    return at->second;
  }

  void happened(const MemorySpan& span) {
    const MemoryEvent& event = span.event;
    switch (event.kind) {
      case MemoryEvent::Kind::Evicted:
        return tell(span, "evictions", "eviction",
                    event.to == MemoryEvent::To::Nowhere ? "page that was not needed"
                    : event.written                      ? "dirty page"
                                                         : "clean page");
      case MemoryEvent::Kind::SwapWrite:
        return tell(span, "writes to swap", "swap write", "write to swap");
      case MemoryEvent::Kind::Switch:
        return tell(span, fmt::format("CPU {}", event.cpu), "switch",
                    fmt::format("to process {}", span.pid));
      case MemoryEvent::Kind::Shootdown:
        return tell(span, "TLB shootdowns", "shootdown", reason_of(event.reason));
    }
  }

  static const char* reason_of(FlushReason reason) {
    static constexpr const char* kReasons[] = {"unmap",        "rights changed", "copy on write",
                                               "reclaim",      "migration",      "write protected",
                                               "memory forked"};
    static_assert(std::size(kReasons) == kFlushReasons);
    return kReasons[static_cast<unsigned>(reason)];
  }

  void tell(const MemorySpan& span, const std::string& on, const char* category,
            const std::string& name) {
    Protobuf one = event(kInstant, machine_track(on));
    one.number(kCategory, categories_.number(category));
    one.number(kName, names_.number(name));
    annotate(one, "count", span.count);
    if (span.end_ns > span.begin_ns) annotate(one, "last_after_ns", span.end_ns - span.begin_ns);
    if (span.pid != 0) annotate(one, "pid", span.pid);
    if (span.object != 0) {
      const std::string& object = what_.log.objects()[span.object];
      annotate(one, "of", object.empty() ? "shared memory" : page_name(object));
    }
    const MemoryEvent& event = span.event;
    if (event.kind == MemoryEvent::Kind::Shootdown) {
      annotate(one, "cpus_interrupted", span.cpus);
      annotate(one, "by_cpu", event.cpu);
    }
    if (event.kind == MemoryEvent::Kind::Evicted) {
      static constexpr const char* kTo[] = {"swap", "its file", "nowhere"};
      annotate(one, "to", std::string(kTo[static_cast<unsigned>(event.to)]));
    }
    if (span.count == 1) tell_one(one, event, span.object != 0);
    events_.emplace_back(span.begin_ns, std::move(one));
  }

  // What is known of an event that stands for itself.
  void tell_one(Protobuf& one, const MemoryEvent& event, bool of_object) {
    constexpr std::uint64_t kWholeSpace = 1ULL << 31;  // pages
    switch (event.kind) {
      case MemoryEvent::Kind::Evicted:
      case MemoryEvent::Kind::SwapWrite:
        annotate(one, "frame", event.page.frame.value);
        annotate_address(one, of_object ? "offset" : "address", event.page.index << kPageShift);
        if (event.slot.valid()) annotate(one, "slot", event.slot.value);
        break;
      case MemoryEvent::Kind::Shootdown:
        if (event.range.pages().value >= kWholeSpace) break;
        annotate_address(one, "address", address_of(event.range.begin).value);
        annotate(one, "pages", event.range.pages().value);
        break;
      case MemoryEvent::Kind::Switch:
        break;
    }
  }

  const std::string& stack(std::uint32_t number) {
    constexpr std::size_t kFramesTold = 12;
    const auto [at, fresh] = stacks_.try_emplace(number);
    if (!fresh) return at->second;
    const std::vector<std::string> names = stack_names(what_.recording, number);
    for (std::size_t i = names.size(); i-- > 0 && names.size() - i <= kFramesTold;) {
      at->second += (at->second.empty() ? "" : " <- ") + names[i];
    }
    return at->second;
  }

  void about() {
    Protobuf one = event(kInstant, machine_.process);
    one.number(kCategory, categories_.number("about"));
    one.number(kName, names_.number("about this trace"));
    annotate(one, "command", page_name(command_line(what_.recording.info().command)));
    annotate(one, "machine", machine_line(what_.column.result.config));
    annotate(one, "recording", exactness(what_.recording.info()));
    annotate(one, "time",
             what_.log.has_times()
                 ? "of the recorded run, which the recorder slowed down; between system calls a "
                   "process is taken to have referenced memory evenly"
                 : "the recording has none: one reference is one nanosecond");
    const std::uint64_t stretch = what_.log.by_thread().stretch_ns();
    annotate(one, "events",
             stretch == 0 ? std::string("each fault by itself")
                          : fmt::format("faults of one kind and thread within {} ns are one event",
                                        stretch));
    const std::uint64_t events_stretch = what_.log.events().stretch_ns();
    annotate(one, "memory_events",
             events_stretch == 0
                 ? std::string("each eviction, write to swap, switch and shootdown by itself")
                 : fmt::format("alike evictions, writes to swap, switches and shootdowns within {} "
                               "ns are one event with a count",
                               events_stretch));
    events_.emplace_back(0, std::move(one));
  }

  void count(std::uint64_t track, std::uint64_t ns, std::uint64_t value) {
    Protobuf one = event(kCounterValue, track);
    one.number(kValue, value);
    events_.emplace_back(ns, std::move(one));
  }

  void memory() {
    for (const replay::MemorySample& sample : what_.log.memory()) {
      if (sample.pid == 0) {
        count(machine_.resident, sample.ns, sample.resident_pages * kPageSize);
        count(swapped_, sample.ns, sample.swapped_pages * kPageSize);
      } else if (const auto at = processes_.find(sample.pid); at != processes_.end()) {
        count(at->second.resident, sample.ns, sample.resident_pages * kPageSize);
      }
    }
  }

  void rates() {
    std::uint64_t last_ns = 0;
    std::map<std::uint64_t, std::map<std::uint64_t, std::uint64_t>> faults;  // track, bin, count
    for (const FaultSpan& span : what_.log.by_thread().all()) {
      last_ns = std::max(last_ns, span.begin_ns);
    }
    const std::uint64_t bin_ns = last_ns / kRateBins + 1;
    for (const FaultSpan& span : what_.log.by_thread().all()) {
      faults[machine_.rate][span.begin_ns / bin_ns] += span.count();
      faults[processes_.at(span.pid).rate][span.begin_ns / bin_ns] += span.count();
    }
    const double scale = (what_.log.has_times() ? 1e9 : 1e6) / static_cast<double>(bin_ns);
    for (const auto& [track, bins] : faults) {
      for (const auto& [bin, n] : bins) {
        count(track, bin * bin_ns, static_cast<std::uint64_t>(static_cast<double>(n) * scale));
        if (!bins.contains(bin + 1)) count(track, (bin + 1) * bin_ns, 0);
      }
    }
  }

  const Export& what_;
  std::uint64_t uuids_ = 0;
  std::uint64_t swapped_ = 0;
  ProcessTracks machine_;
  std::map<std::uint32_t, ProcessTracks> processes_;
  std::map<std::string, std::uint64_t> machine_tracks_;
  std::map<std::uint32_t, std::string> stacks_;
  Texts categories_, names_, annotations_, texts_;
  std::vector<Protobuf> descriptors_;
  std::vector<std::pair<std::uint64_t, Protobuf>> events_;  // by time in ns
};

}  // namespace

std::string perfetto(const Export& what) { return Maker(what).make(); }

}  // namespace pw::report
