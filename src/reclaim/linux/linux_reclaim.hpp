// Reclaim as Linux does it with its active and inactive lists: a group of programs at its memory
// limit takes pages from itself (mm/vmscan.c, memcontrol.c, workingset.c, swap.c; Linux 6.18).
//
//   charge: in batches, from a stock            memory_group.hpp
//   at the limit: rounds of rising urgency      direct.cpp: priority 12 down to 0, until 32 are
//   free a round: which list, how much of it         scan_balance.hpp, shrink.cpp a page from the
//   back of a list              judge_page.cpp: keep, activate, or let go what it leaves behind
//   nonresident_age.hpp what is believed of sizes                   group_statistics.hpp
//
// Lists have their ends as in the kernel: new and spared pages in front, scanned from the back. The
// machine's RAM itself should be ample: beyond the group's limit there are no watermarks here, and
// no background reclaimer of the machine.
//
// Swap that is synchronous (zram) is written to and read from at once, and a slot that nobody else
// holds is free again as soon as its page is back. Otherwise a page written out stays where it is,
// unmapped, until the device is done, is then moved to the back of its list, and goes when it is
// met there; until then a touch takes it back without reading.
//
// With the multi-generational LRU (mglru/mglru_reclaim.hpp) what is virtual below is another's.
//
// Owned by the Machine.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "reclaim/linux/being_written.hpp"
#include "reclaim/linux/group_statistics.hpp"
#include "reclaim/linux/lru_lists.hpp"
#include "reclaim/linux/lru_unit.hpp"
#include "reclaim/linux/memory_group.hpp"
#include "reclaim/linux/nonresident_age.hpp"
#include "reclaim/linux/scan_balance.hpp"
#include "reclaim/linux/swap_marks.hpp"
#include "reclaim/reclaim.hpp"

namespace pw {

class LinuxReclaim : public Reclaim {
 public:
  static constexpr std::uint64_t kClusterMax = 32;  // SWAP_CLUSTER_MAX
  static constexpr int kFirstPriority = 12;         // DEF_PRIORITY

  LinuxReclaim(FramePool& pool, const LinuxOptions& options, unsigned cpus);
  void connect(Core& core) override;

  bool allocate(const FrameWant& want, FrameGrant& out) override;
  bool allocate_table(int level, Pfn& out) override;
  void free_table(Pfn table) override;
  std::uint16_t& entries(Pfn table) override { return pool_->entries(table); }
  void admitted(Pfn pfn) override;
  void departed(Pfn pfn) override;
  void gone(PageSlot slot) override;
  void mark_accessed(Pfn pfn) override;
  bool pay(std::uint64_t pages, bool once) override;
  void returned(std::span<const Pfn> folio, std::uint64_t shadow) override;
  void will_write(Pfn pfn) override;
  void write_began(Pfn pfn, std::uint64_t until_ns) override;
  std::uint64_t writing_until(Pfn pfn) const override { return writing_.until(pfn); }
  bool evicted_lately(Pfn pfn) const override { return lists_.has(pfn, kLruWorkingset); }

  void run_background() override;
  void deactivate(Vma& area, VpnRange part) override;
  void deactivate(Pfn pfn) override;
  std::uint64_t reclaim(std::uint64_t frames) override;

  const Watermarks& watermarks() const override { return watermarks_; }
  std::uint64_t listed() const override { return listed_; }
  const char* check() const override;

  const MemoryGroup& group() const { return group_; }
  const LruLists& lists() const { return lists_; }
  // What is believed of the lists' sizes, and what is known of pages that are away: how far off the
  // back one would be a refault (none is known: kNoDistance), and how far is still soon.
  static constexpr std::uint64_t kNoDistance = ~std::uint64_t{0};
  const GroupStatistics& statistics() const { return statistics_; }
  const NonresidentAge& age() const { return age_; }
  virtual std::uint64_t refault_distance(PageSlot slot) const;
  std::uint64_t refault_room(bool file) const {
    return NonresidentAge::room(file, statistics_, swap_left());
  }
  // User pages, tables, buffer heads and the rest that the group has used.
  std::uint64_t used() const;

 protected:
  // One try_to_free_mem_cgroup_pages(), scan_control of mm/vmscan.c.
  struct Scan {
    std::uint64_t wanted = kClusterMax;
    std::uint64_t freed = 0;
    int priority = kFirstPriority;
    bool may_deactivate[2] = {false, false};  // anonymous, file
    bool force_deactivate = false;
    bool skipped_deactivate = false;
    bool trim_cache = false;
  };
  enum class Verdict : std::uint8_t { Keep, Activate, Reclaim, ReclaimClean, Aside };
  struct Look {  // at a page's translations (folio_referenced())
    std::uint32_t referenced = 0;
    bool executable = false, locked = false;
  };

  // Charging and direct reclaim, in direct.cpp.
  bool charge(std::uint64_t pages);
  std::uint64_t reclaim_group(std::uint64_t pages);
  virtual void prepare(Scan& scan);
  bool make_frames_free();
  bool wait_for_write();
  bool swap_left() const;

  // Rounds over the lists, in shrink.cpp.
  virtual void shrink_lists(Scan& scan);
  std::uint64_t shrink(Lru list, std::uint64_t pages, Scan& scan);
  void shrink_active(Lru list, std::uint64_t pages);
  std::uint64_t shrink_inactive(Lru list, std::uint64_t pages);
  std::vector<LruUnit> isolate(Lru list, std::uint64_t pages);
  bool inactive_is_low(bool file) const;
  bool runs_dry() const;
  std::uint64_t seen_in_lists() const;

  // One page, in judge_page.cpp.
  struct Tally {
    std::vector<Pfn> pieces;        // of huge pages that were split: they are judged next
    std::uint64_t written = 0;      // swap writes begun (nr_pageout)
    std::uint64_t dirty_files = 0;  // pages met: the flusher is to write them
  };
  enum class Gone : std::uint8_t { Freed, Kept, Activated };
  std::uint64_t try_to_free(const LruUnit& unit, Tally& tally);
  bool busy(const LruUnit& unit) const;
  bool wait_for_writing(const LruUnit& unit);
  Look look_at(const LruUnit& unit);
  virtual Verdict check_references(const LruUnit& unit);
  void activate(const LruUnit& unit);
  void set_aside(const LruUnit& unit);
  Gone let_go(const LruUnit& unit, Tally& tally);
  Gone let_file_go(const LruUnit& unit);
  Gone let_anonymous_go(Pfn pfn, Tally& tally);
  void finish_writes();
  void rotate(const LruUnit& unit);
  void start_flusher();

  // Huge pages, which the lists know by their heads, in huge.cpp.
  bool allocate_huge(const FrameWant& want, FrameGrant& out);
  bool charge_huge(bool light);
  std::int64_t pages_of(Pfn pfn) const;
  bool pinned(Pfn pfn) const;
  void break_up(Pfn head);
  std::vector<Pfn> take_apart(Pfn head);
  bool goes_whole(Pfn head) const;
  std::uint64_t swap_out_whole(Pfn head, Tally& tally);
  void split_partly_used_ones(int priority);

  // In refault.cpp; the mark of a unit that goes is never 0.
  void note_refault(const FrameWant& want, Pfn pfn);
  virtual std::uint64_t leave_mark(const LruUnit& unit);
  std::uint64_t mark_of(PageSlot slot) const;  // of a page that is away; 0: it left none
  bool evict_unasked(Pfn pfn, std::uint64_t& ready_ns) override;
  void count_in(Lru list, std::int64_t pages) { statistics_.count_list(list, pages); }
  virtual bool enlisted(Pfn pfn) const { return lists_.listed(pfn); }
  virtual void drain() { lists_.drain(); }
  virtual void enlist_front(Pfn pfn);
  virtual void enlist_back(Pfn pfn);
  virtual void delist(Pfn pfn);

  // Units, in units.cpp.
  LruUnit unit_of(Pfn pfn) const;
  bool in_folio(Pfn pfn) const;  // of a file, of several pages
  bool has(const LruUnit& unit, std::uint8_t flag) const { return lists_.has(unit.first(), flag); }
  void set(const LruUnit& unit, std::uint8_t flag);
  void unset(const LruUnit& unit, std::uint8_t flag);
  virtual void put_front(const LruUnit& unit);
  void put_back(const LruUnit& unit);
  void take_off(const LruUnit& unit);
  bool dirty(const LruUnit& unit) const;

  LinuxOptions options_;
  Watermarks watermarks_;
  LruLists lists_;
  MemoryGroup group_;
  GroupStatistics statistics_;
  ScanBalance balance_;
  NonresidentAge age_;
  std::uint64_t seen_refaults_[2] = {0, 0};  // lruvec->refaults[]
  std::uint64_t listed_ = 0, foreign_ = 0;
  SwapMarks marks_;
  BeingWritten writing_;
  std::uint64_t buffer_heads_ = 0;
};

}  // namespace pw
