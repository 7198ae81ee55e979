// The kernel's texts of areas, read against what was written by hand.
#include <gtest/gtest.h>

#include "ports/host/host_target_views.hpp"

namespace pw::host {
namespace {

using script::AreaView;

const ViewNames kNames = {"/tmp/run-1/", "run-1.", 0x7ffff8000000, 0x7ffff8210000};

AreaView area(std::uint64_t begin, std::uint64_t end, std::string rights, std::uint64_t offset,
              std::string name) {
  AreaView view;
  view.begin = begin;
  view.end = end;
  view.rights = std::move(rights);
  view.offset = offset;
  view.name = std::move(name);
  return view;
}

TEST(HostViews, MapsAreReadLineByLine) {
  const auto areas = parse_areas(
      "10000-11000 r--p 00000000 00:00 0 \n"
      "555556554000-555556555000 rw-p 00000000 00:00 0                          [heap]\n"
      "7ffff7ff3000-7ffff7ff5000 rw-s 00003000 fe:00 247134                     "
      "/tmp/run-1/a file\n"
      "7ffff7ff5000-7ffff7ff6000 -w-p 00000000 fe:00 9                          "
      "/tmp/run-1/gone (deleted)\n"
      "7ffff7ff6000-7ffff7ff7000 r-xs 1000000000 00:1a 12                       "
      "/dev/shm/run-1.area\n"
      "7ffff7ff7000-7ffff7ff8000 rw-s 00000000 00:1a 12                         "
      "/dev/shm/run-2.area\n"
      "7ffff7ff8000-7ffff7ff9000 ---p 00000000 00:01 3   /SYSV00000007 (deleted)\n"
      "7ffff8000000-7ffff8004000 r-xs 00000000 00:01 4   /memfd:pagewright (deleted)\n"
      "7ffff8004000-7ffff8210000 rw-s 00004000 00:01 4   /memfd:pagewright (deleted)\n"
      "7ffff8210000-7ffff8211000 rw-p 00000000 00:00 0 \n"
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n",
      kNames);
  ASSERT_TRUE(areas) << areas.error().message;
  const std::vector<AreaView> expected = {
      area(0x10000, 0x11000, "r--p", 0, ""),
      area(0x555556554000, 0x555556555000, "rw-p", 0, "[heap]"),
      area(0x7ffff7ff3000, 0x7ffff7ff5000, "rw-s", 0x3000, "a file"),
      area(0x7ffff7ff5000, 0x7ffff7ff6000, "-w-p", 0, "gone (deleted)"),
      area(0x7ffff7ff6000, 0x7ffff7ff7000, "r-xs", 0x1000000000, "/dev/shm/area"),
      area(0x7ffff7ff7000, 0x7ffff7ff8000, "rw-s", 0, "/dev/shm/run-2.area"),
      area(0x7ffff7ff8000, 0x7ffff7ff9000, "---p", 0, "/SYSV00000007 (deleted)"),
      area(0x7ffff8210000, 0x7ffff8211000, "rw-p", 0, ""),
  };
  EXPECT_EQ(*areas, expected);
}

TEST(HostViews, SmapsTellSizesAndFlags) {
  const auto areas = parse_areas(
      "7ffff7ffb000-7ffff7fff000 rw-p 00000000 00:00 0 \n"
      "Size:                 16 kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n"
      "Rss:                  12 kB\nPss:                   9 kB\nPss_Dirty:             9 kB\n"
      "Shared_Clean:          1 kB\nShared_Dirty:          2 kB\nPrivate_Clean:         3 kB\n"
      "Private_Dirty:         6 kB\nReferenced:           12 kB\nAnonymous:             7 kB\n"
      "KSM:                   0 kB\nLazyFree:              8 kB\nAnonHugePages:         0 kB\n"
      "Swap:                 10 kB\nSwapPss:               5 kB\nLocked:               11 kB\n"
      "THPeligible:           0\nVmFlags: rd wr mr mw me lo ac sd \n"
      "7ffff8000000-7ffff8004000 r-xs 00000000 00:01 4   /memfd:pagewright (deleted)\n"
      "Rss:                  99 kB\nVmFlags: rd ex \n"
      "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]\n"
      "Rss:                   4 kB\nVmFlags: rd wr mr mw me gd ac \n",
      kNames);
  ASSERT_TRUE(areas) << areas.error().message;
  AreaView first = area(0x7ffff7ffb000, 0x7ffff7fff000, "rw-p", 0, "");
  first.rss = 12;
  first.shared_clean = 1;
  first.shared_dirty = 2;
  first.private_clean = 3;
  first.private_dirty = 6;
  first.anonymous = 7;
  first.lazy_free = 8;
  first.swap = 10;
  first.locked = 11;
  first.flags = "rd wr mr mw me lo ac";
  AreaView stack = area(0x7ffffffde000, 0x7ffffffff000, "rw-p", 0, "[stack]");
  stack.rss = 4;
  stack.flags = "rd wr mr mw me gd ac";
  EXPECT_EQ(*areas, (std::vector<AreaView>{first, stack}));
}

TEST(HostViews, WhatIsNotMapsIsRefused) {
  const std::string good = "1000-2000 rw-p 00000000 00:00 0 \n";
  EXPECT_TRUE(parse_areas(good, kNames));
  for (const std::string bad :
       {"Rss: 4 kB\n", "1000 2000 rw-p 0 0:0 0\n", "1000-2000 rw-pp 0 0:0 0\n",
        "1000-2000 rw-p 0\n", "1000-2000 rw-p 0 0:0 x\n", "\n", "x\n"}) {
    EXPECT_FALSE(parse_areas(bad, kNames)) << bad;
  }
  EXPECT_FALSE(parse_areas(good + "Rss 4 kB\n", kNames));
  EXPECT_FALSE(parse_areas(good + "Rss: x kB\n", kNames));
  EXPECT_FALSE(parse_areas(good + "Rss: 4 MB\n", kNames));
}

}  // namespace
}  // namespace pw::host
