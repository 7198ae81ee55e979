// mincore(2): the answers are those of Linux 6.18, tried there.
#include "support/kernel_calls.hpp"

namespace pw::test {

namespace {

using sys::Call;
constexpr std::int64_t kInvalid = -22, kNoMemory = -12;
constexpr std::uint64_t kPage = kPageSize;

TEST(Mincore, ArgumentsAreCheckedInTheKernelsOrder) {
  Program program;
  const std::uint64_t at = program.map(8);
  program.poke(at);
  program.peek(at + kPage);
  EXPECT_EQ(program.resident(at, 8), "11000000");
  EXPECT_EQ(program(Call::Mincore, {at + 1, kPage}), kInvalid);
  EXPECT_EQ(program(Call::Mincore, {at, 0}), 0);
  EXPECT_EQ(program.bytes(), "");
  EXPECT_EQ(program(Call::Mincore, {at, 1}), 0);
  EXPECT_EQ(program.bytes(), "1");
  EXPECT_EQ(program(Call::Mincore, {at, kPage + 1}), 0);
  EXPECT_EQ(program.bytes(), "11");
  EXPECT_EQ(program(Call::Mincore, {at, 1ULL << 63}), kNoMemory);
  EXPECT_EQ(program(Call::Mincore, {at, ~0ULL}), kNoMemory);
  EXPECT_EQ(program(Call::Mincore, {0x7fff'ffff'f000, 0}), 0);
  EXPECT_EQ(program(Call::Mincore, {0x7fff'ffff'f000, kPage}), kNoMemory);
  EXPECT_EQ(program(Call::Mincore, {0x8000'0000'0000, 0}), kNoMemory);
  ASSERT_EQ(program(Call::Munmap, {at + 2 * kPage, kPage}), 0);
  EXPECT_EQ(program(Call::Mincore, {at, 4 * kPage}), kNoMemory);
  EXPECT_EQ(program.bytes(), "");
  EXPECT_EQ(program.resident(program.map(2, 0), 2), "00");
}

TEST(Mincore, FilePagesAreInCoreWhenTheyAreInThePageCache) {
  Program program;
  const std::uint64_t fd = program.file("data", 4);
  const std::uint64_t shared = program.map(8, 3, sys::kMapShared, fd);
  const std::uint64_t own = program.map(8, 3, sys::kMapPrivate, fd);
  EXPECT_EQ(program.resident(shared, 8), "00000000");
  program.peek(shared);
  EXPECT_EQ(program.resident(shared, 8), "10000000");
  EXPECT_EQ(program.resident(own, 8), "10000000");
  program.poke(own + kPage);
  EXPECT_EQ(program.resident(own, 8), "11000000");
  EXPECT_EQ(program.resident(shared, 8), "11000000");  // it was read to be copied
}

TEST(Mincore, SharedMemoryStaysWhenTranslationsGo) {
  Program program;
  const std::uint64_t at = program.map(4, 3, sys::kMapShared);
  EXPECT_EQ(program.resident(at, 4), "0000");
  program.poke(at + kPage);
  EXPECT_EQ(program.madvise(at, 4, Advice::DontNeed), 0);
  EXPECT_EQ(program.resident(at, 4), "0100");
}

TEST(Mincore, PagesInSwapAreNotInCore) {
  MachineConfig config = exact_config(8_MiB);
  config.swap = 1_MiB;
  Program program(config);
  const std::uint64_t own = program.map(3);
  const std::uint64_t shared = program.map(3, 3, sys::kMapShared);
  for (std::uint64_t i = 0; i < 3; ++i) {
    program.poke(own + i * kPage);
    program.poke(shared + i * kPage);
  }
  EXPECT_EQ(program.madvise(own + kPage, 1, Advice::PageOut), 0);
  EXPECT_EQ(program.madvise(shared + kPage, 1, Advice::PageOut), 0);
  EXPECT_EQ(program.resident(own, 3), "101");
  EXPECT_EQ(program.resident(shared, 3), "101");
}

TEST(Mincore, FilesOfOthersKeepTheirSecret) {
  Program program;
  auto bytes = std::make_shared<std::vector<std::byte>>(4 * kPage);
  const FileId file = program.machine().open_file("read only", std::make_unique<KeptStore>(bytes),
                                                  true);
  MmapRequest request;
  request.length = ByteCount(4 * kPage);
  request.rights = kReadOnly;
  request.backing = &program.machine().object(file);
  const auto at = program.machine().mmap(program.pid(), request);
  ASSERT_TRUE(at);
  EXPECT_EQ(program.resident(at->value, 4), "0000");
  program.process().user = 1000;
  EXPECT_EQ(program.resident(at->value, 4), "1111");
}

}  // namespace

}  // namespace pw::test
