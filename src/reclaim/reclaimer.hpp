// Makes frames free: the one that allocates, chooses victims by policy and evicts them.
//
// Frames are the policy's ids, unless it remembers pages that are away (page_ids.hpp). With
// swappiness set there are two orders, anonymous and file pages, scanned in proportion
// (get_scan_count(), mm/vmscan.c); else one for all.
//
// Order of an eviction: translations go and are flushed, then the bytes are written if no good copy
// exists, then the slots say where they are, then the frame is free. If writing fails the page
// stays, unmapped, in its slot.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "policy/any_policy.hpp"
#include "reclaim/page_ids.hpp"
#include "reclaim/reclaim.hpp"

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

class Reclaimer final : public Reclaim {
 public:
  static constexpr std::uint64_t kBatch = 32;  // SWAP_CLUSTER_MAX

  // Error: Invalid (no such policy).
  static Result<std::unique_ptr<Reclaimer>> create(FramePool& pool, const ReclaimConfig& config);
  void connect(Core& core) override;

  bool allocate(const FrameWant& want, FrameGrant& out) override;
  bool allocate_table(int level, Pfn& out) override;
  void free_table(Pfn table) override { pool_->free_table(table); }
  std::uint16_t& entries(Pfn table) override { return pool_->entries(table); }
  void admitted(Pfn pfn) override;
  void departed(Pfn pfn) override;
  void gone(PageSlot slot) override;

  // In orders.cpp.
  void touch(Pfn pfn) override;
  void after_fault(Pfn pfn) override;

  void run_background() override;
  // Local replacement (part.hpp), in parts.cpp.
  void space_began(AddressSpace& space) override;
  void space_ended(SpaceId space) override;
  void set_priority(SpaceId space, int priority) override;
  const std::vector<Part>& parts() const override { return parts_; }

  void deactivate(Vma& area, VpnRange part) override;  // in advice.cpp
  void deactivate(Pfn pfn) override;
  std::uint64_t reclaim(std::uint64_t frames) override;

  const Watermarks& watermarks() const override { return watermarks_; }
  std::uint64_t listed() const override;
  const char* check() const override;
  Pfn locate(policy::Id id) const override {
    return ids_ != nullptr && ids_->absent(id) ? kNoFrame : frame_of(id);
  }

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
  void run_ticks() override;
  void take_surplus();
  bool make_room(FrameKind kind, std::uint64_t& ready_ns);
  // Evicts one page. False: nothing can go.
  bool reclaim_one(Who who, std::uint64_t& ready_ns);
  bool reclaim_from(Part& part, Who who, std::uint64_t& ready_ns);
  policy::Id choose(Part& part, Who who);
  bool evict_chosen(policy::Id id, Who who, std::uint64_t& ready_ns);
  // One of the pages that were deactivated and are still idle.
  bool reclaim_cold(Who who, std::uint64_t& ready_ns);
  void forget_warm();
  bool evict_unasked(Pfn pfn, std::uint64_t& ready_ns) override;
  void count_stolen(Who who);
  void readmit(Pfn pfn);
  bool keep_limit(std::uint64_t pages, bool light, std::uint64_t& ready_ns);

  // Huge pages, which the policy knows by their heads.
  bool allocate_huge(const FrameWant& want, FrameGrant& out);
  void break_up(Pfn head);
  policy::Verdict probe_huge(Pfn head);

  // The same, passing over up to `passing` idle pages that are dirty.
  policy::Id choose(Part& part, Who who, std::uint32_t& passing);
  policy::Verdict probe(Pfn pfn, Who who);
  bool can_swap(const Frame& frame) const;
  void set_aside_locked();
  bool evict(Pfn pfn, std::uint64_t& ready_ns);
  bool evict_file(Pfn pfn, std::uint64_t& ready_ns);
  bool evict_anonymous(Pfn pfn, std::uint64_t& ready_ns);

  // Page-out clustering, in page_out.cpp: the neighbours of a dirty victim that are dirty and idle
  // too are written with it, in one request, and stay, clean. Time when the device is done.
  std::uint64_t write_out(Pfn pfn, SwapSlot slot);
  Result<std::uint64_t> page_out_file(Pfn pfn);
  bool idle(Pfn pfn);
  // Takes write permission away everywhere, so that the next change is noticed. Dirty bits go to
  // the frame.
  void protect_everywhere(Pfn pfn);

  const char* check_ids() const;
  const char* check_parts() const;

  ReclaimConfig config_;
  Watermarks watermarks_;
  policy::PolicySpec spec_;
  policy::Setup setup_;
  std::vector<Part> parts_;
  std::vector<std::uint32_t> part_of_frame_;    // with local replacement only
  std::vector<Pfn> locked_met_;                 // by the search that goes on
  bool met_locked_ = false;                     // by the last probe
  bool readmitted_ = false;                     // a page comes back to the part it was in
  int anonymous_credit_ = 0, file_credit_ = 0;  // who is scanned next
  bool background_awake_ = false;
  std::uint64_t background_ns_ = 0;  // the time until which the background reclaimer has worked
  std::uint64_t eviction_count_ = 0;
  std::deque<Pfn> cold_;          // in the order of advice; kFrameCold tells those that still are
  std::unique_ptr<PageIds> ids_;  // null: frame numbers are the ids
  bool hears_misses_ = false;
  bool marks_new_ = true;
};

}  // namespace pw
