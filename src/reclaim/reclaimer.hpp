// Makes frames free: the one that allocates, chooses victims by policy and evicts them.
//
// Owned by the Machine. It is the FrameSource of the fault path, the TableFrames of all page
// tables, and the Residency that learns of every user frame. Frames are the policy's ids, unless it
// remembers pages that are away (page_ids.hpp). With swappiness set there are two orders, anonymous
// and file pages, scanned in proportion (get_scan_count(), mm/vmscan.c); else one for all.
//
// Order of an eviction: translations go and are flushed, then the bytes are written if no good copy
// exists, then the slots say where they are, then the frame is free. If writing fails the page
// stays, unmapped, in its slot.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "phys/frame_source.hpp"
#include "policy/any_policy.hpp"
#include "reclaim/page_ids.hpp"
#include "reclaim/part.hpp"
#include "reclaim/watermarks.hpp"
#include "space/core.hpp"
#include "swap/page_refs.hpp"

namespace pw {

struct ReclaimConfig {
  std::string_view policy = "clock";
  std::uint64_t resident_limit = 0;  // user frames; 0: none
  std::int64_t min_free = -1;        // -1: from RAM
  int swappiness = -1;
  std::uint32_t cluster = 1;  // pages written in one request with a dirty victim, itself included
  std::uint32_t prefer_clean = 0;  // dirty pages passed over at most in search of a clean one
  Replacement replacement = Replacement::Global;
  Allocation allocation = Allocation::Equal;  // with local replacement
};

class Reclaimer final : public FrameSource,
                        public Residency,
                        public AbsentPages,
                        public x86::TableFrames {
 public:
  static constexpr std::uint64_t kBatch = 32;  // SWAP_CLUSTER_MAX

  // Error: Invalid (no such policy). connect() must follow before the first allocation.
  static Result<std::unique_ptr<Reclaimer>> create(FramePool& pool, const ReclaimConfig& config);
  void connect(Core& core);

  bool allocate(const FrameWant& want, FrameGrant& out) override;
  bool allocate_table(int level, Pfn& out) override;
  void free_table(Pfn table) override { pool_->free_table(table); }
  std::uint16_t& entries(Pfn table) override { return pool_->entries(table); }
  void admitted(Pfn pfn) override;
  void departed(Pfn pfn) override;
  void gone(PageSlot slot) override;

  // What a port must do around references, in orders.cpp. A policy that goes by time is told of it
  // before each of them (virtual time is their number); one that orders by references gets them;
  // and one whose pages come with a clear accessed bit, after the access that faulted, has it
  // cleared.
  bool goes_by_time() const { return timed_; }
  void pass_time(std::uint64_t references) {
    reference_ = next_reference_;
    next_reference_ += references;
    if (reference_ >= next_tick_) [[unlikely]]
      run_ticks();
  }
  bool wants_references() const { return needs_ == policy::Needs::References; }
  void touch(Pfn pfn);
  void after_fault(Pfn pfn);

  // Lets the background reclaimer do what it has had time for until now.
  void run_background();
  // Local replacement (part.hpp), in parts.cpp: spaces come and go, and the one that runs pays for
  // the pages that come in.
  void space_began(AddressSpace& space);
  void space_ended(SpaceId space);
  void set_payer(SpaceId space) {
    if (config_.replacement == Replacement::Local) payer_ = space + 1;
  }
  void set_priority(SpaceId space, int priority);
  const std::vector<Part>& parts() const { return parts_; }

  // Evicts every page that only `space` has, as far as swap goes; how many went.
  std::uint64_t swap_out(AddressSpace& space);
  // What madvise(2) says of pages, in advice.cpp. `deactivate`: they go before all others, unless
  // they are referenced before that. `page_out`: those of the range that it alone maps go now, as
  // far as they can without writing files; pages of files themselves only if `files`; how many
  // went.
  void deactivate(Vma& area, VpnRange part);
  void deactivate(Pfn pfn);
  std::uint64_t page_out(Vma& area, VpnRange part, bool files);
  // Frees up to `frames`; how many were. For tests and for pressure from outside.
  std::uint64_t reclaim(std::uint64_t frames);

  const Watermarks& watermarks() const { return watermarks_; }
  std::uint64_t listed() const;
  const char* check_ids() const;  // what is wrong with them; null: nothing
  const char* check_parts() const;
  // Test seam: the n-th allocation from now on (1 = the next) finds no memory, once.
  void fail_allocation(std::uint64_t n) { fail_countdown_ = n; }
  bool failure_due() const { return fail_countdown_ > 0; }

 private:
  enum class Who : std::uint8_t { Direct, Background };

  Reclaimer(FramePool& pool, const ReclaimConfig& config);
  Part make_part() const;
  Part& part_of(Pfn pfn);
  policy::AnyPolicy& order_of(Pfn pfn);
  void divide();
  void keep_within_allowance(std::uint64_t& ready_ns);
  std::vector<Part*> givers();

  // The policy's view of pages and time, in orders.cpp.
  policy::Id id_of(Pfn pfn) const;
  Pfn frame_of(policy::Id id) const { return ids_ == nullptr ? Pfn(id) : ids_->frame(id); }
  policy::Id expect(const FrameWant& want);
  policy::Id new_id();
  void forget(policy::Id id, bool file);
  void run_ticks();
  void take_surplus();
  bool make_room(FrameKind kind, std::uint64_t& ready_ns);
  bool drop_zero_translations();
  bool fail_now() { return fail_countdown_ > 0 && --fail_countdown_ == 0; }
  // Evicts one page. False: nothing can go.
  bool reclaim_one(Who who, std::uint64_t& ready_ns);
  bool reclaim_from(Part& part, Who who, std::uint64_t& ready_ns);
  policy::Id choose(Part& part, Who who);
  bool evict_chosen(policy::Id id, Who who, std::uint64_t& ready_ns);
  // One of the pages that were deactivated and are still idle.
  bool reclaim_cold(Who who, std::uint64_t& ready_ns);
  void forget_warm();
  // Evicts a page that the policy has not chosen. False: it stays.
  bool evict_unasked(Pfn pfn, std::uint64_t& ready_ns);
  void count_stolen(Who who);
  // The same, passing over up to `passing` idle pages that are dirty.
  policy::Id choose(Part& part, Who who, std::uint32_t& passing);
  policy::Verdict probe(Pfn pfn, Who who);
  bool can_swap(const Frame& frame) const;
  void set_aside_locked();
  bool evict(Pfn pfn, std::uint64_t& ready_ns);
  bool evict_file(Pfn pfn, std::uint64_t& ready_ns);
  bool evict_anonymous(Pfn pfn, std::uint64_t& ready_ns);
  bool drop_lazy(Pfn pfn);
  SwapSlot write_to_swap(Pfn pfn);

  // Page-out clustering, in page_out.cpp: the neighbours of a dirty victim that are dirty and idle
  // too are written with it, in one request, and stay, clean. Time when the device is done.
  std::uint64_t write_out(Pfn pfn, SwapSlot slot);
  Result<std::uint64_t> page_out_file(Pfn pfn);
  bool idle(Pfn pfn);
  // Takes write permission away everywhere, so that the next change is noticed. Dirty bits go to
  // the frame.
  void protect_everywhere(Pfn pfn);
  // Eviction would write nothing.
  bool is_clean(Pfn pfn);

  FramePool* pool_;
  Core* core_ = nullptr;
  ReclaimConfig config_;
  Watermarks watermarks_;
  policy::Needs needs_ = policy::Needs::Nothing;
  policy::PolicySpec spec_;
  policy::Setup setup_;
  std::vector<Part> parts_;
  std::vector<std::uint32_t> part_of_frame_;    // with local replacement only
  std::vector<Pfn> locked_met_;                 // by the search that goes on
  bool met_locked_ = false;                     // by the last probe
  bool readmitted_ = false;                     // a page comes back to the part it was in
  std::size_t payer_ = 0;                       // index of the part of the process that runs
  int anonymous_credit_ = 0, file_credit_ = 0;  // who is scanned next
  bool background_awake_ = false;
  std::uint64_t background_ns_ = 0;  // the time until which the background reclaimer has worked
  std::uint64_t eviction_count_ = 0;
  std::deque<Pfn> cold_;          // in the order of advice; kFrameCold tells those that still are
  std::unique_ptr<PageIds> ids_;  // null: frame numbers are the ids
  bool timed_ = false, hears_misses_ = false;
  bool marks_new_ = true;
  std::uint64_t reference_ = 0;       // number of the one that goes on
  std::uint64_t next_reference_ = 0;  // and of the next
  std::uint64_t next_tick_ = policy::kNever;
  std::uint64_t fail_countdown_ = 0;
};

}  // namespace pw
