// A recording of two processes, one of them with two threads, that need more memory than they get:
// every kind of fault that private memory has, call stacks, times.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "record/writer.hpp"
#include "support/recorded_calls.hpp"
#include "support/temporary_folder.hpp"
#include "unit/filtered_trace.hpp"

namespace pw::record::testing {

struct BusyShape {
  std::uint64_t pages = 400;      // that each process uses
  std::size_t references = 3000;  // of each process
  bool times = true;
  std::string library = "/old/libwork.so";
  std::uint32_t stacks = 3;  // different ones, of functions f0, f1, ...
};

constexpr std::uint64_t kBusyPage = 0x10000;  // where the memory lies
constexpr std::uint32_t kBusyPid = 100, kBusyChild = 101, kBusyThread = 110;

inline void busy_references(Chunk& chunk, const BusyShape& shape, Random& random, bool threads) {
  analysis::testing::Filter filter(8);
  std::set<std::uint64_t> touched;
  for (std::size_t i = 0; i < shape.references; ++i) {
    if (threads && i % 500 == 0) {
      Event event;
      event.kind = EventKind::Thread;
      event.clock = filter.clock();
      event.index = i % 1000 == 0 ? kBusyPid : kBusyThread;
      chunk.events.push_back(event);
    }
    const std::size_t before = chunk.events.size();
    const std::uint64_t page = kBusyPage + random.below(shape.pages);
    filter.reference(page, chunk.events);
    if (chunk.events.size() == before) continue;
    Event& fetch = chunk.events.back();
    fetch.access = random.below(3) == 0 ? Access::Read : Access::Write;
    const std::uint64_t clock = fetch.clock;
    if (!touched.insert(page).second) continue;
    Event stack;
    stack.kind = EventKind::Stack;
    stack.clock = clock;
    stack.cause = StackCause::FirstTouch;
    stack.index = static_cast<std::uint32_t>(page % shape.stacks);
    chunk.events.push_back(stack);
  }
  chunk.info.end_clock = filter.clock();
}

// The bytes of the finished file; empty if a step fails.
inline std::string busy_recording(const BusyShape& shape) {
  pw::testing::TemporaryFolder folder;
  const std::string path = folder / "busy.pwrec";
  RecordingInfo info;
  info.filter_pages = 8;
  info.command = {"busy", "--hard"};
  auto writer = Writer::create(path, info, {});
  if (!writer) return {};
  const std::uint64_t ns = shape.times ? 1'000'000 : 0;
  const std::vector<MappedArea> areas{
      writable_area(kBusyPage, shape.pages / 2, "[heap]"),
      writable_area(kBusyPage + shape.pages / 2, shape.pages - shape.pages / 2, shape.library)};
  bool good = writer->add_process(kBusyPid, 0, ns).has_value();
  std::vector<StackFrames> stacks;
  std::vector<ModuleSymbol> symbols;
  for (std::uint32_t i = 0; i < shape.stacks; ++i) {
    stacks.push_back({{0, 0x100 + i}, {0, 0x10}});
    symbols.push_back({{0, 0x100 + i}, {"f" + std::to_string(i) + "(int; char)", "work.c", i}});
  }
  symbols.push_back({{0, 0x10}, {"main", "work.c", 7}});
  good = good && writer->add_modules({{"/usr/bin/busy", "abcdef01"}}) && writer->add_stacks(stacks);
  const Image image{{"busy", "--hard"}, areas};
  const auto first = writer->add_image(kBusyPid, image, ns);
  if (!good || !first) return {};
  Random random(7);
  Chunk parent;
  parent.info.pid = parent.info.tid = kBusyPid;
  parent.info.begin_ns = ns;
  Event exec;
  exec.kind = EventKind::Exec;
  parent.events.push_back(exec);
  busy_references(parent, shape, random, true);
  Event fork;
  fork.kind = EventKind::Fork;
  fork.clock = parent.info.end_clock;
  fork.index = kBusyChild;
  fork.last_reference = 3 * ns;
  parent.events.push_back(fork);
  good = writer->add_chunk(parent, *first, {*first}).has_value() &&
         writer->add_process(kBusyChild, kBusyPid, 3 * ns).has_value();
  const auto maps = writer->add_maps(kBusyChild, areas, 3 * ns);
  if (!good || !maps) return {};
  Chunk child;
  child.info.pid = child.info.tid = kBusyChild;
  child.info.begin_ns = 3 * ns;
  busy_references(child, shape, random, false);
  Event exit;
  exit.kind = EventKind::Exit;
  exit.clock = child.info.end_clock;
  child.events.push_back(exit);
  good = writer->add_chunk(child, *maps).has_value() && writer->add_symbols(symbols).has_value() &&
         writer->finish(0).has_value();
  return good ? pw::testing::read_file(path) : std::string();
}

}  // namespace pw::record::testing
