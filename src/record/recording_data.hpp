// What a Recording keeps in memory, and how it is gathered from the blocks of a file. Inside
// src/record only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "record/block_walk.hpp"
#include "record/byte_source.hpp"
#include "record/recording.hpp"
#include "record/sections.hpp"

namespace pw::record {

// Entries numbered through the blocks of a file, of which some may be lost.
template <class Entry>
class NumberedTable {
 public:
  // Keeps what was added first where numbers overlap, which only a forged file has.
  void add(std::uint32_t first, std::vector<Entry> entries) {
    batches_.emplace(first, std::move(entries));
  }
  const Entry* find(std::uint32_t number) const {
    auto after = batches_.upper_bound(number);
    if (after == batches_.begin()) return nullptr;
    const auto& [first, entries] = *std::prev(after);
    return number - first < entries.size() ? &entries[number - first] : nullptr;
  }
  std::uint32_t end() const {
    if (batches_.empty()) return 0;
    const auto& [first, entries] = *batches_.rbegin();
    return first + static_cast<std::uint32_t>(entries.size());
  }

 private:
  std::map<std::uint32_t, std::vector<Entry>> batches_;
};

struct RecordingData {
  explicit RecordingData(ByteSource bytes) : source(std::move(bytes)) {}

  ByteSource source;
  RecordingInfo info;
  std::vector<ProcessInfo> processes;
  std::vector<ChunkInfo> chunks;
  std::vector<BlockRef> chunk_blocks;  // of `chunks`
  // By their filter's pages; each has a part for each of `chunks`.
  std::map<std::uint32_t, std::vector<BlockRef>> overviews;
  std::optional<std::vector<WaitEnd>> wait_ends;  // by pid and time
  std::vector<Loss> losses;
  std::uint64_t references = 0;
  std::map<std::uint32_t, BlockRef> areas;  // Image and Maps blocks by number
  NumberedTable<Module> modules;
  NumberedTable<FileInfo> files;
  NumberedTable<StackFrames> stacks;
  std::map<StackFrame, Symbol> symbols;

  Result<void> load(Recording::Verify verify);
  Result<Image> image(std::uint32_t number) const;
};

// Fills chunks (in replay order, gaps marked), chunk_blocks and processes from what `blocks` say of
// them.
void arrange_chunks(const std::vector<BlockRef>& blocks, RecordingData& data);

}  // namespace pw::record
