// Reclaim: the seam behind which a machine's memory is given out and had back. Two stand behind it:
// Reclaimer, where a replacement policy chooses (reclaimer.hpp), and LinuxReclaim, which does as
// the kernel does (linux/linux_reclaim.hpp). MachineConfig::model says which.
//
// Owned by the Machine. It is the FrameSource of the fault path, the TableFrames of all page
// tables, and the Residency that learns of every user frame.
#pragma once

#include <cstdint>
#include <vector>

#include "phys/frame_source.hpp"
#include "policy/policy.hpp"
#include "reclaim/part.hpp"
#include "reclaim/watermarks.hpp"
#include "space/core.hpp"
#include "swap/page_refs.hpp"

namespace pw {

class Reclaim : public FrameSource, public Residency, public AbsentPages, public x86::TableFrames {
 public:
  // Must follow creation before the first allocation.
  virtual void connect(Core& core) = 0;

  // What a port must do around references. A policy that goes by time is told of it before each of
  // them (virtual time is their number); one that orders by references gets them; and one whose
  // pages come with a clear accessed bit, after the access that faulted, has it cleared.
  bool goes_by_time() const { return timed_; }
  void pass_time(std::uint64_t references) {
    reference_ = next_reference_;
    next_reference_ += references;
    if (reference_ >= next_tick_) [[unlikely]]
      run_ticks();
  }
  bool wants_references() const { return needs_ == policy::Needs::References; }
  virtual void touch(Pfn /*pfn*/) {}
  virtual void after_fault(Pfn /*pfn*/) {}

  // Lets the background reclaimer do what it has had time for until now.
  virtual void run_background() = 0;

  // Address spaces come and go, and the one that runs pays for the pages that come in.
  virtual void space_began(AddressSpace& /*space*/) {}
  virtual void space_ended(SpaceId /*space*/) {}
  virtual void set_priority(SpaceId /*space*/, int /*priority*/) {}
  void set_payer(SpaceId space) {
    if (!charges_spaces_ || payer_ == space + 1) return;
    payer_ = space + 1;
    switched_to(space);
  }

  // Evicts every page that only `space` has, as far as swap goes; how many went.
  std::uint64_t swap_out(AddressSpace& space);
  // What madvise(2) says of pages. `deactivate`: they go before all others, unless they are
  // referenced before that. `page_out`: those of the range that it alone maps go now, as far as
  // they can without writing files; pages of files themselves only if `files`; how many went.
  virtual void deactivate(Vma& area, VpnRange part) = 0;
  virtual void deactivate(Pfn pfn) = 0;
  std::uint64_t page_out(Vma& area, VpnRange part, bool files);
  // Frees up to `frames`; how many were. For tests and for pressure from outside.
  virtual std::uint64_t reclaim(std::uint64_t frames) = 0;

  virtual const Watermarks& watermarks() const = 0;
  virtual std::uint64_t listed() const = 0;
  virtual const std::vector<Part>& parts() const;  // with local replacement; else none
  virtual const char* check() const = 0;           // what is wrong; null: nothing
  // Where the page is that the orders of parts() know by an id; kNoFrame: away.
  virtual Pfn locate(policy::Id /*id*/) const { return kNoFrame; }

  // Test seam: the n-th allocation from now on (1 = the next) finds no memory, once.
  void fail_allocation(std::uint64_t n) { fail_countdown_ = n; }
  bool failure_due() const { return fail_countdown_ > 0; }

 protected:
  virtual void run_ticks() {}
  // Another space runs. Only with charges_spaces_.
  virtual void switched_to(SpaceId /*space*/) {}
  // Evicts a page that nobody has chosen. False: it stays.
  virtual bool evict_unasked(Pfn pfn, std::uint64_t& ready_ns) = 0;
  // The last resort before somebody is killed: translations of the zero page go, and with them
  // tables. True: a frame is free.
  bool drop_zero_translations();
  // Eviction would write nothing.
  bool is_clean(Pfn pfn);
  bool fail_now() { return fail_countdown_ > 0 && --fail_countdown_ == 0; }

  explicit Reclaim(FramePool& pool) : pool_(&pool) {}

  FramePool* pool_;
  Core* core_ = nullptr;
  policy::Needs needs_ = policy::Needs::Nothing;
  bool timed_ = false;
  std::uint64_t reference_ = 0;       // number of the one that goes on
  std::uint64_t next_reference_ = 0;  // and of the next
  std::uint64_t next_tick_ = policy::kNever;
  bool charges_spaces_ = false;
  std::size_t payer_ = 0;  // index of the part of the process that runs

 private:
  std::uint64_t fail_countdown_ = 0;
};

}  // namespace pw
