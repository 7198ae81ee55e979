#include <optional>

#include "space/commit.hpp"
#include "space/operations.hpp"

namespace pw {

namespace {

constexpr std::uint64_t kHugePages = 512;  // a huge page of 2 MiB in small ones

// Where what begins at `offset` pages of its object may begin so that huge pages fit both
// (__thp_get_unmapped_area(), mm/huge_memory.c): in a hole of a huge page more.
std::optional<Vpn> huge_aligned_gap(const AddressSpace& space, PageCount pages,
                                    std::uint64_t offset) {
  const std::uint64_t first = (offset + kHugePages - 1) / kHugePages * kHugePages;
  if (offset + pages.value < first + kHugePages) return std::nullopt;
  const auto gap = space.find_gap(PageCount(pages.value + kHugePages));
  if (!gap) return std::nullopt;
  const std::uint64_t ahead = (offset - gap->value) % kHugePages;
  return *gap + PageCount(ahead == 0 ? kHugePages : ahead);
}

// MAP_32BIT: find_start_end(), arch/x86/kernel/sys_x86_64.c.
constexpr VpnRange kLowWindow{Vpn(0x4000'0000 >> kPageShift), Vpn(0x8000'0000 >> kPageShift)};

bool hint_is_free(AddressSpace& space, Vpn hint, PageCount pages) {
  const Vpn user_end = space.layout().user_end;
  if (pages.value > user_end.value || hint > Vpn(user_end.value - pages.value)) return false;
  const Vma* above = space.areas().lower_bound(hint);
  if (above == nullptr) return true;
  return hint + pages <= above->start_gap();
}

// A free place for an area that is not told where to go.
std::optional<Vpn> choose(AddressSpace& space, const MmapRequest& request, PageCount pages) {
  if (request.low) return space.find_low_gap(pages, kLowWindow);
  Vpn hint = page_of(request.address);
  const bool moves = hint.value != 0 && !request.raw_wish;
  if (moves && hint < space.layout().hint_lowest) hint = space.layout().hint_lowest;
  if (hint.value != 0 && hint_is_free(space, hint, pages)) return hint;
  const bool private_memory = request.backing == nullptr && !request.shared;
  const bool file = request.backing != nullptr && request.backing->kind == ObjectKind::File;
  if (file || (private_memory && hint.value == 0 && pages.value % kHugePages == 0)) {
    const std::uint64_t offset = file ? request.backing_page.value : 0;
    if (const auto place = huge_aligned_gap(space, pages, offset)) return place;
  }
  return space.find_gap(pages);
}

}  // namespace

// __get_unmapped_area(), mm/mmap.c.
Result<VpnRange> find_place(AddressSpace& space, const MmapRequest& request, PageCount pages) {
  const SpaceLayout& layout = space.layout();
  if (pages.value > layout.user_end.value) return fail(Errno::NoMemory);
  if (!request.fixed && !request.fixed_noreplace) {
    const std::optional<Vpn> gap = choose(space, request, pages);
    if (!gap) return fail(Errno::NoMemory);
    if (*gap < layout.lowest) return fail(Errno::Perm);
    return range_of(*gap, pages);
  }
  // An address that looks like an error is taken for one.
  constexpr std::uint64_t kFirstError = ~std::uint64_t{4094};
  if (request.address.value >= kFirstError) {
    return fail(static_cast<Errno>(~request.address.value + 1));
  }
  const std::uint64_t last = address_of(Vpn(layout.user_end.value - pages.value)).value;
  if (request.address.value > last) return fail(Errno::NoMemory);
  if (!page_aligned(request.address)) return fail(Errno::Invalid);
  const VpnRange range = range_of(page_of(request.address), pages);
  if (range.begin < layout.lowest) return fail(Errno::Perm);  // vm.mmap_min_addr
  if (request.fixed_noreplace && space.areas().overlaps(range)) return fail(Errno::Exists);
  return range;
}

namespace {

Vma new_area(AddressSpace& space, const MmapRequest& request, VpnRange range) {
  Vma area;
  area.range_ = range;
  area.rights = request.rights;
  area.may = request.may;
  area.shared = request.shared;
  area.read_only_file = request.read_only_file;
  area.grows_down = request.grows_down;
  area.role = request.role;
  area.traits = request.traits;
  const bool locks = request.traits.locked || space.lock_future().locked;
  area.traits.locked = locks && !request.traits.droppable;
  area.traits.lock_on_fault = area.traits.locked && space.lock_future().on_fault;
  area.traits.accounted = request.rights.write && !request.shared && !request.traits.no_reserve;
  area.label = request.label;
  area.backing = request.backing;
  area.file = request.file;
  area.segment = request.segment;
  const bool own_pages = request.backing == nullptr && !request.shared;
  area.backing_page = own_pages ? PageOffset(range.begin.value) : request.backing_page;
  if (request.grows_down) area.guard = space.core().options.stack_guard_gap;
  return area;
}

}  // namespace

// What lies in the way of a fixed area makes room for it (__mmap_setup(), mm/vma.c).
static Result<void> within_limits(AddressSpace& space, const Vma& area, bool replaces) {
  PageCount more = area.range().pages(), promised = more;
  for (const Vma* at = replaces ? space.areas().lower_bound(area.range().begin) : nullptr;
       at != nullptr && at->range().begin < area.range().end; at = space.areas().next(*at)) {
    more = more - at->range().pages();
    if (at->traits.accounted) promised = promised - at->range().pages();
  }
  if (!space.may_expand(area, more)) return fail(Errno::NoMemory);
  const bool may = !area.traits.accounted || promised.value == 0 || may_commit(space, promised);
  return may ? Result<void>() : fail(Errno::NoMemory);
}

bool may_lock(const AddressSpace& space, PageCount more) {
  const SpaceLimits& limits = space.limits();
  return limits.may_lock_all ||
         counted_as_locked(space) + more.value <= limits.locked >> kPageShift;
}

// Keeps what is being mapped: its last area may lie in the place that is cleared for the new one (a
// removed segment: shm_nattch in do_shmat(), ipc/shm.c).
class Held {
 public:
  Held(Core& core, VmObject* object) : core_(core), object_(object) {
    if (object_ != nullptr) ++object_->holders;
  }
  ~Held() {
    if (object_ != nullptr) core_.objects.release(*object_);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  Core& core_;
  VmObject* object_;
};

// do_mmap(), __mmap_region(), mm/mmap.c and vma.c.
Result<VirtAddr> mmap(AddressSpace& space, const MmapRequest& request) {
  if (request.length.value == 0) return fail(Errno::Invalid);
  const PageCount pages = pages_for(request.length);
  if (pages.value == 1ULL << (64 - kPageShift)) return fail(Errno::NoMemory);  // wraps
  if (!space.may_have_areas(0)) return fail(Errno::NoMemory);
  const Result<VpnRange> range = find_place(space, request, pages);
  if (!range) return tl::unexpected(range.error());
  const bool may_lock_any = space.limits().may_lock_all || space.limits().locked != 0;
  if (request.traits.locked && !may_lock_any) return fail(Errno::Perm);
  Vma area = new_area(space, request, *range);
  const bool locks = request.traits.locked || space.lock_future().locked;
  if (locks && !may_lock(space, pages)) return fail(Errno::Again);
  if (request.objection) return fail(*request.objection);
  if (request.shared && request.rights.write && !request.may.write) return fail(Errno::Access);
  if (request.grows_down && (request.shared || request.backing != nullptr)) {
    return fail(Errno::Invalid);
  }
  if (request.fixed) PW_TRY(prepare_unmap(space, *range));
  PW_TRY(within_limits(space, area, request.fixed));
  const Held held(space.core(), area.backing);
  if (request.fixed) PW_TRY(munmap(space, address_of(range->begin), bytes_of(pages)));
  VmObject* fresh = nullptr;
  if (request.shared && request.backing == nullptr) {
    // What was there is gone by now: the kernel leaves a hole, too.
    const bool reserves = !request.traits.no_reserve;
    if (reserves && !may_commit(space, pages)) return fail(Errno::NoMemory);
    fresh = &space.core().objects.create(ObjectKind::Shared);
    fresh->size = bytes_of(pages);
    if (reserves) space.core().objects.promise(*fresh);
    area.backing = fresh;
  }
  if (!request.shared) space.homes().claim(*range);
  if (locks && area.traits.droppable) {
    // It is to be locked while neighbours are compared with it, and only then cannot be
    // (__mmap_complete(), mm/vma.c).
    space.adopt(area);
  } else {
    space.insert(area);
  }
  if (fresh != nullptr) space.core().objects.release(*fresh);  // the area holds it now
  return address_of(range->begin);
}

}  // namespace pw
