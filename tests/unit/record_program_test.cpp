// record() runs a program as if it were not there, and says what is wrong before it starts. A
// script stands for Valgrind: it leaves a spool and becomes the program.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "record/launch.hpp"
#include "record/record.hpp"
#include "support/random_chunks.hpp"
#include "support/spool_maker.hpp"
#include "support/temporary_folder.hpp"

namespace pw::record {
namespace {

namespace fs = std::filesystem;
using pw::testing::read_file;
using pw::testing::TemporaryFolder;
using pw::testing::write_file;

constexpr std::string_view kStandIn = R"(#!/bin/sh
for word; do
  case "$word" in
    --spool-dir=*) spools="${word#*=}" ;;
    -*) ;;
    *) break ;;
  esac
  shift
done
[ -f "$0.spool" ] && cp "$0.spool" "$spools/1.spool"
exec "$@"
)";

class RecordProgram : public ::testing::Test {
 protected:
  RecordProgram() {
    const char* path = std::getenv("PATH");
    path_before_ = path != nullptr ? path : "";
    fs::create_directories(folder_.path() / "bin");
    fs::create_directories(folder_.path() / "recorders/valgrind");
    fs::create_directories(folder_.path() / "out");
    put_program("bin/valgrind", std::string(kStandIn));
    put_program("recorders/valgrind/pagewright-amd64-linux", "");
    ::setenv("PATH", ((folder_ / "bin") + ":/usr/bin:/bin").c_str(), 1);

    Random random(1);
    testing::ChunkMaker maker(random, 64);
    testing::SpoolMaker spool(1, 0, 1, PW_DETAIL_PAGES, 64);
    spool.start("sh", "1000-2000 rw-p 0 0:0 0 [heap]\n");
    spool.events(maker.next(1, 0, 10, 100));
    spool.end(0, 0);
    write_file(folder_ / "bin/valgrind.spool", spool.bytes);
  }
  ~RecordProgram() override { ::setenv("PATH", path_before_.c_str(), 1); }

  void put_program(const std::string& name, const std::string& text) {
    write_file(folder_ / name, text);
    ::chmod((folder_ / name).c_str(), 0755);
  }
  std::string output() const { return folder_ / "out/a.pwrec"; }
  RecordOptions options(std::vector<std::string> command) const {
    RecordOptions result;
    result.command = std::move(command);
    result.output = output();
    result.recorder_files = folder_ / "recorders";
    return result;
  }
  std::size_t files_left() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_ / "out"), {}));
  }

  TemporaryFolder folder_;
  std::string path_before_;
};

TEST_F(RecordProgram, TheProgramsStatusIsPassedOnAndKept) {
  int reports = 0;
  RecordOptions run = options({"sh", "-c", "exit 7"});
  run.progress = [&](const RecordProgress&) { ++reports; };
  auto outcome = record(run);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->exit_status, 7);
  EXPECT_EQ(outcome->recorder, Recorder::Valgrind);
  EXPECT_NE(outcome->why.find("Valgrind"), std::string::npos);
  EXPECT_GT(outcome->references, 0U);
  EXPECT_EQ(outcome->processes, 1U);
  EXPECT_TRUE(outcome->notes.empty());
  EXPECT_GT(reports, 0);
  EXPECT_EQ(files_left(), 1U);  // no spools, no part
  EXPECT_EQ(fs::file_size(output()), outcome->bytes);
  auto recording = Recording::open(output());
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->info().exit_status, 7);
  EXPECT_EQ(recording->info().command, run.command);
  EXPECT_NE(recording->info().environment_hash, 0U);
}

TEST_F(RecordProgram, ADeadlySignalIsTold) {
  auto outcome = record(options({"sh", "-c", "kill -KILL $$"}));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->exit_status, 128 + 9);
}

TEST_F(RecordProgram, SignalsForTheCallerReachTheProgramAndTheRecordingIsSaved) {
  auto outcome = record(
      options({"sh", "-c", "trap 'exit 9' TERM; kill -TERM $PPID; sleep 20 & wait"}));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->exit_status, 9);
  EXPECT_TRUE(Recording::open(output()));
}

TEST_F(RecordProgram, RedactedRecordingsDoNotNameTheProgram) {
  RecordOptions run = options({"sh", "-c", "exit 0 # secretword"});
  run.redact = true;
  ASSERT_TRUE(record(run));
  auto recording = Recording::open(output());
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->info().environment_hash, 0U);
  EXPECT_EQ(recording->info().command.at(2).find("secret"), std::string::npos);
  EXPECT_EQ(read_file(output()).find("secretword"), std::string::npos);
}

TEST_F(RecordProgram, WhatCannotWorkIsSaidBeforeTheProgramRuns) {
  write_file(folder_ / "data", "just text");
  put_program("words", "just text");
  struct Case {
    RecordOptions run;
    Errno code;
    std::string_view remedy;
  };
  std::string touch = folder_ / "out/touched";
  RecordOptions good = options({"touch", touch});
  auto with = [&](auto change) {
    RecordOptions run = good;
    change(run);
    return run;
  };
  std::vector<Case> cases;
  cases.push_back({options({}), Errno::Invalid, "--"});
  cases.push_back({options({"nosuchprogram"}), Errno::NoEntry, "$PATH"});
  cases.push_back({options({folder_ / "none"}), Errno::NoEntry, "none"});
  cases.push_back({options({folder_ / "out"}), Errno::IsDirectory, "folder"});
  cases.push_back({options({folder_ / "data"}), Errno::NotExecutable, "chmod"});
  cases.push_back({options({folder_ / "words"}), Errno::NotSupported, "neither"});
  cases.push_back({with([](RecordOptions& run) { run.filter_pages = 1; }), Errno::Invalid, "1024"});
  cases.push_back({with([&](RecordOptions& run) { run.output = folder_ / "none/a.pwrec"; }),
                   Errno::NoEntry, "none"});
  cases.push_back({with([&](RecordOptions& run) { run.recorder_files = folder_ / "out"; }),
                   Errno::NotSupported, "build"});
  cases.push_back(
      {with([&](RecordOptions& run) { run.with = With::Qemu; }), Errno::NotSupported, "qemu"});
  for (const Case& each : cases) {
    auto outcome = record(each.run);
    ASSERT_FALSE(outcome) << each.remedy;
    EXPECT_EQ(outcome.error().code, each.code) << outcome.error().message;
    EXPECT_NE(outcome.error().message.find(each.remedy), std::string::npos)
        << outcome.error().message;
    EXPECT_EQ(outcome.error().message.find('\n'), std::string::npos);
    EXPECT_EQ(files_left(), 0U) << each.remedy;
  }
  write_file(output(), "precious");
  auto outcome = record(good);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errno::Exists);
  EXPECT_EQ(read_file(output()), "precious");
  EXPECT_FALSE(fs::exists(touch));
}

TEST_F(RecordProgram, ARecorderThatRecordsNothingIsAnErrorAndLeavesNothing) {
  fs::remove(folder_ / "bin/valgrind.spool");
  auto outcome = record(options({"sh", "-c", "exit 3"}));
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find("status 3"), std::string::npos);
  EXPECT_EQ(files_left(), 0U);
}

TEST_F(RecordProgram, SpoolsOfAFailedConversionAreKeptAndRecovered) {
  auto outcome = record(options({"sh", "-c", "echo mine > " + output()}));
  ASSERT_FALSE(outcome);  // the name has been taken meanwhile
  EXPECT_EQ(read_file(output()), "mine\n");
  const std::string& message = outcome.error().message;
  std::size_t begin = message.find("/", message.find("kept in "));
  std::string spools = message.substr(begin, message.find(':', begin) - begin);
  ASSERT_TRUE(fs::is_directory(spools)) << message;

  EXPECT_EQ(recover(spools, output(), false, false).error().code, Errno::Exists);
  ASSERT_TRUE(fs::is_directory(spools));
  std::string other = folder_ / "out/b.pwrec";
  auto recovered = recover(spools, other, false, false);
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_GT(recovered->references, 0U);
  EXPECT_FALSE(fs::exists(spools));
  auto recording = Recording::open(other);
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->info().command.at(0), "sh");
  EXPECT_EQ(recording->info().exit_status, -1);
  EXPECT_EQ(recover(folder_ / "out", other, true, false).error().code, Errno::NoEntry);
}

TEST_F(RecordProgram, ProgramsThatCompileAsTheyRunGoToQemu) {
  put_program("bin/qemu-x86_64", "#!/bin/sh\n");
  write_file(folder_ / "recorders/pw-qemu.so", "");
  fs::copy_file("/bin/true", folder_ / "bin/node-18");
  put_program("bin/app", "#!/usr/bin/env node-18\n");
  put_program("bin/direct", "#! " + (folder_ / "bin/node-18") + "  --flag  more \n");
  put_program("bin/nodes", read_file("/bin/true"));
  auto launch = [&](const std::string& name) {
    RecordOptions run = options({name, "argument"});
    auto program = find_program(run.command);
    EXPECT_TRUE(program) << program.error().message;
    return *prepare_launch(run, *program, "/spools");
  };
  EXPECT_EQ(launch("node-18").recorder, Recorder::Qemu);
  EXPECT_EQ(launch("app").recorder, Recorder::Qemu);
  EXPECT_EQ(launch("nodes").recorder, Recorder::Valgrind);
  Launch direct = launch("direct");
  EXPECT_EQ(direct.recorder, Recorder::Qemu);
  EXPECT_NE(direct.reason.find("node-18"), std::string::npos);
  std::vector<std::string> tail(direct.arguments.end() - 5, direct.arguments.end());
  std::string node = folder_ / "bin/node-18";
  EXPECT_EQ(tail, (std::vector<std::string>{node, node, "--flag  more", folder_ / "bin/direct",
                                            "argument"}));
  // Without QEMU, Valgrind has to do, and the reason says so.
  fs::remove(folder_ / "recorders/pw-qemu.so");
  EXPECT_EQ(launch("node-18").recorder, Recorder::Valgrind);
  EXPECT_NE(launch("node-18").reason.find("pw-qemu.so"), std::string::npos);
}

}  // namespace
}  // namespace pw::record
