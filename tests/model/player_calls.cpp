#include <algorithm>
#include <cstdio>
#include <iterator>

#include "model/player.hpp"

namespace pw::model {

namespace {

std::string run_text(Pid pid, std::uint64_t begin, std::uint64_t pages) {
  char text[80];
  std::snprintf(text, sizeof text, " pid %u 0x%llx..+%llu", pid,
                static_cast<unsigned long long>(begin << kPageShift),
                static_cast<unsigned long long>(pages));
  return text;
}

std::string outcome(bool ok, Errno code) {
  return ok ? " -> ok" : " -> errno " + std::to_string(static_cast<int>(code));
}

template <class T>
std::string outcome(const Result<T>& result) {
  return outcome(result.has_value(), result ? Errno{} : result.error().code);
}

Rights any_rights(Random& random) {
  static constexpr Rights kChoices[] = {
      kReadOnly, {}, kReadExecute, {true, true, true}, {false, true, false}};
  if (!random.chance(4)) return kReadWrite;
  return kChoices[random.below(std::size(kChoices))];
}

}  // namespace

// What to map: anonymous memory, a file or shared memory, privately or shared.
void Player::draw_mapping(Random& random, MmapRequest& request, PageState& state) {
  request.rights = any_rights(random);
  request.shared = random.chance(3);
  if (random.chance(2)) state.object = any_object(random, true);
  if (state.object != nullptr) {
    request.backing = &machine_->object(state.object->id);
    request.backing_page = PageOffset(random.below(6));
    if (!state.object->file) request.shared = true;
    if (request.shared && state.object->read_only) {
      request.may.write = false;
      if (!random.chance(4)) request.rights.write = false;
    }
  }
  state.rights = request.rights;
  state.may = request.may;
  state.shared = request.shared;
  state.object_page = request.backing_page.value;
}

void Player::mmap(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr || process->space->pages.size() > kMaxPages) return;
  Space& space = *process->space;
  MmapRequest request;
  PageState state;
  draw_mapping(random, request, state);
  std::uint64_t pages = 1 + random.below(random.chance(3) ? 40 : 8);
  if (state.object != nullptr && !random.chance(4)) {  // mostly pages that exist
    pages = std::min(pages, std::max<std::uint64_t>(1, state.object->pages()));
    request.backing_page = PageOffset(0);
    state.object_page = 0;
  }
  request.length = ByteCount(pages * kPageSize - random.below(kPageSize));
  const std::uint64_t wish = far_page(space, random, pages);
  const std::uint64_t how = random.below(4);
  if (how > 0) request.address = VirtAddr(wish << kPageShift);
  request.fixed = how == 1;
  request.fixed_noreplace = how == 2;
  const auto got = machine_->mmap(process->pid, request);
  note("mmap" + run_text(process->pid, wish, pages) + " how " + std::to_string(how) +
       (request.shared ? " shared" : "") + (state.object ? " object" : "") +
       (state.rights.write ? " w" : "") + outcome(got));
  if (how == 2 && !space.free(wish, wish + pages)) {
    expect(!got, "mmap replaced what it must not replace");
    return expect_errno(got.error().code, Errno::Exists, "mmap");
  }
  if (request.shared && state.rights.write && !state.may.write) {
    expect(!got, "a read-only file was mapped shared and writable");
    return expect_errno(got.error().code, Errno::Access, "mmap");
  }
  expect_ok(got, "mmap");
  const std::uint64_t begin = page_of(*got).value;
  if (how == 1 || how == 2) expect(begin == wish, "mmap: a fixed area lies elsewhere");
  if (how == 1) space.erase(begin, begin + pages);
  expect(space.free(begin, begin + pages), "mmap: the new area lies over an old one");
  expect(begin >= space.lowest && begin + pages <= space.user_end, "mmap: outside the user half");
  if (request.shared && state.object == nullptr) {
    state.object = std::make_shared<Object>();
    state.object->bytes.resize(pages * kPageSize);
  }
  state.origin = next_origin_++;
  for (std::uint64_t i = 0; i < pages; ++i, ++state.object_page, ++state.origin_index) {
    space.pages[begin + i] = state;
  }
}

void Player::munmap(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr) return;
  const PageRun run = any_run(*process->space, random, random.chance(4) ? 60 : 8);
  const auto got = machine_->munmap(process->pid, run.address(), run.length());
  note("munmap" + run_text(process->pid, run.begin, run.pages) + outcome(got));
  expect_ok(got, "munmap");
  process->space->erase(run.begin, run.end());
}

void Player::mprotect(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr) return;
  const PageRun run = any_run(*process->space, random, 12);
  const Rights rights = any_rights(random);
  const auto got = machine_->mprotect(process->pid, run.address(), run.length(), rights);
  note("mprotect" + run_text(process->pid, run.begin, run.pages) + (rights.read ? " r" : "") +
       (rights.write ? " w" : "") + (rights.execute ? " x" : "") + outcome(got));
  const int wanted = process->space->protect(run.begin, run.end(), rights);
  const int errno_got = got ? 0 : static_cast<int>(got.error().code);
  expect(errno_got == wanted,
         "mprotect: errno " + std::to_string(errno_got) + " instead of " + std::to_string(wanted));
}

void Player::mremap(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr || process->space->pages.empty()) return;
  if (process->space->pages.size() > kMaxPages) return;
  Space& space = *process->space;
  const std::uint64_t begin = any_page(space, random);
  std::uint64_t old_pages = 1;
  bool surely = true;
  while (!random.chance(8) && space.one_area(begin, begin + old_pages + 1, surely)) ++old_pages;
  if (random.chance(10)) ++old_pages;
  MremapRequest request;
  request.address = VirtAddr(begin << kPageShift);
  request.old_length = ByteCount(old_pages * kPageSize);
  const std::uint64_t pages = 1 + random.below(2 * old_pages + 3);
  request.new_length = ByteCount(pages * kPageSize);
  request.may_move = !random.chance(3);
  request.fixed = request.may_move && random.chance(2);
  if (request.fixed) request.new_address = VirtAddr(far_page(space, random, pages) << kPageShift);
  const auto got = machine_->mremap(process->pid, request);
  note("mremap" + run_text(process->pid, begin, old_pages) + " to " + std::to_string(pages) +
       (request.fixed ? run_text(process->pid, page_of(request.new_address).value, pages)
                      : std::string()) +
       (request.may_move ? " may move" : "") + outcome(got));
  apply_mremap(space, request, got);
}

// Pages that move as they are, with the gaps between them, whatever areas they belong to.
void Player::apply_move(Space& space, const MremapRequest& request, const Result<VirtAddr>& got) {
  const std::uint64_t begin = page_of(request.address).value;
  const std::uint64_t target = page_of(request.new_address).value;
  const std::uint64_t pages = pages_for(request.new_length).value;
  expect_ok(got, "mremap");
  expect(page_of(*got).value == target, "mremap: another place than expected");
  for (std::uint64_t i = 0; i < pages; ++i) {
    if (space.find(begin + i) == nullptr) continue;
    space.erase(target + i, target + i + 1);
    space.move(begin + i, 1, target + i);
  }
}

void Player::apply_mremap(Space& space, const MremapRequest& request, const Result<VirtAddr>& got) {
  const std::uint64_t begin = page_of(request.address).value;
  const std::uint64_t target = page_of(request.new_address).value;
  const std::uint64_t pages = pages_for(request.new_length).value;
  std::uint64_t old_pages = pages_for(request.old_length).value;
  const bool meets = target < begin + old_pages && begin < target + pages;
  if (request.fixed && (meets || target + pages > space.user_end)) {
    expect(!got, "mremap onto itself");
    return expect_errno(got.error().code, Errno::Invalid, "mremap");
  }
  if (request.fixed && pages == old_pages && space.find(begin) != nullptr) {
    return apply_move(space, request, got);
  }
  // What stays must be one area if it moves or grows; what goes may be anything.
  const std::uint64_t kept = std::min(pages, old_pages);
  const bool stays = !request.fixed && pages <= old_pages;
  bool surely = false;
  const bool whole = space.one_area(begin, begin + (stays ? 1 : kept), surely);
  if (!whole || (!got && got.error().code == Errno::Fault)) {
    expect(!whole || !surely, "mremap: an area is not seen as one");
    expect(!got, "mremap of several areas");
    return expect_errno(got.error().code, Errno::Fault, "mremap");
  }
  if (pages < old_pages) {
    if (request.fixed) space.erase(target, target + pages);
    if (begin + old_pages > space.user_end) {  // what would go is unmapped as munmap does it
      expect(!got, "mremap unmapped what lies beyond the user half");
      return expect_errno(got.error().code, Errno::Invalid, "mremap");
    }
    space.erase(begin + pages, begin + old_pages);
    old_pages = pages;
  }
  std::uint64_t place = begin;
  if (pages > old_pages || request.fixed) {
    const bool grows = !request.fixed && begin + pages <= space.user_end &&
                       space.free(begin + old_pages, begin + pages);
    if (!grows && !request.may_move) {
      expect(!got, "mremap moved what must not move");
      return expect_errno(got.error().code, Errno::NoMemory, "mremap");
    }
    expect_ok(got, "mremap");
    if (!grows) place = request.fixed ? target : page_of(*got).value;
  }
  expect_ok(got, "mremap");
  expect(page_of(*got).value == place, "mremap: another place than expected");
  if (place != begin) {
    if (request.fixed) space.erase(place, place + pages);
    expect(space.free(place, place + pages), "mremap: the new place was taken");
    space.move(begin, old_pages, place);
  }
  if (pages > old_pages) {
    const PageState last = *space.find(place + old_pages - 1);
    space.extend(last, place + old_pages, pages - old_pages, next_origin_++);
  }
}

void Player::brk(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr) return;
  Space& space = *process->space;
  const std::uint64_t wanted = random.chance(8) ? space.heap_begin - 1 - random.below(99)
                                                : space.heap_begin + random.below(30 * kPageSize);
  const auto got = machine_->brk(process->pid, VirtAddr(wanted));
  expect_ok(got, "brk");
  const auto up = [](std::uint64_t address) { return (address + kPageSize - 1) >> kPageShift; };
  const std::uint64_t from = up(space.brk), to = up(wanted);
  // Growing leaves a page free above; shrinking must find something there.
  bool moves = wanted >= space.heap_begin &&
               (to == from || (to > from ? space.free(from, to + 1) : !space.free(to, from)));
  // Stacks, which mremap may have brought there, keep a wider distance.
  const bool near = to > from && !space.free(to, to + 1 + space.guard_pages);
  if (near && space.moved && got->value == space.brk) moves = false;
  note("brk" + run_text(process->pid, from, 0) + run_text(process->pid, to, 0) +
       (moves ? "" : " refused"));
  expect(got->value == (moves ? wanted : space.brk), "brk: another break than expected");
  if (!moves) return;
  if (to < from) space.erase(to, from);
  PageState state;
  state.rights = kReadWrite;
  state.origin = next_origin_++;
  for (std::uint64_t page = from; page < to; ++page, ++state.origin_index)
    space.pages[page] = state;
  space.brk = wanted;
}

void Player::discard(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr) return;
  const PageRun run = any_run(*process->space, random, 12);
  const auto got = machine_->discard(process->pid, run.address(), run.length());
  note("discard" + run_text(process->pid, run.begin, run.pages) + outcome(got));
  const bool whole = process->space->discard(run.begin, run.end());
  expect(got.has_value() == whole, "discard: holes");
  if (!whole) expect_errno(got.error().code, Errno::NoMemory, "discard");
}

// After a successful msync the store has the file's bytes of the range.
void Player::msync(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr) return;
  Space& space = *process->space;
  const PageRun run = any_run(space, random, 12);
  const auto got = machine_->msync(process->pid, run.address(), run.length());
  note("msync" + run_text(process->pid, run.begin, run.pages) + outcome(got));
  bool whole = true;
  for (std::uint64_t vpn = run.begin; vpn < run.end(); ++vpn) {
    const PageState* page = space.find(vpn);
    whole = whole && page != nullptr;
    if (page == nullptr || !page->shared || !page->object->file) continue;
    const Object& object = *page->object;
    const std::size_t from = page->object_page * kPageSize;
    for (std::size_t i = from; i < from + kPageSize && i < object.bytes.size(); ++i) {
      expect(object.bytes[i] == (*object.store)[i], "msync: the store has other bytes");
    }
  }
  expect(got.has_value() == whole, "msync: holes");
  if (!whole) expect_errno(got.error().code, Errno::NoMemory, "msync");
}

// Calls that must fail and change nothing.
void Player::bad_call(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr || process->space->pages.empty()) return;
  const Pid pid = process->pid;
  const std::uint64_t end = process->space->user_end << kPageShift;
  MmapRequest request;
  request.length = ByteCount(kPageSize);
  note("bad calls pid " + std::to_string(pid));
  const auto refuses = [&](Errno wanted, const char* what) {
    const auto got = machine_->mmap(pid, request);
    expect(!got, what);
    expect_errno(got.error().code, wanted, what);
  };
  request.fixed = true;
  request.address = VirtAddr(end);
  refuses(Errno::NoMemory, "mmap beyond the user half");
  request.address = VirtAddr(random.below(process->space->lowest) << kPageShift);
  refuses(Errno::Perm, "mmap below the lowest address");
  request.address = VirtAddr(request.address.value + 1);
  refuses(Errno::Invalid, "mmap at an unaligned place");
  request.length = ByteCount(0);
  refuses(Errno::Invalid, "mmap of nothing");
  request = {};
  request.length = ByteCount(~random.below(kPageSize * 4));
  refuses(Errno::NoMemory, "mmap of everything");
  const auto invalid = [](const auto& got, const char* what) {
    expect(!got, what);
    expect_errno(got.error().code, Errno::Invalid, what);
  };
  const VirtAddr odd(0x10001);
  invalid(machine_->munmap(pid, odd, ByteCount(kPageSize)), "munmap unaligned");
  invalid(machine_->munmap(pid, VirtAddr(end), ByteCount(kPageSize)), "munmap beyond");
  invalid(machine_->munmap(pid, VirtAddr(0x10000), ByteCount(0)), "munmap of nothing");
  invalid(machine_->mprotect(pid, odd, ByteCount(kPageSize), kReadOnly), "mprotect unaligned");
  invalid(machine_->discard(pid, odd, ByteCount(kPageSize)), "discard unaligned");
  invalid(machine_->msync(pid, odd, ByteCount(kPageSize)), "msync unaligned");
  MremapRequest to_low;
  to_low.address = VirtAddr(any_page(*process->space, random) << kPageShift);
  to_low.old_length = to_low.new_length = ByteCount(kPageSize);
  to_low.may_move = to_low.fixed = true;
  to_low.new_address = VirtAddr(kPageSize);
  const auto low = machine_->mremap(pid, to_low);
  expect(!low, "mremap below the lowest address");
  expect_errno(low.error().code, Errno::Perm, "mremap below the lowest address");
}

}  // namespace pw::model
