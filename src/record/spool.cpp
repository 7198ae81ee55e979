#include "record/spool.hpp"

#include <algorithm>

#include "record/checksum.hpp"
#include "record/format.hpp"
#include "record/varint.hpp"

namespace pw::record {

namespace {

constexpr std::size_t kReadAhead = std::size_t{256} << 10;

static_assert(sizeof(pw_spool_header) == 64);
static_assert(sizeof(pw_frame_header) == 48);
static_assert(PW_MAX_FILTER_PAGES == kMaxFilterPages);
static_assert(PW_MAX_FRAME_BYTES <= kMaxChunkBytes);

bool plausible(const pw_frame_header& header) {
  return header.magic == PW_FRAME_MAGIC && header.type >= 1 && header.type < 256 &&
         header.length <= PW_MAX_FRAME_BYTES;
}

}  // namespace

Result<std::optional<pw_spool_header>> SpoolReader::header() {
  PW_TRY(source_.refresh());
  if (source_.size() < sizeof(pw_spool_header)) return std::nullopt;
  auto bytes = bytes_at(0, sizeof(pw_spool_header));
  if (!bytes) return tl::unexpected(bytes.error());
  if (bytes->size() < sizeof(pw_spool_header)) return std::nullopt;
  auto header = structure_at<pw_spool_header>(bytes->data());
  if (header.magic != PW_SPOOL_MAGIC) return fail(Errno::Invalid, "not a spool file");
  if (header.version == 0 || header.version > PW_SPOOL_VERSION || header.detail < PW_DETAIL_PAGES ||
      header.detail > PW_DETAIL_FULL || header.k > PW_MAX_FILTER_PAGES || header.pid <= 0) {
    return fail(Errno::Invalid, "a spool of another version, or damaged");
  }
  return header;
}

// Up to `count` bytes, and padding behind them.
Result<std::string_view> SpoolReader::bytes_at(std::uint64_t offset, std::size_t count) {
  if (offset < buffer_begin_ || offset + count > buffer_begin_ + buffered_) {
    buffer_begin_ = offset;
    buffered_ = 0;
    buffer_.resize(std::max(count, kReadAhead) + kVarintPadding);
    auto got = source_.read(offset, buffer_.data(), buffer_.size() - kVarintPadding);
    if (!got) return tl::unexpected(got.error());
    buffered_ = *got;
  }
  return std::string_view(buffer_.data(), buffered_)
      .substr(static_cast<std::size_t>(offset - buffer_begin_), count);
}

Result<std::optional<SpoolFrame>> SpoolReader::next(bool at_end) {
  PW_TRY(source_.refresh());
  for (;;) {
    auto bytes = bytes_at(position_, sizeof(pw_frame_header));
    if (!bytes) return tl::unexpected(bytes.error());
    if (bytes->size() < sizeof(pw_frame_header)) {
      if (at_end && !bytes->empty()) {
        losses_.push_back("cut short: " + std::to_string(bytes->size()) + " bytes at the end");
        position_ += bytes->size();
      }
      return std::nullopt;
    }
    auto header = structure_at<pw_frame_header>(bytes->data());
    if (plausible(header)) {
      auto payload = bytes_at(position_ + sizeof header, header.length);
      if (!payload) return tl::unexpected(payload.error());
      if (payload->size() == header.length) {
        position_ += sizeof header + header.length;
        return SpoolFrame{header, *payload};
      }
      if (!at_end) return std::nullopt;
    }
    auto found = skip_to_frame(position_ + 1, at_end);
    if (!found) return tl::unexpected(found.error());
    if (!*found) return std::nullopt;
  }
}

// Moves to the next place that looks like a frame. False: there is none; all is passed over if at
// the end.
Result<bool> SpoolReader::skip_to_frame(std::uint64_t from, bool at_end) {
  const unsigned pattern = PW_FRAME_MAGIC;
  std::string_view magic(reinterpret_cast<const char*>(&pattern), sizeof pattern);
  std::uint64_t offset = from;
  bool found = false;
  while (!found && offset < source_.size()) {
    auto bytes = bytes_at(offset, kReadAhead);
    if (!bytes) return tl::unexpected(bytes.error());
    std::size_t place = bytes->find(magic);
    if (place != std::string_view::npos) {
      offset += place;
      auto header = bytes_at(offset, sizeof(pw_frame_header));
      if (!header) return tl::unexpected(header.error());
      found = header->size() == sizeof(pw_frame_header) &&
              plausible(structure_at<pw_frame_header>(header->data()));
      if (!found) ++offset;
    } else {
      offset += bytes->size() < kReadAhead ? bytes->size() : kReadAhead - magic.size() + 1;
    }
  }
  if (!found && !at_end) return false;
  losses_.push_back(std::to_string(offset - position_) + " unreadable bytes at byte " +
                    std::to_string(position_));
  position_ = offset;
  return found;
}

std::vector<std::string> split_command(std::string_view payload) {
  std::vector<std::string> words;
  while (!payload.empty()) {
    std::size_t length = std::min(payload.find('\0'), payload.size());
    words.emplace_back(payload.substr(0, length));
    payload.remove_prefix(std::min(length + 1, payload.size()));
  }
  return words;
}

}  // namespace pw::record
