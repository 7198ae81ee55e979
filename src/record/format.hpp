// The bytes of a recording file: header, blocks, trailer. docs/RECORDING.md tells the same in
// prose.
//
// Everything is little-endian and every structure carries its own checksum, so that a reader can
// tell a block from chance bytes wherever it starts to look. The structures are copied, never
// pointed into.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace pw::record {

static_assert(std::endian::native == std::endian::little, "structures are copied as they are");

inline constexpr std::uint64_t kFileMagic = 0x0A0D434552575089ULL;     // 89 "PWREC" 0D 0A
inline constexpr std::uint64_t kBlockMagic = 0x0A0D4B4C42575089ULL;    // 89 "PWBLK" 0D 0A
inline constexpr std::uint64_t kTrailerMagic = 0x0A0D444E45575089ULL;  // 89 "PWEND" 0D 0A
inline constexpr std::uint32_t kFormatVersion = 4;

inline constexpr std::size_t kMaxChunkBytes = std::size_t{4} << 20;  // of any block, unpacked
inline constexpr std::uint32_t kNoAreaList = ~std::uint32_t{0};      // as the number of one
inline constexpr std::uint32_t kMaxFilterPages = 1U << 12;
// Side tables (stacks, names, commands) kept in memory, unpacked, all together.
inline constexpr std::size_t kMaxSideBytes = std::size_t{32} << 20;
inline constexpr std::uint32_t kIndexEntriesPerBlock = 1U << 15;

enum class Exactness : std::uint8_t {
  LruFromFilter = 1,   // LRU of every size >= K, first touches and system calls
  EveryPolicy = 2,     // every change of page: TLBs and every policy
  EveryReference = 3,  // caches too
};

struct FileHeader {
  std::uint64_t magic = kFileMagic;
  std::uint32_t version = kFormatVersion;
  std::uint32_t header_bytes = 64;
  std::uint8_t recorder = 0;
  std::uint8_t detail = 0;
  std::uint8_t exactness = 0;
  std::uint8_t page_shift = 12;
  std::uint32_t filter_pages = 0;
  std::uint32_t flags = 0;  // bit 0: redacted
  std::int32_t exit_status = -1;
  std::uint64_t environment_hash = 0;
  std::uint64_t wall_start_ns = 0;
  std::uint64_t reserved = 0;
  std::uint64_t checksum = 0;  // xxh64 of the bytes before
};
static_assert(sizeof(FileHeader) == 64);
inline constexpr std::uint32_t kFlagRedacted = 1;

enum class BlockType : std::uint32_t {
  Chunk = 1,    // an EVENTS payload
  Info = 2,     // the command line
  Process = 3,  // a process and its parent
  Image = 4,    // command and areas after an exec, or at the start
  Maps = 5,     // areas as they are before the chunks that follow
  Modules = 6,  // files that stack addresses lie in
  Stacks = 7,
  Symbols = 8,
  Notes = 9,  // what the recorder lost
  Summary = 10,
  Index = 11,
  Files = 12,     // that were read, written or mapped
  Contents = 13,  // no payload: `count` pages of all samples, the sums of their efforts and of
                  // their bytes that are copied one by one as `clock` and `end_clock`
  Overview = 14,  // of the Chunk with the same pid, stream and sequence: an EVENTS payload for a
                  // larger filter, its K in the header; fetches left out as `end_clock`. One for
                  // each K at most
  WaitEnds = 15,  // who ended which wait
  Thinned = 16,   // as Overview, but that it may go on with the filter of the one before
};

struct BlockHeader {
  std::uint64_t magic = kBlockMagic;
  BlockType type = BlockType::Chunk;
  std::uint8_t recorder = 0;  // recorder, detail, page size and K again: a file may lose its header
  std::uint8_t detail = 0;
  std::uint8_t page_shift = 12;
  std::uint8_t flags = 0;  // Chunk: bit 0: it has Fork events. Thinned: bit 1: its filter begins as
                           // that before it, of its stream and K, has left it
  std::uint32_t pid = 0;
  std::uint32_t stream = 0;
  std::uint32_t tid = 0;
  std::uint32_t filter_pages = 0;
  std::uint32_t sequence = 0;   // Chunk: of its pid and stream, from 0; others: number of the first
                                // entry
  std::uint32_t raw_bytes = 0;  // unpacked
  std::uint32_t stored_bytes = 0;  // as they lie in the file
  std::uint32_t maps = 0;          // Chunk: number of the Image or Maps block that holds before it
  std::uint64_t clock = 0;
  std::uint64_t end_clock = 0;
  std::uint64_t count = 0;  // events, or entries
  std::uint64_t begin_ns = 0;
  std::uint64_t payload_checksum = 0;  // xxh64 of the stored bytes
  std::uint64_t checksum = 0;          // xxh64 of the header's bytes before
};
static_assert(sizeof(BlockHeader) == 96);

inline constexpr std::uint8_t kFlagForks = 1;
inline constexpr std::uint8_t kFlagContinues = 2;

struct IndexEntry {
  std::uint64_t offset = 0;
  BlockHeader header;
};
static_assert(sizeof(IndexEntry) == 104);

struct Trailer {
  std::uint64_t magic = kTrailerMagic;
  std::uint64_t index_offset = 0;  // of the first Index block
  std::uint64_t blocks = 0;        // in the index
  std::uint64_t checksum = 0;      // xxh64 of the bytes before
};
static_assert(sizeof(Trailer) == 32);

}  // namespace pw::record
