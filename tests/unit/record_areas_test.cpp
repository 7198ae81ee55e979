// The list of areas follows the memory system calls as the kernel's own list would; addresses find
// their names.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <array>

#include "base/random.hpp"
#include "record/area_list.hpp"
#include "record/symbols.hpp"
#include "support/temporary_folder.hpp"

extern "C" __attribute__((noinline)) int pw_function_with_a_known_name(int n) { return n * 3 + 1; }

namespace pw::record {
namespace {

SyscallRecord call(std::uint32_t number, std::vector<std::uint64_t> arguments, std::int64_t result,
                   std::string path = {}) {
  SyscallRecord record;
  record.number = number;
  std::copy(arguments.begin(), arguments.end(), record.arguments);
  record.result = result;
  record.path = std::move(path);
  return record;
}

TEST(RecordAreas, ReadsTheKernelsOwnList) {
  AreaList list;
  list.read_maps(
      "00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/a file\n"
      "garbage\n"
      "00e03000-00e24000 rw-p 00000000 00:00 0           [heap]\n"
      "7f0000000000-7f0000001000 rw-s 00000000 00:01 9\n"
      "7fffb2c0d000-7fffb2c2e000 ---p 00000000 00:00 0 ");
  std::vector<MappedArea> areas = list.areas();
  ASSERT_EQ(areas.size(), 4U);
  EXPECT_EQ(areas[0].name, "/usr/bin/a file");
  EXPECT_EQ(areas[0].file_offset, 0x1000U);
  EXPECT_TRUE(areas[0].readable && !areas[0].writable && areas[0].executable);
  EXPECT_EQ(areas[1].name, "[heap]");
  EXPECT_TRUE(areas[2].shared && areas[2].writable && areas[2].name.empty());
  EXPECT_FALSE(areas[3].readable);
  EXPECT_EQ(list.find(0x7f0000000fff)->begin, VirtAddr(0x7f0000000000));
  EXPECT_EQ(list.find(0x7f0000001000), nullptr);
}

TEST(RecordAreas, TheHeapFollowsTheBreak) {
  AreaList list;
  EXPECT_FALSE(list.apply(call(SYS_brk, {0}, 0x5000)));  // a question
  EXPECT_TRUE(list.apply(call(SYS_brk, {0x7800}, 0x7800)));
  ASSERT_EQ(list.areas().size(), 1U);
  EXPECT_EQ(list.areas()[0].name, "[heap]");
  EXPECT_EQ(list.areas()[0].begin, VirtAddr(0x5000));
  EXPECT_EQ(list.areas()[0].end, VirtAddr(0x8000));
  EXPECT_TRUE(list.apply(call(SYS_brk, {0xa000}, 0xa000)));
  EXPECT_TRUE(list.apply(call(SYS_brk, {0x6000}, 0x6000)));
  ASSERT_EQ(list.areas().size(), 1U);
  EXPECT_EQ(list.areas()[0].end, VirtAddr(0x6000));
  EXPECT_TRUE(list.apply(call(SYS_brk, {0x5000}, 0x5000)));
  EXPECT_TRUE(list.areas().empty());
}

TEST(RecordAreas, FailedAndAbsurdCallsChangeNothing) {
  AreaList list;
  list.read_maps("1000-2000 r--p 0 0:0 0 /x\n");
  EXPECT_FALSE(list.apply(call(SYS_munmap, {0x1000, 0x1000}, -22)));
  EXPECT_FALSE(list.apply(call(SYS_munmap, {0x1000, 0}, 0)));
  EXPECT_FALSE(list.apply(call(SYS_munmap, {0x1000, ~0ULL}, 0)));
  EXPECT_FALSE(list.apply(call(SYS_mremap, {0x9000, 0x1000, 0x2000, 0, 0}, 0x5000)));
  EXPECT_FALSE(list.apply(call(SYS_read, {0, 0, 0}, 5)));
  EXPECT_EQ(list.areas().size(), 1U);
}

// Random calls against a table of pages that knows nothing of areas.
TEST(RecordAreas, RandomCallsMatchATableOfPages) {
  struct Page {
    std::string name;
    std::uint64_t rights = 0, offset = 0;
    bool mapped = false;
  };
  constexpr std::uint64_t kPages = 40;
  constexpr std::uint64_t kBase = 0x10000;
  auto at = [](std::uint64_t page) { return kBase + page * 4096; };
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Random random(seed);
    AreaList list;
    std::array<Page, kPages> model;
    for (int step = 0; step < 300; ++step) {
      std::uint64_t first = random.below(kPages);
      std::uint64_t count = 1 + random.below(kPages - first);
      std::uint64_t rights = 1 + random.below(7);
      std::uint64_t choice = random.below(4);
      if (choice == 0) {
        std::string name = random.chance(2) ? "" : "/f" + std::to_string(random.below(2));
        std::uint64_t offset = name.empty() ? 0 : random.below(4) * 4096;
        unsigned flags = MAP_PRIVATE | (name.empty() ? MAP_ANONYMOUS : 0);
        list.apply(call(SYS_mmap, {0, count * 4096 - 5, rights, flags, 3, offset},
                        static_cast<std::int64_t>(at(first)), name));
        for (std::uint64_t i = 0; i < count; ++i) {
          model[first + i] = {name, rights, name.empty() ? 0 : offset + i * 4096, true};
        }
      } else if (choice == 1) {
        list.apply(call(SYS_munmap, {at(first), count * 4096}, 0));
        for (std::uint64_t i = 0; i < count; ++i) model[first + i] = {};
      } else if (choice == 2) {
        list.apply(call(SYS_mprotect, {at(first), count * 4096, rights}, 0));
        for (std::uint64_t i = 0; i < count; ++i) {
          if (model[first + i].mapped) model[first + i].rights = rights;
        }
      } else {
        // One page moves and becomes two, where those have room besides it.
        std::uint64_t to = random.below(kPages - 1);
        if (!model[first].mapped || to == first || to + 1 == first) continue;
        Page page = model[first];
        list.apply(call(SYS_mremap, {at(first), 4096, 8192, MREMAP_MAYMOVE, 0},
                        static_cast<std::int64_t>(at(to))));
        model[first] = {};
        model[to] = model[to + 1] = page;
        if (!page.name.empty()) model[to + 1].offset += 4096;
      }
      for (std::uint64_t page = 0; page < kPages; ++page) {
        const MappedArea* area = list.find(at(page));
        ASSERT_EQ(area != nullptr, model[page].mapped) << seed << ' ' << step << ' ' << page;
        if (area == nullptr) continue;
        std::uint64_t found = (area->readable ? 1U : 0U) | (area->writable ? 2U : 0U) |
                              (area->executable ? 4U : 0U);
        ASSERT_EQ(found, model[page].rights) << seed << ' ' << step << ' ' << page;
        ASSERT_EQ(area->name, model[page].name);
        if (area->name.empty()) continue;
        ASSERT_EQ(area->file_offset + at(page) - area->begin.value, model[page].offset);
      }
      std::vector<MappedArea> areas = list.areas();
      for (std::size_t i = 1; i < areas.size(); ++i) {
        bool touch = areas[i - 1].end == areas[i].begin && areas[i].name.empty() &&
                     areas[i - 1].name.empty();
        bool alike = areas[i - 1].readable == areas[i].readable &&
                     areas[i - 1].writable == areas[i].writable &&
                     areas[i - 1].executable == areas[i].executable;
        ASSERT_FALSE(touch && alike) << "two areas that should be one";
      }
    }
  }
}

TEST(RecordSymbols, AnAddressOfThisProgramHasItsFunctionsName) {
  AreaList list;
  list.read_maps(pw::testing::read_file("/proc/self/maps"));
  auto address = reinterpret_cast<std::uint64_t>(&pw_function_with_a_known_name);
  const MappedArea* area = list.find(address);
  ASSERT_NE(area, nullptr);
  std::uint64_t offset = address - area->begin.value + area->file_offset;
  std::vector<Symbol> symbols = resolve_symbols({area->name, ""}, {offset, ~std::uint64_t{0}});
  ASSERT_EQ(symbols.size(), 2U);
  EXPECT_EQ(symbols[0].function, "pw_function_with_a_known_name");
  EXPECT_TRUE(symbols[1].function.empty());
  EXPECT_EQ(symbols[1].file, area->name);
  EXPECT_TRUE(resolve_symbols({area->name, "0123"}, {offset})[0].function.empty());
  EXPECT_TRUE(resolve_symbols({"/nonexistent", ""}, {offset})[0].function.empty());
  EXPECT_TRUE(resolve_symbols({"/dev/zero", ""}, {offset})[0].function.empty());
  EXPECT_GT(pw_function_with_a_known_name(1), 0);
}

}  // namespace
}  // namespace pw::record
