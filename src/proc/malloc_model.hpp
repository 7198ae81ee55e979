// What the C library makes of malloc and free: which of them reach the kernel, as brk, mmap and
// munmap.
//
// Modelled on the main arena of glibc (malloc/malloc.c, mallopt(3)): small blocks are carved from
// the break, large ones have a mapping of their own; free blocks join with their neighbours; the
// break is trimmed when the free memory at its end passes a threshold; freeing a large block raises
// the threshold (up to 32 MiB), so that a program that takes and gives large blocks does not call
// the kernel each time. Thread caches and fast bins are left out: they change the order in which
// blocks are reused, not what the kernel sees.
//
// Owned by whoever plays the program. Blocks are kept beside the simulated memory, but their
// headers are touched there, as the library does it. Invariants: blocks cover the heap from its
// start to top_ without a gap; two free blocks are never neighbours; none is next to the top.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/units.hpp"

namespace pw {

// What a C library asks of the kernel, for one process.
class ProgramMemory {
 public:
  virtual ~ProgramMemory() = default;
  virtual VirtAddr brk(VirtAddr wanted) = 0;  // the new break; the old one if it cannot move
  virtual Result<VirtAddr> mmap(ByteCount length) = 0;
  virtual Result<void> munmap(VirtAddr address, ByteCount length) = 0;
  virtual bool touch(VirtAddr address) = 0;  // writes there; false: the process has ended
};

struct MallocOptions {
  ByteCount mmap_threshold{128ULL << 10};     // M_MMAP_THRESHOLD
  ByteCount mmap_threshold_max{32ULL << 20};  // DEFAULT_MMAP_THRESHOLD_MAX
  bool dynamic_threshold = true;              // off once a program sets one of the thresholds
  ByteCount trim_threshold{128ULL << 10};     // M_TRIM_THRESHOLD
  ByteCount top_pad{128ULL << 10};            // M_TOP_PAD
};

using SiteId = std::uint32_t;  // who calls malloc, as the program's author would name it

struct SiteGrowth {
  std::string site;
  std::string area;         // where most of the growth lies: "[heap]" or "mmap"
  std::int64_t blocks = 0;  // more than at the mark
  std::int64_t bytes = 0;
};

struct MallocCounters {
  std::uint64_t live_blocks = 0, live_bytes = 0;  // as asked for
  std::uint64_t heap_bytes = 0;                   // from the start of the heap to the break
  std::uint64_t mapped_blocks = 0, mapped_bytes = 0;
  std::uint64_t brk_calls = 0, mmap_calls = 0, munmap_calls = 0;
};

class MallocModel {
 public:
  static constexpr std::uint64_t kHeader = 8;  // before a block in the heap; 16 with a mapping
  static constexpr std::uint64_t kAlignment = 16;
  static constexpr std::uint64_t kSmallest = 32;  // MINSIZE

  explicit MallocModel(ProgramMemory& memory, const MallocOptions& options = {});

  SiteId site(const std::string& name);
  // Error: NoMemory.
  Result<VirtAddr> malloc(ByteCount size, SiteId site = 0);
  // Error: Invalid (not the address of a live block: the library would abort).
  Result<void> free(VirtAddr block);
  // In place where there is room; the bytes are the caller's to copy. Errors: NoMemory, Invalid.
  Result<VirtAddr> realloc(VirtAddr block, ByteCount size);
  bool in_heap(VirtAddr block) const { return heap_.count(block.value - kHeader) != 0; }

  const MallocCounters& counters() const { return counters_; }
  const MallocOptions& options() const { return options_; }  // thresholds as they are now

  // What has grown since mark() (or the beginning), by site, most bytes first. A program that
  // marks at equal points of its work sees its leaks here.
  void mark();
  std::vector<SiteGrowth> grown() const;

  // Checks the invariants (PW_CHECK).
  void verify() const;

 private:
  struct Block {
    std::uint64_t size = 0;  // with header
    std::uint64_t asked = 0;
    SiteId site = 0;
    bool free = false;
  };
  using Blocks = std::map<std::uint64_t, Block>;  // by address of the header
  struct Live {
    std::int64_t blocks = 0, heap_bytes = 0, mapped_bytes = 0;
  };

  static std::uint64_t block_size(ByteCount asked);
  bool carve(std::uint64_t size, Blocks::iterator& out);
  bool carve_top(std::uint64_t size, Blocks::iterator& out);
  bool grow_heap(std::uint64_t size);
  void split(Blocks::iterator block, std::uint64_t size);
  void give_back(Blocks::iterator block);
  void trim();
  bool extend_in_place(Blocks::iterator block, std::uint64_t size);
  Result<VirtAddr> map_block(ByteCount size, SiteId site);
  Result<void> unmap_block(Blocks::iterator block);
  void count(const Block& block, bool mapped, int sign);

  ProgramMemory* memory_;
  MallocOptions options_;
  Blocks heap_;                                             // free and used, in order
  Blocks mapped_;                                           // with a mapping each
  std::set<std::pair<std::uint64_t, std::uint64_t>> free_;  // size, address: best fit, lowest first
  std::uint64_t start_ = 0, top_ = 0, break_ = 0;           // start_ == break_: no heap yet
  MallocCounters counters_;
  std::vector<std::string> sites_;
  std::map<std::string, SiteId> site_ids_;
  std::vector<Live> live_, marked_;  // by site
};

}  // namespace pw
