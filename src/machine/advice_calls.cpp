// madvise(2), mlock(2) and what goes with them: the areas' part is src/space's, bringing pages in
// and sending them away is done here by those who can.
#include <algorithm>
#include <limits>
#include <vector>

#include "fault/leaves.hpp"
#include "huge/collapse.hpp"
#include "machine/machine.hpp"
#include "rmap/huge_split.hpp"

namespace pw {

namespace {

// madvise_willneed(), mm/madvise.c: nothing is mapped and nobody waits.
void bring_ahead(Core& core, Vma& area, VpnRange part) {
  if (area.backing != nullptr && area.backing->kind == ObjectKind::File) {
    const PageOffset from = area.backing_at(part.begin);
    (void)read_ahead(core, *area.backing, area.file, from, from + part.pages());
    return;
  }
  for (Vpn vpn = part.begin; vpn < part.end; vpn = vpn + PageCount(1)) {
    if (!swap_in_ahead(core, area, vpn)) return;
  }
}

// madvise_cold(), madvise_pageout(), mm/madvise.c.
Result<void> send_away(Reclaim& reclaimer, Vma& area, VpnRange part, Advice advice,
                       bool privileged) {
  if (area.traits.locked) return fail(Errno::Invalid);
  if (advice == Advice::Cold) {
    reclaimer.deactivate(area, part);
    return {};
  }
  const bool files = area.backing != nullptr && (privileged || !area.backing->read_only);
  (void)reclaimer.page_out(area, part, files);
  return {};
}

void lazily(Reclaim& reclaimer, Vma& area, VpnRange part) {
  std::vector<Pfn> freed;
  split_huge_pages(area.space->core(), area, part, true);
  free_lazily(area, part, freed);
  for (const Pfn pfn : freed) reclaimer.deactivate(pfn);
}

}  // namespace

Result<void> Machine::madvise(Pid pid, VirtAddr address, ByteCount length, Advice advice) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  const Result<VpnRange> range = advised_range(address, length);
  if (!range) return tl::unexpected(range.error());
  const bool privileged = (*found)->privileged();
  auto advise = [&](Vma& area, VpnRange part) -> Result<void> {
    PW_TRY(may_advise(area, advice));
    switch (advice) {
      case Advice::WillNeed:
        bring_ahead(*core_, area, part);
        return {};
      case Advice::DontNeed:
      case Advice::DontNeedLocked:
        return pw::discard(area, part, advice == Advice::DontNeedLocked);
      case Advice::Collapse:
        return collapse_part(area, part);
      case Advice::Free:
        lazily(*reclaimer_, area, part);
        return {};
      case Advice::Remove:
        return remove_pages(area, part);
      case Advice::Cold:
      case Advice::PageOut:
        return send_away(*reclaimer_, area, part, advice, privileged);
      default:
        return advise_area(*area.space, area, part, advice);
    }
  };
  const auto done = in_space(pid, [&](AddressSpace& space) -> Result<void> {
    const bool write = advice == Advice::PopulateWrite;
    if (write || advice == Advice::PopulateRead) {
      return populate(**found, *range, write ? Populate::Write : Populate::Read, false);
    }
    return for_each_part(space, *range, advise);
  });
  checked();
  return done;
}

// do_mlock(), mm/mlock.c; the errors of populating as __mlock_posix_error_return() tells them.
Result<void> Machine::mlock(Pid pid, VirtAddr address, ByteCount length, bool on_fault) {
  const auto done = in_space(pid, [&](AddressSpace& space) -> Result<void> {
    PW_TRY(pw::mlock(space, address, length, on_fault));
    const Result<void> here = populate(*processes_.find(pid), locked_range(address, length),
                                       Populate::AsLocked, false);
    if (here) return {};
    return fail(here.error().code == Errno::Fault ? Errno::NoMemory : Errno::Again);
  });
  checked();
  return done;
}

Result<void> Machine::munlock(Pid pid, VirtAddr address, ByteCount length) {
  const auto done = in_space(pid, [&](AddressSpace& s) { return pw::munlock(s, address, length); });
  checked();
  return done;
}

Result<void> Machine::mlockall(Pid pid, LockAll which) {
  const auto done = in_space(pid, [&](AddressSpace& space) -> Result<void> {
    PW_TRY(pw::mlockall(space, which));
    if (!which.current) return {};
    return populate(*processes_.find(pid), {Vpn(0), space.layout().user_end}, Populate::AsLocked,
                    true);
  });
  checked();
  return done;
}

Result<void> Machine::munlockall(Pid pid) {
  const auto done = in_space(pid, [](AddressSpace& space) -> Result<void> {
    pw::munlockall(space);
    return {};
  });
  checked();
  return done;
}

Result<std::string> Machine::mincore(Pid pid, VirtAddr address, ByteCount length) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  return in_space(pid, [&](AddressSpace& space) {
    return pw::mincore(space, address, length, (*found)->privileged());
  });
}

Result<void> Machine::msync(Pid pid, VirtAddr address, ByteCount length, SyncHow how) {
  const auto done = in_space(pid,
                             [&](AddressSpace& s) { return pw::msync(s, address, length, how); });
  checked();
  return done;
}

// generic_fadvise(), mm/fadvise.c. What says how files will be read is kept for all who read them.
void Machine::advise_file(FileId id, std::uint64_t offset, std::uint64_t length, FileAdvice advice,
                          std::uint64_t description) {
  VmObject& file = objects_->object(id);
  if (file.kind != ObjectKind::File) return;  // without a device
  constexpr std::uint64_t kMostBytes = std::numeric_limits<std::int64_t>::max();
  const bool open_end = length == 0 || offset + length < length;
  const std::uint64_t last = open_end ? kMostBytes : offset + length - 1;  // byte
  if (advice == FileAdvice::Normal || advice == FileAdvice::Sequential) {
    file.readahead.doubled = advice == FileAdvice::Sequential;
  }
  if (advice <= FileAdvice::Sequential) {
    ReadaheadState& reader = file.readers[description];
    if (advice != FileAdvice::Random) reader.doubled = advice == FileAdvice::Sequential;
    reader.random = advice == FileAdvice::Random;
  }
  if (advice == FileAdvice::WillNeed) {
    const PageOffset begin(offset >> kPageShift);
    (void)read_ahead(*core_, file, description, begin, PageOffset((last >> kPageShift) + 1));
  }
  if (advice == FileAdvice::DontNeed) {  // whole pages only, but the end of the file is one
    const PageOffset begin(offset / kPageSize + (offset % kPageSize != 0 ? 1 : 0));
    const bool whole = (last + 1) % kPageSize == 0 || last + 1 == file.size.value;
    const PageOffset end((last >> kPageShift) + (whole ? 1 : 0));
    if (begin < end) drop_cached(*core_, file, begin, end);
  }
  checked();
}

}  // namespace pw
