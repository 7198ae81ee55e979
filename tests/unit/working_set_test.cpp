#include "analysis/working_set.hpp"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>

#include "analysis/input.hpp"
#include "unit/filtered_trace.hpp"

namespace pw::analysis::testing {
namespace {

// present[t - 1]: the pages in the working set at t.
using Present = std::vector<std::set<std::uint64_t>>;

PageTrace page_trace(const Pages& refs) {
  std::string text;
  for (const std::uint64_t page : refs) text += std::to_string(page) + ' ';
  return trace_of_bytes(text, "plain").value();
}

// By Denning's definition.
Present naive(const Pages& refs, std::uint64_t tau) {
  Present present(refs.size());
  for (std::size_t t = 1; t <= refs.size(); ++t) {
    for (std::size_t u = t > tau ? t - tau + 1 : 1; u <= t; ++u) {
      present[t - 1].insert(refs[u - 1]);
    }
  }
  return present;
}

std::uint64_t naive_faults(const Pages& refs, const Present& present) {
  std::uint64_t faults = 0;
  for (std::size_t t = 1; t <= refs.size(); ++t) {
    faults += t == 1 || !present[t - 2].contains(refs[t - 1]) ? 1 : 0;
  }
  return faults;
}

double average(const Present& present) {
  std::uint64_t sum = 0;
  for (const auto& set : present) sum += set.size();
  return static_cast<double>(sum) / static_cast<double>(present.size());
}

void expect_sizes(const WorkingSets& sets, std::size_t i, const Present& present) {
  const std::size_t n = sets.times.size();
  for (std::size_t k = 0; k < n; ++k) {
    ASSERT_EQ(sets.times[k], (k + 1) * present.size() / n);
    ASSERT_EQ(sets.sizes[i][k], present[sets.times[k] - 1].size()) << "at " << sets.times[k];
  }
}

TEST(WorkingSet, EqualsTheDefinitionForEveryTau) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    for (const Pages& refs : strings_of_all_kinds(seed, 20 + seed * 13, 3 + seed)) {
      WorkingSetOptions options;
      options.points = seed % 2 == 0 ? 1000 : 7 + seed;
      for (std::uint64_t tau = 1; tau <= refs.size() + 2; ++tau) options.taus.push_back(tau);
      const WorkingSets sets = working_sets(page_trace(refs), options);
      EXPECT_TRUE(sets.exact());
      EXPECT_EQ(sets.times.size(), std::min<std::size_t>(options.points, refs.size()));
      for (std::size_t i = 0; i < options.taus.size(); ++i) {
        const Present present = naive(refs, options.taus[i]);
        ASSERT_EQ(sets.average(options.taus[i]), average(present));
        ASSERT_EQ(sets.faults(options.taus[i]), naive_faults(refs, present));
        expect_sizes(sets, i, present);
      }
    }
  }
}

TEST(WorkingSet, DenningsExample) {
  // Silberschatz, Galvin, Gagne, "Operating System Concepts", working-set model: a string, tau =
  // 10, and the working sets {1, 2, 5, 6, 7} and {3, 4} at the two times that are marked.
  const Pages refs = {2, 6, 1, 5, 7, 7, 7, 7, 5, 1, 6, 2, 3, 4, 1, 2, 3, 4, 4,
                      4, 3, 4, 3, 4, 4, 4, 1, 3, 2, 3, 4, 4, 4, 3, 4, 4, 4};
  WorkingSetOptions options;
  options.taus = {10};
  options.points = refs.size();
  const WorkingSets sets = working_sets(page_trace(refs), options);
  EXPECT_EQ(sets.sizes[0][9], 5U);
  EXPECT_EQ(sets.sizes[0][25], 2U);
}

// A recorder's filter over one stream, and what is in the working set by the header's words: the
// last tau references, and each page from its entry to its last reference before it left.
struct Recorded {
  std::vector<record::Chunk> chunks;
  Present in_use;  // by time
};

Recorded record(const Pages& refs, std::size_t k) {
  Recorded recorded;
  recorded.in_use.resize(refs.size());
  Filter filter(k);
  record::Chunk chunk = begin_chunk(filter, 1);
  std::map<std::uint64_t, std::uint64_t> entered;
  const auto was_in_use = [&](std::uint64_t page, std::uint64_t until) {
    for (std::uint64_t t = entered[page]; t < until; ++t) recorded.in_use[t - 1].insert(page);
  };
  for (std::size_t i = 0; i < refs.size(); ++i) {
    const std::size_t before = chunk.events.size();
    filter.reference(refs[i], chunk.events);
    for (std::size_t e = before; e < chunk.events.size(); ++e) {
      const record::Event& event = chunk.events[e];
      if (event.evicted != record::kNoPage) was_in_use(event.evicted, event.last_reference);
      entered[event.page] = event.clock;
    }
    if ((i + 1) % 50 != 0 && i + 1 != refs.size()) continue;
    end_chunk(filter, chunk);
    recorded.chunks.push_back(chunk);
    chunk = begin_chunk(filter, 1);
  }
  for (const std::uint64_t page : filter.pages()) was_in_use(page, refs.size() + 1);
  return recorded;
}

DenseTrace built(const std::vector<record::Chunk>& chunks, record::Detail detail, std::size_t k) {
  TraceDetails details;
  details.times = true;
  DenseTraceBuilder builder(detail, static_cast<std::uint32_t>(k), details);
  for (const record::Chunk& chunk : chunks) EXPECT_TRUE(builder.add(chunk));
  return builder.finish();
}

TEST(WorkingSet, OfAFilteredRecordingCountsPagesInUse) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    for (const Pages& refs : strings_of_all_kinds(seed, 300, 20)) {
      for (const std::size_t k : {1U, 2U, 5U}) {
        const Recorded recorded = record(refs, k);
        const DenseTrace trace = built(recorded.chunks, record::Detail::Pages, k);
        WorkingSetOptions options;
        options.taus = {1, 2, 3, 7, 20, 100, 299, 300, 1000};
        options.points = 300;
        const WorkingSets sets = working_sets(trace, options);
        for (std::size_t i = 0; i < options.taus.size(); ++i) {
          const Present exact = naive(refs, options.taus[i]);
          Present present = exact;
          for (std::size_t t = 0; t < present.size(); ++t) {
            present[t].insert(recorded.in_use[t].begin(), recorded.in_use[t].end());
            ASSERT_LT(present[t].size(), exact[t].size() + k);
          }
          ASSERT_EQ(sets.average(options.taus[i]), average(present));
          expect_sizes(sets, i, present);
          ASSERT_LE(sets.faults(options.taus[i]), naive_faults(refs, exact));
          if (k == 1) {
            ASSERT_EQ(average(present), average(exact));
            ASSERT_EQ(sets.faults(options.taus[i]), naive_faults(refs, exact));
          }
        }
        EXPECT_EQ(sets.exact(), k == 1);
      }
    }
  }
}

TEST(WorkingSet, OfAFullRecordingIsExact) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    for (const Pages& refs : strings_of_all_kinds(seed, 200, 12)) {
      const DenseTrace trace = built({unfiltered_chunk(refs)}, record::Detail::Full, 0);
      WorkingSetOptions options;
      options.taus = {1, 2, 5, 30, 200};
      options.points = 200;
      const WorkingSets sets = working_sets(trace, options);
      EXPECT_TRUE(sets.exact());
      for (std::size_t i = 0; i < options.taus.size(); ++i) {
        const Present present = naive(refs, options.taus[i]);
        ASSERT_EQ(sets.average(options.taus[i]), average(present));
        ASSERT_EQ(sets.faults(options.taus[i]), naive_faults(refs, present));
        expect_sizes(sets, i, present);
      }
    }
  }
}

TEST(WorkingSet, MemoryGivenBackIsInNoWorkingSet) {
  DenseTrace trace;
  trace.ids = 2;
  trace.references = 10;
  const auto add = [&trace](OpKind kind, PageId id, std::uint64_t time) {
    trace.ops.emplace_back(kind, id);
    trace.times.push_back(time);
  };
  add(OpKind::Use, 0, 1);
  add(OpKind::Use, 1, 2);
  add(OpKind::Rest, 0, 2);
  add(OpKind::Drop, 0, 4);  // present at 1 to 4
  WorkingSetOptions options;
  options.taus = {2, 100};
  options.points = 10;
  const WorkingSets sets = working_sets(trace, options);
  EXPECT_EQ(sets.sizes[0], (std::vector<std::uint64_t>{1, 2, 2, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(sets.sizes[1], (std::vector<std::uint64_t>{1, 2, 2, 2, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(sets.average(2), 1.2);
  EXPECT_EQ(sets.average(100), 1.3);
  EXPECT_EQ(sets.faults(1), 2U);
}

TEST(WorkingSet, AreasAddUpToTheWhole) {
  const Pages refs = strings_of_all_kinds(3, 500, 30)[2];
  const PageTrace trace = page_trace(refs);
  std::vector<std::uint32_t> area(trace.ids);
  for (PageId id = 0; id < trace.ids; ++id) area[id] = static_cast<std::uint32_t>(id % 3);
  const std::vector<std::string> names = {"a", "b", "c", "never touched"};
  WorkingSetOptions options;
  options.taus = {5, 50};
  options.area_of_page = &area;
  options.area_names = &names;
  const WorkingSets sets = working_sets(trace, options);
  ASSERT_EQ(sets.areas.size(), 3U);
  std::uint64_t pages = 0;
  for (const AreaWorkingSet& row : sets.areas) {
    const auto number = static_cast<std::uint32_t>(row.name[0] - 'a');
    pages += row.pages;
    for (std::size_t i = 0; i < 2; ++i) {
      std::uint64_t sum = 0;
      for (const auto& set : naive(refs, options.taus[i])) {
        for (const std::uint64_t name : set) {
          const auto at = std::find(trace.names.begin(), trace.names.end(), name);
          sum += area[static_cast<std::size_t>(at - trace.names.begin())] == number ? 1 : 0;
        }
      }
      EXPECT_EQ(row.averages[i], static_cast<double>(sum) / 500);
    }
  }
  EXPECT_EQ(pages, trace.ids);
  EXPECT_GE(sets.areas[0].averages[1], sets.areas[1].averages[1]);
}

TEST(LengthCounts, ShortAndLongOnes) {
  Random random(9);
  LengthCounts counts;
  std::vector<std::uint64_t> lengths;
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t length = 1 + (random.next() >> (30 + random.below(34)));
    lengths.push_back(length);
    counts.add(length);
  }
  counts.seal();
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t most = i < 1000 ? lengths[static_cast<std::size_t>(i)]
                                        : random.next() >> (30 + random.below(34));
    std::uint64_t beyond = 0;
    std::uint64_t sum = 0;
    for (const std::uint64_t length : lengths) {
      beyond += length > most ? 1 : 0;
      sum += std::min(length, most);
    }
    ASSERT_EQ(counts.beyond(most), beyond);
    ASSERT_EQ(counts.sum_up_to(most), sum);
  }
}

}  // namespace
}  // namespace pw::analysis::testing
