#include <algorithm>
#include <tuple>
#include <utility>

#include "record/recording_data.hpp"

namespace pw::record {

namespace {

Recorder recorder_of(std::uint8_t value) {
  return value >= 1 && value <= 3 ? static_cast<Recorder>(value) : Recorder::Imported;
}
Detail detail_of(std::uint8_t value) {
  return value >= 1 && value <= 3 ? static_cast<Detail>(value) : Detail::Pages;
}

// A forged figure must not make a prediction absurd.
void add_contents(const BlockHeader& block, Contents& all) {
  constexpr std::uint64_t kMostPages = 1ULL << 48, kMostEffort = 4 * kPageSize;
  const std::uint64_t pages = std::min(block.count, kMostPages);
  all.pages = std::min(all.pages + pages, kMostPages);
  all.effort = std::min(all.effort + std::min(block.clock, pages * kMostEffort),
                        all.pages * kMostEffort);
  all.copied = std::min(all.copied + std::min(block.end_clock, pages * kPageSize),
                        all.pages * kPageSize);
}

// Reads the side tables, never more than kMaxSideBytes of them.
class TableLoader {
 public:
  explicit TableLoader(RecordingData& data) : data_(data) {}

  void load(const BlockRef& block) {
    const BlockHeader& header = block.header;
    if (header.type != BlockType::Info && header.type != BlockType::Modules &&
        header.type != BlockType::Stacks && header.type != BlockType::Symbols &&
        header.type != BlockType::Files && header.type != BlockType::Notes &&
        header.type != BlockType::WaitEnds) {
      return;
    }
    used_ += header.raw_bytes;
    if (used_ > kMaxSideBytes) {
      lose(block, "too many names and stacks");
      return;
    }
    auto bytes = read_block(data_.source, block, packed_, unpacked_);
    if (!bytes) {
      lose(block, bytes.error().message);
      return;
    }
    if (!take(header, *bytes, block)) lose(block, "a table is damaged");
  }

 private:
  void lose(const BlockRef& block, std::string what) {
    data_.losses.push_back({block.offset, std::move(what)});
  }

  bool take(const BlockHeader& header, std::string_view bytes, const BlockRef& block) {
    bool whole = true;
    if (header.type == BlockType::Info) {
      whole = decode_strings(bytes, data_.info.command);
    } else if (header.type == BlockType::Notes) {
      lose(block, "while recording: " + std::string(bytes));
    } else if (header.type == BlockType::Modules) {
      std::vector<Module> modules;
      whole = decode_modules(bytes, modules);
      data_.modules.add(header.sequence, std::move(modules));
    } else if (header.type == BlockType::Files) {
      std::vector<FileInfo> files;
      whole = decode_files(bytes, files);
      data_.files.add(header.sequence, std::move(files));
    } else if (header.type == BlockType::WaitEnds) {
      if (!data_.wait_ends) data_.wait_ends.emplace();
      whole = decode_wait_ends(bytes, *data_.wait_ends);
    } else if (header.type == BlockType::Stacks) {
      std::vector<StackFrames> stacks;
      whole = decode_stacks(bytes, stacks);
      data_.stacks.add(header.sequence, std::move(stacks));
    } else {
      std::vector<ModuleSymbol> symbols;
      whole = decode_symbols(bytes, symbols);
      for (ModuleSymbol& entry : symbols) {
        data_.symbols.emplace(entry.frame, std::move(entry.symbol));
      }
    }
    return whole;
  }

  RecordingData& data_;
  std::size_t used_ = 0;
  std::string packed_;
  std::string unpacked_;
};

}  // namespace

Result<Image> RecordingData::image(std::uint32_t number) const {
  auto found = areas.find(number);
  if (found == areas.end()) return fail(Errno::NoEntry, "the list of areas is lost");
  std::string packed;
  std::string unpacked;
  auto bytes = read_block(source, found->second, packed, unpacked);
  if (!bytes) return tl::unexpected(bytes.error());
  Image image;
  bool whole = found->second.header.type == BlockType::Image ? decode_image(*bytes, image)
                                                             : decode_maps(*bytes, image.maps);
  if (!whole) return fail(Errno::Io, "the list of areas is damaged");
  return image;
}

Result<void> RecordingData::load(Recording::Verify verify) {
  auto found = find_blocks(source, verify);
  if (!found) return tl::unexpected(found.error());
  const std::vector<BlockRef>& blocks = found->blocks;
  bool chunks_found = std::any_of(blocks.begin(), blocks.end(), [](const BlockRef& block) {
    return block.header.type == BlockType::Chunk;
  });
  if (!found->header_found && blocks.empty()) return fail(Errno::Invalid, "not a recording");
  if (!chunks_found && !found->complete) {
    return fail(Errno::Invalid, "nothing readable is left in this recording");
  }

  losses = std::move(found->losses);
  FileHeader header = found->header;
  if (!found->header_found) {  // every block repeats what is needed to read it
    const BlockHeader& block = blocks.front().header;
    header = FileHeader{};
    header.recorder = block.recorder;
    header.detail = block.detail;
    header.page_shift = block.page_shift;
    header.filter_pages = block.filter_pages;
  }
  info.version = header.version;
  info.recorder = recorder_of(header.recorder);
  info.detail = detail_of(header.detail);
  info.filter_pages = header.filter_pages;
  info.page_shift = header.page_shift;
  info.environment_hash = header.environment_hash;
  info.wall_start_ns = header.wall_start_ns;
  info.exit_status = header.exit_status;
  info.redacted = (header.flags & kFlagRedacted) != 0;

  TableLoader tables(*this);
  for (const BlockRef& block : blocks) {
    if (block.header.type == BlockType::Image || block.header.type == BlockType::Maps) {
      areas.emplace(block.header.sequence, block);
    }
    if (block.header.type == BlockType::Contents) add_contents(block.header, info.contents);
    tables.load(block);
  }
  if (wait_ends) {
    std::sort(wait_ends->begin(), wait_ends->end(), [](const WaitEnd& a, const WaitEnd& b) {
      return std::tuple(a.pid, a.end_ns, a.wake_ns) < std::tuple(b.pid, b.end_ns, b.wake_ns);
    });
  }
  arrange_chunks(blocks, *this);
  return {};
}

}  // namespace pw::record
