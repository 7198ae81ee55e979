// An overview that a file has, chunk by chunk. Most of its parts go on with the filter of the part
// before, so that is decoded first, unless it was decoded last.
//
// Owned by the Recording that is the overview. Safe to use from several threads; cheap if each
// stream's chunks are asked for in their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "record/payload.hpp"
#include "record/recording_data.hpp"

namespace pw::record {

// Decodes the payload of a block, of which out.info tells. Error: Io with the byte offset in the
// message.
Result<void> decode_block(PayloadDecoder& decoder, std::string_view payload, const BlockRef& block,
                          Chunk& out, bool continues = false);

class OverviewReader {
 public:
  // `chunks`: what is told of the overview's.
  OverviewReader(const RecordingData& data, std::uint32_t filter_pages,
                 const std::vector<ChunkInfo>& chunks);

  // Fills `out`, whose info is there already. Images are numbered as in the file.
  Result<void> decode(std::size_t index, Chunk& out);

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};
  struct Stream {
    explicit Stream(std::uint32_t filter_pages) : decoder(filter_pages) {}
    PayloadDecoder decoder;
    std::size_t last = kNone;  // chunk that has been decoded
  };
  bool continues(std::size_t index) const;
  Result<void> decode_next(std::size_t index, Stream& stream, Chunk& out) const;

  const RecordingData& data_;
  const std::vector<BlockRef>& parts_;
  const std::vector<ChunkInfo>& chunks_;
  std::vector<std::size_t> before_;  // by chunk: the one before it in its stream, or kNone
  std::mutex mutex_;                 // of what follows
  std::map<std::pair<std::uint32_t, std::uint32_t>, Stream> streams_;  // by pid and stream
  Chunk passed_;
};

}  // namespace pw::record
