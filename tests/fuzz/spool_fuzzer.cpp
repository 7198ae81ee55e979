// Any bytes as a spool file: its frames are read, and converted into a recording that opens again.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include "record/spool_converter.hpp"

namespace {

using namespace pw::record;

// One folder for the whole run, in memory where there is such a place.
class Folder {
 public:
  Folder() : path_(std::filesystem::exists("/dev/shm") ? "/dev/shm/" : "/tmp/") {
    path_ += "pw-fuzz-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
    std::filesystem::create_directory(spools());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string spools() const { return path_ + "/spools"; }
  std::string output() const { return path_ + "/out.pwrec"; }

 private:
  std::string path_;
};

void convert(std::string_view bytes) {
  static const Folder folder;
  const std::string spools = folder.spools();
  const std::string output = folder.output();
  std::ofstream(spools + "/1.spool", std::ios::binary) << bytes;
  auto info = SpoolConverter::inspect(spools);
  if (!info) return;
  auto writer = Writer::create(output, *info, {.replace = true});
  if (!writer) std::abort();
  SpoolConverter converter(spools, *writer, *info, {});
  if (!converter.poll() || !converter.finish() || !writer->finish(0)) std::abort();
  auto recording = Recording::open(output);
  if (!recording) std::abort();
  Chunk chunk;
  for (std::size_t i = 0; i < recording->chunks().size(); ++i) {
    if (!recording->decode(i, chunk)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  convert(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
