// zram: what a page costs on its way there and back, by how dear it is to compress, and what
// reclaim takes for a page that it only looks at.
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/random.hpp"
#include "recorder/common/effort.h"
#include "tools/calibration.hpp"
#include "tools/mapping.hpp"

namespace pw::tools {
namespace {

using Page = std::array<char, kPageSize>;
using Fill = void (*)(Page& page, Random& random);

constexpr unsigned kRounds = 7;
constexpr std::uint64_t kLimit = 16 << 20;  // of the group
constexpr std::size_t kPages = 4 * kLimit / kPageSize;

// A word in each page: not all zeros, which would not be swapped, and next to nothing to do.
void fill_cheap(Page& page, Random& random) {
  const std::uint64_t word = random.next() | 1;
  std::memcpy(page.data() + 8, &word, sizeof word);
}

// Numbers as text, words, or pointers into a heap.
void fill_dear(Page& page, Random& random) {
  static constexpr const char* kWords[] = {"the ", "page ", "of ", "memory ", "swapped ", "is "};
  const std::uint64_t kind = random.below(3);
  for (std::size_t at = 0; at + 32 <= page.size();) {
    char* const text = page.data() + at;
    if (kind == 0) {
      const int length = std::snprintf(text, 32, "%llu,%llu\n",
                                       static_cast<unsigned long long>(at * 7919),
                                       static_cast<unsigned long long>(random.below(1'000'000)));
      at += static_cast<std::size_t>(std::max(length, 1));
    } else if (kind == 1) {
      const char* word = kWords[random.below(std::size(kWords))];
      std::memcpy(text, word, std::strlen(word));
      at += std::strlen(word);
    } else {
      const std::uint64_t pointer = 0x7f12'3400'0000 + random.below(1U << 26) * 16;
      std::memcpy(text, &pointer, sizeof pointer);
      at += sizeof pointer;
    }
  }
}

// A short word again and again, another one every 200 bytes.
void fill_repeated(Page& page, Random& random) {
  for (std::size_t at = 0; at < page.size(); at += 200) {
    char word[16];
    const auto number = 100'000 + random.below(900'000);
    const int length = std::snprintf(word, sizeof word, "%llu,",
                                     static_cast<unsigned long long>(number));
    const std::size_t end = std::min(at + 200, page.size());
    for (std::size_t i = at; i < end; ++i) page[i] = word[(i - at) % static_cast<unsigned>(length)];
  }
}

void write_page(const Mapping& memory, std::size_t first, std::size_t page, const Page& bytes) {
  for (std::size_t i = 0; i < kPageSize; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    reinterpret_cast<volatile std::uint64_t&>(memory.at(first + page * kPageSize + i)) = word;
  }
}

struct WayAndBack {
  predict::Cost out, in;
  double effort = 0, copied = 0;  // of a page
};

// Pages put out and read again, in one process that has memory enough: no reclaim takes part.
bool measure_way(const Fill fill, WayAndBack& into) {
  constexpr std::size_t kSome = 2'048;
  const Mapping memory(kSome * kPageSize);
  if (!memory.ok()) return false;
  memory.advise(MADV_NOHUGEPAGE);
  Random random(6);
  const auto table = std::make_unique<pw_effort_table>();
  double effort = 0;
  unsigned copied = 0;
  for (std::size_t page = 0; page < kSome; ++page) {
    Page bytes{};
    fill(bytes, random);
    effort += pw_page_effort(reinterpret_cast<const unsigned char*>(bytes.data()), table.get(),
                             &copied);
    write_page(memory, 0, page, bytes);
  }
  into.effort = effort / kSome;
  into.copied = copied / static_cast<double>(kSome);
  std::vector<double> out, in;
  for (unsigned round = 0; round < kRounds; ++round) {
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    const double began = cpu_ns();
    memory.advise(MADV_PAGEOUT);
    const double gone = cpu_ns();
    for (std::size_t page = 0; page < kSome; ++page) (void)memory.load(page * kPageSize);
    const double back = cpu_ns();
    getrusage(RUSAGE_SELF, &after);
    const double faults = static_cast<double>(after.ru_majflt - before.ru_majflt);
    if (faults < kSome * 0.9) continue;
    out.push_back((gone - began) / kSome);
    in.push_back((back - gone) / kSome);
  }
  if (out.empty()) return false;
  into.out = cost_of(out);
  into.in = cost_of(in);
  return true;
}

// What other pages took more than cheap ones, for each 1,000 of what they have more. `known`: of
// it, what something else took.
predict::Cost for_each(const predict::Cost& cheap, const predict::Cost& other, double more,
                       double known = 0) {
  const auto each = [&](double ns) { return std::max(ns - cheap.ns - known, 0.0) / more * 1000; };
  return {each(other.ns), each(other.low), each(other.high), true};
}

struct Pressed {  // what one round in the group took
  double ns = 0;  // CPU time of the child
  double in = 0, out = 0, scanned = 0;
  bool ok = false;
};

double count(const char* name) {  // of the whole machine
  const auto all = host::parse_counters(host::text_of_file("/proc/vmstat"));
  return static_cast<double>(host::value_of(all, name));
}

// In the group: fills four times what fits, then reads it all, which is counted.
Pressed press() {
  Pressed result;
  const Mapping memory(kPages * kPageSize);
  if (!memory.ok()) return result;
  memory.advise(MADV_NOHUGEPAGE);
  Random random(5);
  for (std::size_t page = 0; page < kPages; ++page) {
    const std::uint64_t word = random.next() | 1;
    reinterpret_cast<volatile std::uint64_t&>(memory.at(page * kPageSize)) = word;
  }
  const double in = count("pswpin"), out = count("pswpout"), scanned = count("pgscan_anon");
  const double began = cpu_ns();
  // Not in order: neighbours in memory are rarely neighbours in time, and what the kernel knows of
  // a page is in no cache then.
  constexpr std::size_t kStep = 40'503;
  static_assert(kPages % 2 == 0 && kStep % 2 == 1 && (kPages & (kPages - 1)) == 0);
  for (std::size_t i = 0; i < kPages; ++i) (void)memory.load(i * kStep % kPages * kPageSize);
  result.ns = cpu_ns() - began;
  result.in = count("pswpin") - in;
  result.out = count("pswpout") - out;
  result.scanned = count("pgscan_anon") - scanned;
  result.ok = true;
  return result;
}

// A page that goes is looked at once more than what its way out was measured with.
Result<void> measure_look(predict::Costs& costs, const ChildPlace& place) {
  std::vector<double> looks;
  for (unsigned round = 0; round < kRounds; ++round) {
    const auto done = in_group<Pressed>(place, kLimit, [](Pressed& into) {
      into = press();
      return into.ok;
    });
    if (!done) return tl::unexpected(done.error());
    const double kept = done->scanned - done->out;
    // Others swap too: a round in which they took part is none.
    const bool alone = done->in >= kPages / 2 && done->in <= kPages * 1.02;
    if (!alone || kept < kPages / 2) continue;
    const double ways = done->in * costs.zram_read.ns + done->out * costs.zram_write.ns;
    looks.push_back(std::max(done->ns - ways, 0.0) / kept);
  }
  if (looks.empty()) return fail(Errno::Io, "other programs swapped too: reclaim's look");
  costs.look = cost_of(looks);
  return {};
}

// Huge pages put out, which go as a whole: nothing of a page's own way but its compression.
void measure_huge_way(Calibration& into) {
  constexpr std::size_t kHuge = 2 << 20, kSome = 16;
  constexpr std::size_t kSmall = kSome * kHuge / kPageSize;
  const Mapping memory((kSome + 1) * kHuge);
  if (!memory.ok()) return;
  memory.advise(MADV_HUGEPAGE);
  const std::size_t first = memory.to_boundary(kHuge);
  sample(into.costs.zram_write_huge, kRounds, kSmall, [&]() -> double {
    memory.advise(MADV_DONTNEED);
    Random random(8);
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    for (std::size_t page = 0; page < kSmall; ++page) {
      Page bytes{};
      fill_cheap(bytes, random);
      write_page(memory, first, page, bytes);
    }
    getrusage(RUSAGE_SELF, &after);
    if (after.ru_minflt - before.ru_minflt > static_cast<long>(kSome) + 8) return -1;
    const double whole = count("thp_swpout");
    const double began = cpu_ns();
    memory.advise(MADV_PAGEOUT);
    const double ns = cpu_ns() - began;
    // Where swap has no 512 slots in a row they are split.
    return count("thp_swpout") - whole < kSome ? -1 : ns;
  });
  if (!into.costs.zram_write_huge.measured) {
    into.notes.emplace_back("zram_write_huge: no huge pages, or they do not go as a whole");
  }
}

}  // namespace

void measure_zram(Calibration& into, const ChildPlace& place) {
  const auto give_up = [&](const Error& error) { into.notes.push_back("zram: " + error.message); };
  const auto device = place.guardian.make_zram(8 * kLimit, "");
  if (!device) return give_up(device.error());
  WayAndBack cheap, dear, repeated;
  if (!measure_way(fill_cheap, cheap) || !measure_way(fill_dear, dear) ||
      !measure_way(fill_repeated, repeated)) {
    return give_up({Errno::Io, "nothing was swapped"});
  }
  predict::Costs& costs = into.costs;
  costs.zram_write = cheap.out;
  costs.zram_read = cheap.in;
  const double effort = dear.effort - cheap.effort;
  costs.zram_write_effort = for_each(cheap.out, dear.out, effort);
  costs.zram_read_copied = for_each(cheap.in, repeated.in, repeated.copied);
  const double copying = costs.zram_read_copied.ns * dear.copied / 1000;
  costs.zram_read_effort = for_each(cheap.in, dear.in, effort, copying);
  measure_huge_way(into);
  const auto look = measure_look(costs, place);
  if (!look) give_up(look.error());
}

}  // namespace pw::tools
