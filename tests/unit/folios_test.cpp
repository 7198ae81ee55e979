// The page cache's folios against a plain array of pages.
#include "object/folios.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.hpp"

namespace pw {
namespace {

constexpr std::uint64_t kPages = 2048;

// For each page the folio that holds it, and whether that carries the mark.
struct Naive {
  struct Page {
    FolioSpan folio;
    bool marked = false;
  };
  std::vector<Page> pages;

  Naive() {
    for (std::uint64_t i = 0; i < kPages; ++i) pages.push_back({{PageOffset(i), 0}, false});
  }
  void put(FolioSpan folio, bool marked) {
    for (std::uint64_t i = folio.first.value; i < folio.end().value; ++i)
      pages[i] = {folio, marked};
  }
  void single(std::uint64_t i) { pages[i] = {{PageOffset(i), 0}, false}; }
  void forget(std::uint64_t i) {
    const FolioSpan folio = pages[i].folio;
    for (std::uint64_t k = folio.first.value; k < folio.end().value; ++k) single(k);
  }
  // Halves what lies across `at` until nothing does.
  void split(std::uint64_t at) {
    while (at < kPages && pages[at].folio.first.value != at) {
      const FolioSpan whole = pages[at].folio;
      const FolioSpan low{whole.first, whole.order - 1};
      put(low, false);
      put({low.end(), low.order}, false);
    }
  }
  void erase(std::uint64_t begin, std::uint64_t end) {
    split(begin);
    split(end);
    for (std::uint64_t i = begin; i < end; ++i) single(i);
  }
};

TEST(Folios, AreWhatAPlainArraySays) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Random random(seed);
    Folios folios;
    Naive naive;
    for (int step = 0; step < 400; ++step) {
      const std::uint64_t at = random.below(kPages);
      switch (random.below(4)) {
        case 0: {
          const auto order = static_cast<unsigned>(random.below(kMostFolioOrder + 1));
          const FolioSpan folio{PageOffset(at & ~((1ULL << order) - 1)), order};
          const bool marked = random.chance(3);
          folios.add(folio, marked);
          naive.erase(folio.first.value, folio.end().value);
          naive.put(folio, marked);
          break;
        }
        case 1:
          folios.clear_mark(PageOffset(at));
          naive.put(naive.pages[at].folio, false);
          break;
        case 2:
          folios.forget(PageOffset(at));
          naive.forget(at);
          break;
        default: {
          const std::uint64_t end = at + 1 + random.below(kPages - at);
          folios.erase(PageOffset(at), PageOffset(end));
          naive.erase(at, end);
          break;
        }
      }
      for (std::uint64_t i = 0; i < kPages; i += 1 + random.below(7)) {
        ASSERT_EQ(folios.find(PageOffset(i)), naive.pages[i].folio) << "seed " << seed;
        ASSERT_EQ(folios.marked(PageOffset(i)), naive.pages[i].marked) << "seed " << seed;
      }
    }
  }
}

TEST(Folios, OrdinaryPagesTakeNoRoom) {
  Folios folios;
  folios.add({PageOffset(7), 0}, true);
  folios.add({PageOffset(16), 4}, false);
  EXPECT_FALSE(folios.empty());
  folios.clear_mark(PageOffset(7));
  folios.erase(PageOffset(20), PageOffset(21));
  EXPECT_EQ(folios.find(PageOffset(17)), (FolioSpan{PageOffset(16), 2}));
  EXPECT_EQ(folios.find(PageOffset(22)), (FolioSpan{PageOffset(22), 1}));
  EXPECT_EQ(folios.find(PageOffset(30)), (FolioSpan{PageOffset(24), 3}));
  folios.erase(PageOffset(0), PageOffset(32));
  EXPECT_TRUE(folios.empty());
}

}  // namespace
}  // namespace pw
