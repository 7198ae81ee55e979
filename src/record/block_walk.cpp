#include "record/block_walk.hpp"

#include <zstd.h>

#include <algorithm>

#include "record/checksum.hpp"
#include "record/varint.hpp"

namespace pw::record {

namespace {

constexpr std::size_t kWindowBytes = std::size_t{256} << 10;

std::string describe(const BlockHeader& header) {
  switch (header.type) {
    case BlockType::Chunk:
      return std::to_string(header.count) + " events of process " + std::to_string(header.pid) +
             " (references " + std::to_string(header.clock) + " to " +
             std::to_string(header.end_clock) + ")";
    case BlockType::Info:
      return "the command line";
    case BlockType::Process:
      return "the start of process " + std::to_string(header.pid);
    case BlockType::Image:
      return "a command of process " + std::to_string(header.pid);
    case BlockType::Maps:
      return "a list of areas of process " + std::to_string(header.pid);
    case BlockType::Modules:
      return "names of modules";
    case BlockType::Stacks:
      return "call stacks";
    case BlockType::Symbols:
      return "function names";
    case BlockType::Notes:
      return "notes of the recorder";
    case BlockType::Summary:
      return "the summary";
    case BlockType::Index:
      return "the index";
    case BlockType::Files:
      return "names of files";
    case BlockType::Contents:
      return "what pages hold";
    case BlockType::Overview:
    case BlockType::Thinned:
      return "a part of the overview";
    case BlockType::WaitEnds:
      return "who ended waits";
  }
  return "a block of unknown type";
}

bool plausible(const BlockHeader& header) {
  bool bounded = header.raw_bytes <= kMaxChunkBytes &&
                 header.stored_bytes <= ZSTD_COMPRESSBOUND(kMaxChunkBytes) &&
                 header.filter_pages <= kMaxFilterPages;
  bool possible = header.type != BlockType::Chunk ||
                  (header.count <= header.raw_bytes && header.clock <= header.end_clock);
  return header.magic == kBlockMagic && sealed(header) && bounded && possible;
}

// A stretch of the file in memory.
class Window {
 public:
  explicit Window(const ByteSource& source) : source_(source) {}

  // Up to `count` bytes at `offset`; fewer at the end of the file. Valid until the next call.
  Result<std::string_view> at(std::uint64_t offset, std::size_t count) {
    if (offset < begin_ || offset + count > begin_ + filled_) {
      begin_ = offset;
      std::uint64_t left = source_.size() - std::min(source_.size(), offset);
      buffer_.resize(
          static_cast<std::size_t>(std::min<std::uint64_t>(left, std::max(kWindowBytes, count))));
      filled_ = 0;
      auto got = source_.read(offset, buffer_.data(), buffer_.size());
      if (!got) return tl::unexpected(got.error());
      filled_ = *got;
    }
    std::string_view all(buffer_.data(), filled_);
    return all.substr(static_cast<std::size_t>(offset - begin_), count);
  }

 private:
  const ByteSource& source_;
  std::string buffer_;
  std::uint64_t begin_ = 0;
  std::size_t filled_ = 0;
};

class Finder {
 public:
  Finder(const ByteSource& source, Recording::Verify verify)
      : source_(source), window_(source), verify_(verify) {}

  Result<BlockList> run() {
    PW_TRY(read_header());
    PW_TRY(read_end());
    if (verify_ == Recording::Verify::Index && !index_.empty() && list_.header_found) {
      list_.complete = true;
      for (const IndexEntry& entry : index_) list_.blocks.push_back({entry.offset, entry.header});
    } else {
      PW_TRY(walk());
    }
    PW_TRY(read_summary());
    return std::move(list_);
  }

 private:
  void lose(std::uint64_t offset, std::string what) {
    list_.losses.push_back({offset, std::move(what)});
  }

  Result<void> read_header() {
    auto bytes = window_.at(0, sizeof(FileHeader));
    if (!bytes) return tl::unexpected(bytes.error());
    if (bytes->size() == sizeof(FileHeader)) {
      list_.header = structure_at<FileHeader>(bytes->data());
      list_.header_found = list_.header.magic == kFileMagic && sealed(list_.header);
    }
    if (!list_.header_found) return {};
    start_ = std::max<std::uint64_t>(sizeof(FileHeader), list_.header.header_bytes);
    return check_version();
  }

  Result<void> check_version() const {
    if (list_.header.version <= kFormatVersion) return {};
    return fail(Errno::Invalid, "the recording has format version " +
                                    std::to_string(list_.header.version) +
                                    ", newer than this program knows; update Pagewright");
  }

  // Trailer and index, if they hold.
  Result<void> read_end() {
    if (source_.size() < sizeof(Trailer)) return {};
    std::uint64_t at = source_.size() - sizeof(Trailer);
    auto bytes = window_.at(at, sizeof(Trailer));
    if (!bytes) return tl::unexpected(bytes.error());
    if (bytes->size() < sizeof(Trailer)) return {};
    trailer_ = structure_at<Trailer>(bytes->data());
    if (trailer_.magic != kTrailerMagic || !sealed(trailer_)) return {};
    end_ = at;
    std::uint64_t offset = trailer_.index_offset;
    std::string packed;
    std::string unpacked;
    while (offset < at) {
      auto header = header_at(offset);
      if (!header) return tl::unexpected(header.error());
      if (!plausible(*header) || header->type != BlockType::Index) break;
      auto entries = read_block(source_, {offset, *header}, packed, unpacked);
      if (!entries || entries->size() % sizeof(IndexEntry) != 0) break;
      for (std::size_t i = 0; i < entries->size(); i += sizeof(IndexEntry)) {
        auto entry = structure_at<IndexEntry>(entries->data() + i);
        if (plausible(entry.header) && fits(entry)) index_.push_back(entry);
      }
      offset += sizeof(BlockHeader) + header->stored_bytes;
    }
    if (index_.size() != trailer_.blocks || offset != at) index_.clear();
    return {};
  }

  bool fits(const IndexEntry& entry) const {
    return entry.offset < end_ &&
           end_ - entry.offset >= sizeof(BlockHeader) + entry.header.stored_bytes;
  }

  // All zero where the file ends before a whole header.
  Result<BlockHeader> header_at(std::uint64_t offset) {
    auto bytes = window_.at(offset, sizeof(BlockHeader));
    if (!bytes) return tl::unexpected(bytes.error());
    BlockHeader header;
    header.magic = 0;
    if (bytes->size() == sizeof(BlockHeader)) header = structure_at<BlockHeader>(bytes->data());
    return header;
  }

  Result<void> walk() {
    std::uint64_t offset = list_.header_found ? start_ : 0;
    std::uint64_t damage = kNone;  // where the damage begins that the walk is in
    while (offset < end_) {
      auto header = header_at(offset);
      if (!header) return tl::unexpected(header.error());
      bool known = plausible(*header);
      bool whole = false;
      if (known) {
        auto payload = window_.at(offset + sizeof(BlockHeader), header->stored_bytes);
        if (!payload) return tl::unexpected(payload.error());
        whole = payload->size() == header->stored_bytes &&
                checksum(*payload) == header->payload_checksum;
      }
      if (whole) {
        if (damage != kNone) note_damage(damage, offset);
        damage = kNone;
        if (header->type != BlockType::Index) list_.blocks.push_back({offset, *header});
        offset += sizeof(BlockHeader) + header->stored_bytes;
        continue;
      }
      if (damage == kNone) damage = offset;
      if (known) lose(offset, "damaged: " + describe(*header));
      auto next = next_magic(offset + 1);
      if (!next) return tl::unexpected(next.error());
      offset = *next;
    }
    if (damage != kNone) note_damage(damage, end_);
    note_end();
    return {};
  }

  Result<std::uint64_t> next_magic(std::uint64_t offset) {
    const BlockHeader pattern;
    std::string_view magic(reinterpret_cast<const char*>(&pattern.magic), sizeof pattern.magic);
    while (offset < end_) {
      auto bytes = window_.at(offset, kWindowBytes);
      if (!bytes) return tl::unexpected(bytes.error());
      std::size_t found = bytes->find(magic);
      if (found != std::string_view::npos) return offset + found;
      if (bytes->size() < kWindowBytes) break;
      offset += kWindowBytes - magic.size() + 1;
    }
    return end_;
  }

  // Says what lay in [begin, end): the index knows, else the bytes are counted.
  void note_damage(std::uint64_t begin, std::uint64_t end) {
    bool named = !list_.losses.empty() && list_.losses.back().offset >= begin;
    for (const IndexEntry& entry : index_) {
      if (entry.offset < begin || entry.offset >= end) continue;
      if (!std::any_of(list_.losses.begin(), list_.losses.end(),
                       [&](const Loss& loss) { return loss.offset == entry.offset; })) {
        lose(entry.offset, "damaged: " + describe(entry.header));
      }
      named = true;
    }
    if (named) return;
    if (begin == 0 && end == sizeof(FileHeader)) {
      lose(begin, "the file's header is damaged");
      return;
    }
    lose(begin, std::to_string(end - begin) + " bytes are unreadable");
  }

  void note_end() {
    if (end_ == source_.size() || trailer_.magic != kTrailerMagic) {
      lose(source_.size(), "the end is missing: the recording was cut short");
    } else if (index_.size() != trailer_.blocks) {
      lose(trailer_.index_offset, "the index is damaged");
    } else {
      list_.complete = true;
    }
  }

  // The summary repeats the file's header.
  Result<void> read_summary() {
    if (list_.header_found) return {};
    std::string packed;
    std::string unpacked;
    for (const BlockRef& block : list_.blocks) {
      if (block.header.type != BlockType::Summary) continue;
      auto bytes = read_block(source_, block, packed, unpacked);
      if (!bytes || bytes->size() < sizeof(FileHeader)) continue;
      list_.header = structure_at<FileHeader>(bytes->data());
      list_.header_found = list_.header.magic == kFileMagic && sealed(list_.header);
      return check_version();
    }
    return {};
  }

  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  const ByteSource& source_;
  Window window_;
  Recording::Verify verify_;
  BlockList list_;
  std::uint64_t start_ = sizeof(FileHeader);
  std::uint64_t end_ = source_.size();  // of the blocks
  Trailer trailer_{.magic = 0};
  std::vector<IndexEntry> index_;
};

}  // namespace

Result<BlockList> find_blocks(const ByteSource& source, Recording::Verify verify) {
  return Finder(source, verify).run();
}

Result<std::string_view> read_block(const ByteSource& source, const BlockRef& block,
                                    std::string& packed, std::string& unpacked) {
  const BlockHeader& header = block.header;
  std::string place = " of the block at byte " + std::to_string(block.offset);
  if (packed.size() < header.stored_bytes) packed.resize(header.stored_bytes);
  auto got = source.read(block.offset + sizeof(BlockHeader), packed.data(), header.stored_bytes);
  if (!got) return tl::unexpected(got.error());
  if (*got != header.stored_bytes) return fail(Errno::Io, "the file ends within" + place.substr(3));
  std::string_view stored(packed.data(), header.stored_bytes);
  if (checksum(stored) != header.payload_checksum) {
    return fail(Errno::Io, "wrong checksum" + place);
  }
  // Before any memory is taken for it: a frame says how much it unpacks to.
  if (ZSTD_getFrameContentSize(stored.data(), stored.size()) != header.raw_bytes) {
    return fail(Errno::Io, "wrong length" + place);
  }
  std::size_t needed = std::size_t{header.raw_bytes} + kVarintPadding;
  if (unpacked.size() < needed) unpacked.resize(needed);
  std::size_t n = ZSTD_decompress(unpacked.data(), header.raw_bytes, stored.data(), stored.size());
  if (ZSTD_isError(n) != 0 || n != header.raw_bytes) {
    return fail(Errno::Io, "wrong length" + place);
  }
  return std::string_view(unpacked.data(), n);
}

}  // namespace pw::record
