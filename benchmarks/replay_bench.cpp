// How fast recordings are decoded and replayed: millions of records a second of CPU time, median of
// five, beside the goal. The recording is made here: detail switches, one process, runs of
// references to a page, most of them among few pages, as programs have them.
//
// bench_replay --make FILE [CHUNKS] only writes such a recording, of 50,000 records a chunk.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/random.hpp"
#include "record/writer.hpp"
#include "replay/replay.hpp"

namespace {

using namespace pw;

constexpr std::uint64_t kFirstPage = 0x10000, kPages = 4096;
constexpr std::uint64_t kChunks = 100, kRecordsPerChunk = 50'000;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// One chunk of runs: nine of ten go on among 16 pages, the others anywhere.
record::Chunk make_chunk(Random& random, std::uint64_t& clock, std::uint64_t& page) {
  record::Chunk chunk;
  chunk.info.pid = 1;
  chunk.info.clock = clock;
  chunk.info.begin_ns = 1000 + clock;
  if (page != record::kNoPage) {
    chunk.filter = {page};
    chunk.filter_states = {{clock, false}};
  }
  for (std::uint64_t i = 0; i < kRecordsPerChunk; ++i) {
    record::Event event;
    event.kind = record::EventKind::Fetch;
    event.access = random.chance(3) ? Access::Write : Access::Read;
    event.evicted = page;
    std::uint64_t next = page;
    while (next == page) next = kFirstPage + random.below(random.chance(10) ? kPages : 16);
    clock += 1 + random.below(6);
    event.clock = clock;
    event.last_reference = clock - 1;
    event.page = page = next;
    chunk.events.push_back(event);
  }
  chunk.info.end_clock = clock;
  chunk.info.events = chunk.events.size();
  return chunk;
}

record::Event start_of_program() {
  record::Event event;
  event.kind = record::EventKind::Exec;
  return event;
}

bool write_recording(const std::string& path, std::uint64_t chunks) {
  record::RecordingInfo info;
  info.detail = record::Detail::Switches;
  info.filter_pages = 1;
  auto writer = record::Writer::create(path, info, {});
  if (!writer || !writer->add_process(1, 0, 1000)) return false;
  record::MappedArea area;
  area.begin = VirtAddr(kFirstPage << kPageShift);
  area.end = VirtAddr((kFirstPage + kPages) << kPageShift);
  area.readable = area.writable = true;
  const auto image = writer->add_image(1, {{"program"}, {area}}, 1000);
  if (!image) return false;
  Random random(9);
  std::uint64_t clock = 0, page = record::kNoPage;
  for (std::uint64_t i = 0; i < chunks; ++i) {
    record::Chunk chunk = make_chunk(random, clock, page);
    if (i == 0) chunk.events.insert(chunk.events.begin(), start_of_program());
    if (!writer->add_chunk(chunk, *image, {*image})) return false;
  }
  return writer->finish(0).has_value();
}

template <class Body>
void measure(const char* what, const char* goal, Body&& body) {
  std::array<double, 5> rates{};
  for (double& rate : rates) {
    const double start = cpu_seconds();
    if (!body()) std::printf("%s: failed\n", what);
    rate = static_cast<double>(kChunks * kRecordsPerChunk) / (cpu_seconds() - start) * 1e-6;
  }
  std::sort(rates.begin(), rates.end());
  std::printf("%-36s %8.1f M records/s   [%s]\n", what, rates[2], goal);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 && std::string(argv[1]) == "--make") {
    const std::uint64_t chunks = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : kChunks;
    return write_recording(argv[2], chunks) ? 0 : 1;
  }
  const std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                       ("pagewright-bench-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const std::string path = (folder / "runs.pwrec").string();
  const bool written = write_recording(path, kChunks);
  auto recording = record::Recording::open(path);
  int status = 1;
  if (written && recording) {
    measure("decoding (unzip, check, decode)", ">= 40", [&] {
      record::Chunk chunk;
      for (std::size_t i = 0; i < recording->chunks().size(); ++i) {
        if (!recording->decode(i, chunk)) return false;
      }
      return true;
    });
    measure("replaying page runs, decoding too", ">= 20", [&] {
      const auto result = replay::replay(*recording, MachineConfig{});
      return result && result->inferred_areas == 0 && result->counters.faults.segv == 0;
    });
    status = 0;
  }
  std::filesystem::remove_all(folder);
  return status;
}
