// Finds the blocks of a recording file, whatever state the file is in.
//
// With an intact end the index names every block. Without, or to check everything, the file is
// walked from block to block; where a block does not hold, the walk goes on at the next place that
// has a block's magic number and a header with the right checksum.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "record/byte_source.hpp"
#include "record/format.hpp"
#include "record/recording.hpp"

namespace pw::record {

struct BlockRef {
  std::uint64_t offset = 0;  // of its header
  BlockHeader header;
};

struct BlockList {
  FileHeader header;
  bool header_found = false;     // in the head of the file, or its copy in the summary
  bool complete = false;         // ends as a finished recording does
  std::vector<BlockRef> blocks;  // without those of the index, in file order
  std::vector<Loss> losses;
};

// Errors: Invalid (not a recording, or of a later version), Io.
Result<BlockList> find_blocks(const ByteSource& source, Recording::Verify verify);

// Reads and unpacks a block into `unpacked` (kVarintPadding bytes longer than what is returned),
// using `packed` as working memory. Error: Io, with its place in the file.
Result<std::string_view> read_block(const ByteSource& source, const BlockRef& block,
                                    std::string& packed, std::string& unpacked);

}  // namespace pw::record
