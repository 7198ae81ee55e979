// Makes frames free: the one that allocates, chooses victims by policy and evicts them.
//
// Owned by the Machine. It is the FrameSource of the fault path, the TableFrames of all page
// tables, and the Residency that learns of every user frame. Frames are the policy's ids. With
// swappiness set there are two orders, anonymous and file pages, scanned in proportion
// (get_scan_count(), mm/vmscan.c); else one for all.
//
// Order of an eviction: translations go and are flushed, then the bytes are written if no good copy
// exists, then the slots say where they are, then the frame is free. If writing fails the page
// stays, unmapped, in its slot.
#pragma once

#include <memory>

#include "phys/frame_source.hpp"
#include "policy/any_policy.hpp"
#include "reclaim/watermarks.hpp"
#include "space/core.hpp"

namespace pw {

struct ReclaimConfig {
  std::string_view policy = "clock";
  std::uint64_t resident_limit = 0;  // user frames; 0: none
  std::int64_t min_free = -1;        // -1: from RAM
  int swappiness = -1;
};

class Reclaimer final : public FrameSource, public Residency, public x86::TableFrames {
 public:
  static constexpr std::uint64_t kBatch = 32;  // SWAP_CLUSTER_MAX

  // Null if there is no such policy. connect() must follow before the first allocation.
  static std::unique_ptr<Reclaimer> create(FramePool& pool, const ReclaimConfig& config);
  void connect(Core& core) { core_ = &core; }

  bool allocate(FrameKind kind, FrameGrant& out) override;
  bool allocate_table(int level, Pfn& out) override;
  void free_table(Pfn table) override { pool_->free_table(table); }
  std::uint16_t& entries(Pfn table) override { return pool_->entries(table); }
  void admitted(Pfn pfn) override;
  void departed(Pfn pfn) override;

  // A policy that orders by references gets them; others are not told.
  bool wants_references() const { return needs_ == policy::Needs::References; }
  void touch(Pfn pfn) { order_of(pfn).touch(static_cast<policy::Id>(pfn.value)); }

  // Lets the background reclaimer do what it has had time for until now.
  void run_background();
  // Frees up to `frames`; how many were. For tests and for pressure from outside.
  std::uint64_t reclaim(std::uint64_t frames);

  const Watermarks& watermarks() const { return watermarks_; }
  std::uint64_t listed() const;
  // Test seam: the n-th allocation from now on (1 = the next) finds no memory, once.
  void fail_allocation(std::uint64_t n) { fail_countdown_ = n; }
  bool failure_due() const { return fail_countdown_ > 0; }

 private:
  enum class Who : std::uint8_t { Direct, Background };

  Reclaimer(FramePool& pool, const ReclaimConfig& config);
  policy::AnyPolicy& order_of(Pfn pfn);
  bool make_room(FrameKind kind, std::uint64_t& ready_ns);
  bool drop_zero_translations();
  bool fail_now() { return fail_countdown_ > 0 && --fail_countdown_ == 0; }
  // Evicts one page. False: nothing can go.
  bool reclaim_one(Who who, std::uint64_t& ready_ns);
  policy::Id choose(Who who);
  policy::Verdict probe(Pfn pfn, Who who);
  bool can_swap(const Frame& frame) const;
  bool evict(Pfn pfn, std::uint64_t& ready_ns);
  bool evict_file(Pfn pfn, std::uint64_t& ready_ns);
  bool evict_anonymous(Pfn pfn, std::uint64_t& ready_ns);
  SwapSlot write_to_swap(Pfn pfn);

  FramePool* pool_;
  Core* core_ = nullptr;
  ReclaimConfig config_;
  Watermarks watermarks_;
  policy::Needs needs_ = policy::Needs::Nothing;
  std::unique_ptr<policy::AnyPolicy> order_;       // of all pages, or of the anonymous ones
  std::unique_ptr<policy::AnyPolicy> file_order_;  // with swappiness only
  int anonymous_credit_ = 0, file_credit_ = 0;     // who is scanned next
  bool background_awake_ = false;
  std::uint64_t background_ns_ = 0;  // the time until which the background reclaimer has worked
  std::uint64_t eviction_count_ = 0;
  std::uint64_t fail_countdown_ = 0;
};

}  // namespace pw
