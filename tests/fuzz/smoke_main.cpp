// Plays a fuzz target without libFuzzer, so that every compiler and every ./test run exercises it:
// each input of the corpus as it is, then seeded mutations of them. Same seed, same inputs.
//   NAME_fuzzer [-runs=N] [-seed=N] [FILE_OR_FOLDER...]
// A crash is reproduced by the same command line; real campaigns use the preset `fuzz`.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr std::size_t kLargestInput = 4096;  // of the mutated ones

void read_inputs(const std::filesystem::path& path, std::vector<Bytes>& corpus) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::directory_iterator(path)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());  // the order of a folder differs between file systems
  } else {
    files.push_back(path);
  }
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
}

void mutate(Bytes& input, pw::Random& random) {
  const auto changes = 1 + random.below(8);
  for (std::uint64_t i = 0; i < changes; ++i) {
    const auto byte = static_cast<std::uint8_t>(random.next());
    const auto at = static_cast<std::ptrdiff_t>(random.below(input.size() + 1));
    const auto left = static_cast<std::uint64_t>(input.end() - (input.begin() + at));
    switch (random.below(4)) {
      case 0:
        if (left != 0) input[static_cast<std::size_t>(at)] = byte;
        break;
      case 1:
        input.insert(input.begin() + at, 1 + random.below(8), byte);
        break;
      case 2:
        input.erase(input.begin() + at,
                    input.begin() + at + static_cast<std::ptrdiff_t>(random.below(left + 1)));
        break;
      default:  // a bit
        if (left != 0)
          input[static_cast<std::size_t>(at)] ^= static_cast<std::uint8_t>(1U << (byte % 8));
    }
  }
  if (input.size() > kLargestInput) input.resize(kLargestInput);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t runs = 10'000;
  std::uint64_t seed = 1;
  std::vector<Bytes> corpus;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("-runs=")) {
      runs = std::strtoull(argv[i] + 6, nullptr, 10);
    } else if (argument.starts_with("-seed=")) {
      seed = std::strtoull(argv[i] + 6, nullptr, 10);
    } else {
      read_inputs(argument, corpus);
    }
  }
  corpus.emplace_back();  // the empty input
  for (const auto& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());
  pw::Random random(seed);
  for (std::uint64_t run = 0; run < runs; ++run) {
    Bytes input = corpus[random.below(corpus.size())];
    mutate(input, random);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu inputs of the corpus and %llu mutations of them, seed %llu: no failure\n",
              corpus.size(), static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(seed));
  return 0;
}
