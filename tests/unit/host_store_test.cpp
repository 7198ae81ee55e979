// Backing stores keep bytes: host files, temporary swap files and arrays, under one contract.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <memory>

#include "base/random.hpp"
#include "ports/host/host_file.hpp"
#include "ports/sim/memory_store.hpp"
#include "support/temporary_folder.hpp"

namespace pw {
namespace {

using host::HostFile;
using testing::read_file;
using testing::TemporaryFolder;
using testing::write_file;

std::vector<std::byte> bytes_of(const std::string& text) {
  std::vector<std::byte> bytes;
  for (char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}
std::string text_of(std::span<const std::byte> bytes) {
  std::string text;
  for (std::byte b : bytes) text.push_back(static_cast<char>(b));
  return text;
}

void keeps_what_is_written(BackingStore& store) {
  std::vector<std::byte> model(static_cast<std::size_t>(store.size().value));
  Random random(1);
  for (int i = 0; i < 500; ++i) {
    std::size_t at = random.below(model.size());
    std::vector<std::byte> data(random.below(std::min<std::size_t>(9000, model.size() - at)) + 1);
    for (std::byte& b : data) b = static_cast<std::byte>(random.next());
    ASSERT_TRUE(store.write(ByteCount(at), data));
    std::copy(data.begin(), data.end(), model.begin() + static_cast<std::ptrdiff_t>(at));
  }
  std::vector<std::byte> all(model.size() + 100, std::byte{1});
  ASSERT_TRUE(store.read(ByteCount(0), all));
  EXPECT_TRUE(std::equal(model.begin(), model.end(), all.begin()));
  EXPECT_TRUE(
      std::all_of(all.end() - 100, all.end(), [](std::byte b) { return b == std::byte{}; }));
}

void keeps_its_bounds(BackingStore& store) {
  ByteCount size = store.size();
  EXPECT_FALSE(store.write(size - ByteCount(3), bytes_of("1234")));
  EXPECT_FALSE(store.write(size + ByteCount(1), bytes_of("1")));
  EXPECT_TRUE(store.write(size - ByteCount(4), bytes_of("1234")));
  EXPECT_EQ(store.size(), size);
  ASSERT_TRUE(store.resize(size + ByteCount(2)));
  EXPECT_TRUE(store.write(size - ByteCount(2), bytes_of("abcd")));
  std::vector<std::byte> out(6);
  ASSERT_TRUE(store.read(size - ByteCount(4), out));
  EXPECT_EQ(text_of(out), "12abcd");
  ASSERT_TRUE(store.read(size + ByteCount(1'000'000), out));
  EXPECT_EQ(text_of(out), std::string(6, '\0'));
  EXPECT_TRUE(store.sync());
}

TEST(BackingStores, ArraysKeepBytesAndBounds) {
  sim::MemoryStore store(ByteCount(100'000));
  keeps_what_is_written(store);
  keeps_its_bounds(store);
}

TEST(BackingStores, HostFilesKeepBytesAndBounds) {
  TemporaryFolder folder;
  write_file(folder / "f", std::string(100'000, '\0'));
  auto file = HostFile::open(folder / "f", HostFile::Mode::ReadWrite);
  ASSERT_TRUE(file);
  keeps_what_is_written(*file);
  keeps_its_bounds(*file);
  EXPECT_EQ(read_file(folder / "f").substr(99'996), "12abcd");
}

TEST(BackingStores, TemporarySwapFilesAreSparseAndNameless) {
  TemporaryFolder folder;
  const char* before = std::getenv("TMPDIR");
  std::string saved = before != nullptr ? before : "";
  setenv("TMPDIR", folder.path().c_str(), 1);
  auto file = host::temporary_swap_file(ByteCount(std::uint64_t{1} << 40));
  setenv("TMPDIR", "/nonexistent", 1);
  auto nowhere = host::temporary_swap_file(ByteCount(4096));
  before != nullptr ? setenv("TMPDIR", saved.c_str(), 1) : unsetenv("TMPDIR");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->size().value, std::uint64_t{1} << 40);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message.find("/nonexistent"), std::string::npos);

  auto small = host::temporary_swap_file(ByteCount(100'000));
  ASSERT_TRUE(small);
  keeps_what_is_written(*small);
  keeps_its_bounds(*small);
}

TEST(BackingStores, ReadOnlyFilesRefuseWrites) {
  TemporaryFolder folder;
  write_file(folder / "f", "hello");
  auto file = HostFile::open(folder / "f", HostFile::Mode::Read);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->write(ByteCount(0), bytes_of("x")).error().code, Errno::ReadOnly);
  EXPECT_EQ(file->resize(ByteCount(1)).error().code, Errno::ReadOnly);
  std::vector<std::byte> out(5);
  ASSERT_TRUE(file->read(ByteCount(0), out));
  EXPECT_EQ(text_of(out), "hello");
}

TEST(BackingStores, WhatIsNoFileIsRefusedWithItsName) {
  TemporaryFolder folder;
  auto gone = HostFile::open(folder / "gone", HostFile::Mode::Read);
  EXPECT_EQ(gone.error().code, Errno::NoEntry);
  EXPECT_NE(gone.error().message.find("gone"), std::string::npos);
  EXPECT_EQ(HostFile::open(folder.path().string(), HostFile::Mode::Read).error().code,
            Errno::IsDirectory);
  EXPECT_EQ(HostFile::open("/dev/null", HostFile::Mode::Read).error().code, Errno::NoDevice);
}

}  // namespace
}  // namespace pw
