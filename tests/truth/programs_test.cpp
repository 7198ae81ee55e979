// Faults of whole programs without a limit: as this host's kernel counts them from execve to exit,
// children included, against the replay of a recording. Skipped where a program, Valgrind or the
// modelled kernel is missing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "support/temporary_folder.hpp"
#include "truth/predicted_run.hpp"
#include "truth/real_run.hpp"

namespace pw::truth {
namespace {

constexpr int kRuns = 5;
constexpr long kFewFaults = 10;  // or one percent

std::string program(const std::string& name) {
  return std::string(PW_BUILD_DIR) + "/tests/truth/truth_" + name;
}

class Programs : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = why_not_recorded(); !why.empty()) GTEST_SKIP() << why;
    if (const std::string why = why_not_here(); !why.empty()) GTEST_SKIP() << why;
  }

  // The median of several runs.
  RealCounts real(const std::vector<std::string>& command) {
    std::vector<RealCounts> runs;
    for (int i = 0; i < kRuns; ++i) {
      const auto run = run_for_real({command, folder_.path().string(), {}});
      if (run && run->status == 0) runs.push_back(*run);
    }
    if (runs.empty()) return {};
    std::ranges::sort(runs, {}, &RealCounts::minor);
    return runs[runs.size() / 2];
  }

  struct Comparison {
    long apart = 0, counted = 0;
  };

  // Says both figures.
  Comparison compare(const std::vector<std::string>& command) {
    const RealCounts counted = real(command);
    const Predicted predicted = record_and_replay(command, folder_.path().string(),
                                                  folder_ / "run.pwrec");
    EXPECT_EQ(predicted.problem, "");
    EXPECT_GT(counted.minor, 0);
    const auto minor = static_cast<long>(predicted.minor());
    RecordProperty("kernel", std::to_string(counted.minor));
    RecordProperty("replay", std::to_string(minor));
    printf("%-24s kernel %ld minor %ld major, replay %ld minor %ld major\n", command[0].c_str(),
           counted.minor, counted.major, minor, static_cast<long>(predicted.major()));
    EXPECT_EQ(predicted.result.inferred_areas, 0U);
    return {std::labs(minor - counted.minor), counted.minor};
  }
  long apart(const std::vector<std::string>& command) { return compare(command).apart; }

  void within_the_bar(const std::vector<std::string>& command) {
    if (access(command[0].c_str(), X_OK) != 0) GTEST_SKIP() << command[0] << " is not there";
    const Comparison found = compare(command);
    EXPECT_LE(found.apart, std::max(kFewFaults, found.counted / 100));
  }

  // Lines that look random and are the same everywhere.
  void write_lines(const std::string& name, unsigned count) {
    std::string text;
    std::uint64_t number = 1;
    for (unsigned i = 0; i < count; ++i) {
      number = number * 6364136223846793005U + 1442695040888963407U;
      text += std::to_string(number) + " some text " + std::to_string(i) + '\n';
    }
    testing::write_file(folder_ / name, text);
  }

  testing::TemporaryFolder folder_;
};

// What a program with a C library touches depends on the CPU that the library finds (its functions
// come in variants); one without one is exact.
TEST_F(Programs, TheSmallestAreExact) {
  EXPECT_EQ(apart({program("bare")}), 0);
  EXPECT_LE(apart({program("static")}), 1);
  EXPECT_LE(apart({program("static_pie")}), 1);
  EXPECT_LE(apart({program("dynamic")}), 3);
}

TEST_F(Programs, True) { within_the_bar({"/bin/true"}); }

TEST_F(Programs, Sort) {
  write_lines("lines", 200'000);
  within_the_bar({"/usr/bin/sort", "--parallel=1", "-S", "64M", "-o", "sorted", "lines"});
}

TEST_F(Programs, Gzip) {
  write_lines("lines", 20'000);
  within_the_bar({"/bin/gzip", "-kf", "lines"});
}

TEST_F(Programs, Python) {
  testing::write_file(folder_ / "dict.py",
                      "d = {}\n"
                      "for i in range(100000): d['k%d' % i] = i\n"
                      "print(sum(d['k%d' % i] for i in range(0, 100000, 7)))\n");
  within_the_bar({"/usr/bin/python3", "-S", "-E", "dict.py"});
}

TEST_F(Programs, Sqlite) {
  testing::write_file(folder_ / "q.sql",
                      "create table t(a integer primary key, b text);\n"
                      "with recursive c(x) as (select 1 union all select x+1 from c where x<5000)\n"
                      "insert into t select x, 'row ' || (x * 7919 % 10007) from c;\n"
                      "create index i on t(b);\n"
                      "select count(*), max(b) from t where b like 'row 1%';\n");
  within_the_bar({"/usr/bin/sqlite3", ":memory:", ".read q.sql"});
}

// The driver lends its memory to its children until they become the compiler and the assembler.
TEST_F(Programs, CompilerAndItsChildren) {
  std::string source;
  for (int i = 0; i < 40; ++i) {
    const std::string n = std::to_string(i);
    source += "template <int N> struct S" + n + " { int a[N + 1]; int sum() const { int s = 0;\n" +
              "  for (int x : a) s += x * " + n + "; return s; } };\n" + "int f" + n + "(const S" +
              n + "<" + n + ">& s) { return s.sum(); }\n";
  }
  testing::write_file(folder_ / "program.cpp", source);
  within_the_bar({"/usr/bin/g++", "-O1", "-c", "program.cpp", "-o", "program.o"});
}

TEST_F(Programs, ShellPipeline) {
  write_lines("lines", 5'000);
  within_the_bar({"/bin/sh", "-c", "sort lines | grep -c 7 | cat; ls / | wc -l; (ls; true) >o"});
}

}  // namespace
}  // namespace pw::truth
