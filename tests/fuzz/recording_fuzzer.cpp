// Any bytes as a recording: opening, decoding everything and asking everything neither crashes nor
// allocates without bound. Each input is tried as it is, and once more with its checksums put
// right, since hardly any mutation would get past them.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "record/checksum.hpp"
#include "record/format.hpp"
#include "record/recording.hpp"

namespace {

using namespace pw::record;

void decode_all(const Recording& recording) {
  Chunk chunk;
  for (std::size_t i = 0; i < recording.chunks().size(); ++i) {
    (void)recording.decode(i, chunk);
    (void)recording.maps_before(i);
  }
}

void read_all(std::string_view bytes) {
  auto recording = Recording::from_bytes(bytes);
  if (!recording) return;
  decode_all(*recording);
  for (const std::uint32_t pages :
       {recording->overview_pages(300), recording->overview_pages(), 300U}) {
    const auto thin = recording->thinned(pages);
    if (thin) decode_all(*thin);
  }
  const std::uint32_t files = recording->file_count() < 1000 ? recording->file_count() : 1000;
  for (std::uint32_t i = 0; i < files; ++i) (void)recording->file(i);
  std::uint32_t stacks = recording->stack_count() < 1000 ? recording->stack_count() : 1000;
  for (std::uint32_t i = 0; i < stacks; ++i) (void)recording->stack(i);
}

template <class Structure>
void seal_at(std::string& bytes, std::size_t offset) {
  auto structure = structure_at<Structure>(bytes.data() + offset);
  seal(structure);
  std::memcpy(bytes.data() + offset, &structure, sizeof structure);
}

void seal_all(std::string& bytes) {
  const BlockHeader pattern;
  std::string_view magic(reinterpret_cast<const char*>(&pattern.magic), sizeof pattern.magic);
  if (bytes.size() >= sizeof(FileHeader)) seal_at<FileHeader>(bytes, 0);
  if (bytes.size() >= sizeof(Trailer)) seal_at<Trailer>(bytes, bytes.size() - sizeof(Trailer));
  for (std::size_t at = bytes.find(magic); at != std::string::npos;
       at = bytes.find(magic, at + 1)) {
    if (bytes.size() - at < sizeof(BlockHeader)) break;
    auto header = structure_at<BlockHeader>(bytes.data() + at);
    std::size_t rest = bytes.size() - at - sizeof header;
    if (header.stored_bytes > rest) header.stored_bytes = static_cast<std::uint32_t>(rest);
    header.payload_checksum = checksum(
        std::string_view(bytes).substr(at + sizeof header, header.stored_bytes));
    std::memcpy(bytes.data() + at, &header, sizeof header);
    seal_at<BlockHeader>(bytes, at);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  read_all(bytes);
  seal_all(bytes);
  read_all(bytes);
  return 0;
}
