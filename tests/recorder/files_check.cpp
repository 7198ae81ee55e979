// What a program does with files is in its recording as it was done: which file, at which place,
// how much, by either recorder. Skipped where the recorder is missing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "record/record.hpp"
#include "support/temporary_folder.hpp"

namespace pw::record {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kInputBytes = 20000;

struct Told {
  std::vector<std::string> parent, child;
};

const char* name_of(std::uint32_t number) {
  static const std::map<std::uint32_t, const char*> kNames = {
      {2, "open"},      {3, "close"},    {9, "mmap"},     {32, "dup"},          {74, "fsync"},
      {77, "truncate"}, {82, "rename"},  {87, "unlink"},  {221, "fadvise"},     {257, "open"},
      {263, "unlink"},  {264, "rename"}, {316, "rename"}, {319, "memfd_create"}};
  const auto found = kNames.find(number);
  return found == kNames.end() ? "?" : found->second;
}

class RecordedFiles : public ::testing::TestWithParam<With> {
 protected:
  void SetUp() override {
    const bool qemu = GetParam() == With::Qemu;
    const char* test = qemu ? "command -v qemu-x86_64 >/dev/null"
                            : "command -v valgrind >/dev/null";
    if (std::system(test) != 0) GTEST_SKIP() << "the recorder is missing";
    fs::create_directory(work());
    pw::testing::write_file(work() + "/input", std::string(kInputBytes, 'x'));
  }

  std::string work() const { return fs::canonical(folder_ / ".").string() + "/work"; }

  // The guest, with `input` open at its 17th byte.
  Recording record_guest() {
    const int inherited = ::open((work() + "/input").c_str(), O_RDONLY);
    EXPECT_EQ(::lseek(inherited, 17, SEEK_SET), 17);
    RecordOptions options;
    options.command = {std::string(PW_BUILD_DIR) + "/tests/recorder/files_guest", work(),
                       std::to_string(inherited)};
    options.output = folder_ / "files.pwrec";
    options.with = GetParam();
    options.recorder_files = std::string(PW_BUILD_DIR) + "/lib/pagewright";
    const auto outcome = record::record(options);
    ::close(inherited);
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().message);
    EXPECT_EQ(outcome->exit_status, 0);
    return std::move(*Recording::open(options.output));
  }

  std::string base(const Recording& recording, std::uint32_t number) const {
    const FileInfo* file = recording.file(number);
    if (file == nullptr) return "lost";
    if (file->path.starts_with("/memfd:")) return "memfd";
    return file->path.starts_with(work()) ? file->path.substr(work().size() + 1) : std::string();
  }

  void tell(const Recording& recording, const Chunk& chunk, std::vector<std::string>& out) const {
    for (const Event& event : chunk.events) {
      std::string line;
      if (event.kind == EventKind::Transfer) {
        const std::string file = base(recording, event.index);
        if (file.empty()) continue;
        line = std::string(event.access == Access::Write ? "write " : "read ") + file + " " +
               std::to_string(event.offset) + " +" + std::to_string(event.length);
      } else if (event.kind == EventKind::Syscall) {
        const SyscallRecord& call = chunk.syscalls[event.index];
        const std::string file = call.file == kNoFile ? "" : base(recording, call.file);
        if (file.empty()) continue;
        line = std::string(name_of(call.number)) + " " + file;
        if (call.number == 77) line += " " + std::to_string(call.arguments[1]);
      } else {
        continue;
      }
      out.push_back(line);
    }
  }

  Told told(const Recording& recording) const {
    Told result;
    Chunk chunk;
    const std::uint32_t first = recording.processes().front().pid;
    for (std::size_t i = 0; i < recording.chunks().size(); ++i) {
      EXPECT_TRUE(recording.decode(i, chunk));
      tell(recording, chunk, chunk.info.pid == first ? result.parent : result.child);
    }
    return result;
  }

  pw::testing::TemporaryFolder folder_;
};

TEST_P(RecordedFiles, EveryTransferHasItsFileAndPlace) {
  const Recording recording = record_guest();
  const Told seen = told(recording);
  const std::vector<std::string> parent = {
      "read input 17 +11", "open input", "read input 0 +1000", "dup input", "read input 1000 +500",
      "read input 4096 +30", "read input 12345 +7", "read input 50 +30", "close input",
      "fadvise input",
      // writes()
      "open output", "write output 0 +3000", "write output 8192 +100", "write output 3000 +70",
      "write output 9000 +70", "open output", "write output 9070 +10", "write output 9080 +5",
      "close output",
      // shared_position(): 3070 to 3114 is the child's
      "write output 3114 +6",
      // between_files()
      "read input 100 +64", "write output 3120 +64", "read input 200 +32", "write output 4000 +32",
      // other_calls()
      "truncate output 5000", "fsync output", "mmap input", "open victim", "close victim",
      "rename output", "unlink victim", "unlink output", "memfd_create memfd", "write memfd 0 +9"};
  EXPECT_EQ(seen.parent, parent);
  EXPECT_EQ(seen.child, std::vector<std::string>{"write output 3070 +44"});
}

TEST_P(RecordedFiles, FilesAreToldAsTheyWereFound) {
  const Recording recording = record_guest();
  std::map<std::string, FileInfo> files;
  for (std::uint32_t i = 0; i < recording.file_count(); ++i) {
    const FileInfo* file = recording.file(i);
    ASSERT_NE(file, nullptr);
    const std::string name = base(recording, i);
    if (name.empty()) continue;
    EXPECT_EQ(files.count(name), 0U) << name << " is there twice";
    files[name] = *file;
  }
  ASSERT_EQ(files.size(), 4U);
  EXPECT_EQ(files["input"].bytes, kInputBytes);
  EXPECT_EQ(files["output"].bytes, 0U);
  const std::uint64_t cached = files["input"].cached_pages;  // it was just written
  EXPECT_TRUE(cached == 5 || cached == FileInfo::kNotKnown) << cached;
  EXPECT_TRUE(files["memfd"].memory);
  EXPECT_NE(files["input"].inode, files["output"].inode);
}

// Strings that exec puts on the stack: those of the program, whatever the recorder adds.
TEST_P(RecordedFiles, StartStringsAreTheProgramsOwn) {
  ::setenv("PW_FILES_CHECK", "a variable", 1);
  const Recording recording = record_guest();
  Chunk chunk;
  ASSERT_TRUE(recording.decode(0, chunk));
  ASSERT_FALSE(chunk.images.empty());
  const StartStrings& start = chunk.images.front().start;
  std::uint64_t bytes = 0;
  std::uint64_t variables = 0;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    ++variables;
    bytes += std::string(*variable).size() + 1;
  }
  EXPECT_EQ(start.arguments, 3U);
  std::uint64_t argument_bytes = 0;
  for (const std::string& word : chunk.images.front().command) argument_bytes += word.size() + 1;
  EXPECT_EQ(start.argument_bytes, argument_bytes);
  EXPECT_EQ(start.variables, variables);
  EXPECT_EQ(start.variable_bytes, bytes);
}

INSTANTIATE_TEST_SUITE_P(Both, RecordedFiles, ::testing::Values(With::Valgrind, With::Qemu),
                         [](const auto& chosen) {
                           return chosen.param == With::Qemu ? "Qemu" : "Valgrind";
                         });

}  // namespace
}  // namespace pw::record
