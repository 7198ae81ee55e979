// Reads one spool file, frame by frame, while a recorder may still be writing it.
// recorder/common/encoding.h gives the bytes.
//
// A kill cuts a spool anywhere, and a disk may have lost parts of it: what is no frame is passed
// over up to the next that is, and told. Memory is bounded by the longest frame.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "record/byte_source.hpp"
#include "recorder/common/encoding.h"

namespace pw::record {

struct SpoolFrame {
  pw_frame_header header;
  std::string_view payload;  // kVarintPadding readable bytes follow; valid until the next frame is
                             // read
};

class SpoolReader {
 public:
  explicit SpoolReader(ByteSource source) : source_(std::move(source)) {}

  // The file's header; nothing while it is not written whole. Error: Invalid (no spool, or of
  // another version).
  Result<std::optional<pw_spool_header>> header();

  // The next whole frame; nothing when none is there (yet). With `at_end` the writer is known to be
  // gone: what is left over then is reported as lost. Error: Io.
  Result<std::optional<SpoolFrame>> next(bool at_end);

  // What was passed over, in words.
  const std::vector<std::string>& losses() const { return losses_; }
  std::uint64_t position() const { return position_; }

 private:
  Result<std::string_view> bytes_at(std::uint64_t offset, std::size_t count);
  Result<bool> skip_to_frame(std::uint64_t from, bool at_end);

  ByteSource source_;
  std::uint64_t position_ = sizeof(pw_spool_header);
  std::string buffer_;  // of the file from buffer_begin_ on, and padding
  std::uint64_t buffer_begin_ = 0;
  std::size_t buffered_ = 0;
  std::vector<std::string> losses_;
};

// The words of a COMMAND frame.
std::vector<std::string> split_command(std::string_view payload);

}  // namespace pw::record
