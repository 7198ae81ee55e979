// Any bytes as the events of a chunk, past the checksums that guard them in a file. The first byte
// chooses the filter's size and whether it is a spool's payload.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "record/payload.hpp"
#include "record/varint.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pw::record;
  if (size == 0) return 0;
  constexpr std::uint32_t kFilters[] = {0, 1, 2, 64};
  std::uint32_t filter_pages = kFilters[data[0] & 3];
  std::vector<StackAddresses> stacks;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::size_t length = bytes.size();
  bytes.append(kVarintPadding, '\0');
  PayloadDecoder decoder(filter_pages, (data[0] & 4) != 0 ? &stacks : nullptr);
  Chunk chunk;
  PayloadStart start{1'000'000, 0, 0};
  auto decoded = decoder.decode(std::string_view(bytes).substr(0, length), start, chunk);
  if (chunk.events.size() > length) std::abort();
  if (!decoded) return 0;
  // What was decoded can be encoded, unless a page is twice in the filter; then it decodes to as
  // many events.
  chunk.info.clock = start.clock;
  std::vector<std::uint32_t> images(256);
  auto again = encode_payload(chunk, filter_pages, images);
  if (!again) return 0;
  Chunk copy;
  length = again->size();
  again->append(kVarintPadding, '\0');
  PayloadDecoder second(filter_pages);
  if (!second.decode(std::string_view(*again).substr(0, length), start, copy)) std::abort();
  if (copy.events.size() != chunk.events.size()) std::abort();
  return 0;
}
