#include "analysis/formats/oracle_general.hpp"

#include "base/random.hpp"
#include "unit/formats/trace_text.hpp"

namespace pw::analysis::testing {
namespace {

constexpr std::size_t kRecord = 24;

// Names of all sizes: small ones, dense blocks, and 64-bit ones that share their low bits.
Names random_names(Random& random, std::size_t count) {
  Names names;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t page = random.below(100);
    const std::uint64_t bases[] = {0, 5000, (1ULL << 30) - 50, 1ULL << 47, ~std::uint64_t{0} - 100};
    names.push_back(bases[random.below(5)] + page);
  }
  return names;
}

// By the definition: the first record (from 1) that no reader can believe, 0: none.
std::size_t naive_contradiction(const std::string& bytes) {
  const std::size_t count = bytes.size() / kRecord;
  const auto next = [&](std::size_t i) { return OracleRecord{bytes.data() + i * kRecord}.next(); };
  const auto id = [&](std::size_t i) { return OracleRecord{bytes.data() + i * kRecord}.id(); };
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = static_cast<std::int64_t>(i) + 1;
    if (next(i) != -1 && next(i) <= number) return i + 1;
    for (std::size_t j = i; j-- > 0;) {
      if (id(j) != id(i)) continue;
      if (next(j) != number) return i + 1;
      break;
    }
  }
  // The first that somebody waits for in vain.
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bool last = true;
    for (std::size_t j = i + 1; j < count; ++j) last = last && id(j) != id(i);
    const std::int64_t awaited = next(i);
    if (!last || awaited == -1 || awaited > static_cast<std::int64_t>(count)) continue;
    if (wrong == 0 || awaited < static_cast<std::int64_t>(wrong)) {
      wrong = static_cast<std::size_t>(awaited);
    }
  }
  return wrong;
}

std::string place(std::size_t record) {
  return "byte " + std::to_string((record - 1) * kRecord) + " (record " + std::to_string(record) +
         "): ";
}

TEST(OracleGeneral, ReadsWhatItsDefinitionSays) {
  Random random(1);
  for (int round = 0; round < 60; ++round) {
    const Names names = random_names(random, 1 + random.below(2000));
    for (const std::int64_t never : {std::int64_t{-1}, INT64_MAX}) {
      const std::string bytes = oracle_file(names, never);
      EXPECT_EQ(read_names(bytes), names);
      EXPECT_EQ(read_names(bytes, "oracle", 1 + random.below(100)), names);
      EXPECT_EQ(read_names(zstd_frame(bytes)), names);
    }
  }
}

TEST(OracleGeneral, ACutFileNamesTheRecordThatIsCut) {
  const Names names = {7, 8, 7, 9, 8};
  const std::string bytes = oracle_file(names);
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    const std::string cut = bytes.substr(0, size);
    const std::size_t whole = size / kRecord;
    if (size % kRecord == 0) {  // the beginning of a longer trace
      EXPECT_EQ(read_names(cut, "oracle", 7),
                Names(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(whole)));
      continue;
    }
    EXPECT_EQ(error_of(cut, "oracle", 7), place(whole + 1) + "is cut: the input ends after " +
                                              std::to_string(size % kRecord) + " of its 24 bytes");
  }
}

TEST(OracleGeneral, NamesTheRecordThatContradictsTheIds) {
  Random random(2);
  int found = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = oracle_file(random_names(random, 1 + random.below(30)));
    const std::size_t at = random.below(bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
    if (random.chance(2)) {  // a next reference that is near
      const std::size_t record = random.below(bytes.size() / kRecord);
      const auto next = static_cast<std::int64_t>(random.below(40)) - 2;
      std::memcpy(bytes.data() + record * kRecord + 16, &next, sizeof next);
    }
    const std::size_t wrong = naive_contradiction(bytes);
    const Result<PageTrace> trace = trace_of_bytes(bytes, "oracle", 24 + random.below(50));
    ASSERT_EQ(trace.has_value(), wrong == 0) << "round " << round;
    if (wrong == 0) continue;
    ++found;
    ASSERT_EQ(trace.error().message.substr(0, place(wrong).size()), place(wrong));
    EXPECT_TRUE(trace_of_bytes(bytes, "oracle:next=ignore"));
  }
  EXPECT_GT(found, 1000);
}

TEST(OracleGeneral, SaysWhatIsContradictory) {
  std::string bytes = oracle_file({1, 2, 1});
  const auto with_next = [&bytes](std::size_t record, std::int64_t next) {
    std::string changed = bytes;
    std::memcpy(changed.data() + record * kRecord + 16, &next, sizeof next);
    return error_of(changed, "oracle");
  };
  const std::string remedy =
      "; if this is an oracleGeneral trace without next references, read it with '--format "
      "oracle:next=ignore'";
  EXPECT_EQ(with_next(1, 2),
            "byte 24 (record 2): says that its id comes next in record 2, which "
            "is not after it" +
                remedy);
  EXPECT_EQ(with_next(0, -1),
            "byte 48 (record 3): has an id of which an earlier record said that "
            "it comes no more" +
                remedy);
  EXPECT_EQ(with_next(0, 2),
            "byte 48 (record 3): has an id that, by an earlier record, comes next "
            "in record 2" +
                remedy);
  EXPECT_EQ(with_next(1, 3),
            "byte 48 (record 3): does not have the id 2, which by an earlier record comes next "
            "in it" +
                remedy);
}

TEST(OracleGeneral, DamagedCompressionIsAnErrorWithItsPlace) {
  Random random(3);
  const std::string bytes = oracle_file(random_names(random, 200));
  const std::string packed = zstd_frame(bytes);
  for (std::size_t size = 4; size < packed.size(); ++size) {
    EXPECT_EQ(error_of(packed.substr(0, size)), "the compressed file is cut: it ends at byte " +
                                                    std::to_string(size) +
                                                    ", within a Zstandard frame");
  }
  EXPECT_EQ(read_names(packed + zstd_frame("")).size(), 200U);
  const std::string tail = error_of(packed + "tail!");
  EXPECT_EQ(tail.substr(0, 44), "damaged Zstandard data at or before byte " +
                                    std::to_string(packed.size()).substr(0, 3));
}

TEST(OracleGeneral, ExportIsReadBackAndIsTheFileByDefinition) {
  Random random(4);
  for (std::uint64_t round = 0; round < 50; ++round) {
    const Names names = random_names(random, 1 + random.below(10'000 / (round + 1)));
    const Result<PageTrace> trace = trace_of_bytes(oracle_file(names));
    ASSERT_TRUE(trace);
    std::string bytes;
    ASSERT_TRUE(export_oracle_general(*trace, 4096, [&bytes](std::string_view piece) {
      bytes += piece;
      return Result<void>();
    }));
    std::string expected = oracle_file(names);
    for (std::size_t i = 0; i < expected.size(); i += kRecord) std::memset(&expected[i], 0, 4);
    EXPECT_EQ(bytes, expected);
  }
}

TEST(OracleGeneral, ExportStopsAtTheFirstError) {
  PageTrace trace;
  trace.pages.assign(10'000, 0);
  trace.ids = 1;
  int calls = 0;
  const Result<void> result = export_oracle_general(trace, 1, [&calls](std::string_view) {
    ++calls;
    return Result<void>(fail(Errno::NoSpace, "full"));
  });
  EXPECT_EQ(result.error().message, "full");
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace pw::analysis::testing
