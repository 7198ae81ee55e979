#include "machine/kernel_map.hpp"

#include <cstring>

namespace pw {

namespace {

constexpr VirtAddr kDirect4{0xFFFF'8880'0000'0000}, kDirect5{0xFF11'0000'0000'0000};
constexpr unsigned kLargeOrder = x86::kIndexBits;  // of 2 MiB
// The kernel's code is one page of 2 MiB where that is at most this part of the RAM, else of 4 KiB.
constexpr std::uint64_t kCodeShare = 16;

constexpr std::uint64_t kData = x86::kPresent | x86::kWritable | x86::kNoExecute;
constexpr std::uint64_t kExecutable = x86::kPresent;
constexpr std::uint64_t kMarks = x86::kAccessed | x86::kDirty;

}  // namespace

bool KernelMap::Frames::take(unsigned order, Pfn& out) {
  if (!pool_->take_block(FrameKind::Kernel, order, out)) return false;
  taken_ += std::uint64_t{1} << order;
  return true;
}

bool KernelMap::Frames::allocate_table(int, Pfn& out) {
  if (!take(0, out)) return false;
  std::memset(pool_->table_memory().table(out), 0, kPageSize);
  return true;
}

void KernelMap::Frames::free_table(Pfn table) {
  pool_->give_back(table);
  --taken_;
}

KernelMap::KernelMap(FramePool& pool, const KernelMapConfig& config)
    : pool_(&pool),
      config_(config),
      direct_(config.levels == 5 ? kDirect5 : kDirect4),
      frames_(pool),
      whole_(pool.table_memory(), frames_, config.levels, x86::Half::Kernel),
      for_user_(pool.table_memory(), frames_, config.levels, x86::Half::Kernel) {}

Result<std::unique_ptr<KernelMap>> KernelMap::create(FramePool& pool,
                                                     const KernelMapConfig& config) {
  std::unique_ptr<KernelMap> made(new KernelMap(pool, config));
  if (!made->build()) return fail(Errno::NoMemory, "the RAM does not hold the kernel's mapping");
  return made;
}

bool KernelMap::build() {
  if (!whole_.create_root()) return false;
  if (config_.isolated && !for_user_.create_root()) return false;
  if (!map_code() || !frames_.take(0, entry_code_)) return false;
  if (!map_entry_code(whole_)) return false;
  if (config_.isolated && !map_entry_code(for_user_)) return false;
  return map_ram();
}

bool KernelMap::map(x86::PageTables& tables, VirtAddr at, int level, Pfn pfn, std::uint64_t flags) {
  x86::Pte* entry = tables.ensure(page_of(at), level);
  if (entry == nullptr) return false;
  tables.write(entry, x86::Pte::make(pfn, flags | (level > 1 ? x86::kLarge : 0)));
  ++leaves_;
  return true;
}

// Each page as large as what is left of the RAM allows, which keeps all of them aligned
// (init_memory_mapping(), arch/x86/mm/init.c).
bool KernelMap::map_ram() {
  int level = config_.gigabyte_pages ? 3 : 2;
  for (Pfn at(0); at.value < pool_->total().value;) {
    while (x86::pages_at(level).value > pool_->total().value - at.value) --level;
    if (!map(whole_, direct(at), level, at, kData | global())) return false;
    at = at + x86::pages_at(level);
  }
  return true;
}

bool KernelMap::map_code() {
  const bool large = pool_->total() >= PageCount(kCodeShare << kLargeOrder);
  if (!frames_.take(large ? kLargeOrder : 0, code_)) return false;
  return map(whole_, kCode, large ? 2 : 1, code_, kExecutable | global());
}

// Global even if isolated, since it is the same in both roots (pti_clone_entry_text()).
bool KernelMap::map_entry_code(x86::PageTables& tables) {
  return map(tables, kEntryCode, 1, entry_code_, kExecutable | x86::kGlobal);
}

x86::KernelHalf KernelMap::half() const {
  return {true, whole_.root(), config_.isolated, for_user_.root()};
}

const char* KernelMap::check() {
  std::uint64_t found = 0;
  const char* wrong = check_half(whole_, found);
  if (wrong == nullptr && config_.isolated) wrong = check_half(for_user_, found);
  if (wrong == nullptr && found != leaves_) wrong = "the kernel's mapping lost a page";
  return wrong;
}

const char* KernelMap::check_half(x86::PageTables& tables, std::uint64_t& found) {
  const char* wrong = nullptr;
  const auto expect = [&wrong](bool truth, const char* what) {
    if (!truth && wrong == nullptr) wrong = what;
  };
  tables.for_each_table([&](Pfn table, int level, Vpn first) {
    expect(pool_->frame(table).kind == FrameKind::Kernel,
           "a table of the kernel lies in a frame of another kind");
    std::uint16_t present = 0;
    for (unsigned i = 0; i < x86::kEntriesPerTable; ++i) {
      const x86::Pte entry{pool_->table_memory().table(table)[i]};
      if (entry.raw == 0) continue;
      ++present;
      expect(entry.present() && !entry.user(), "the kernel's mapping is open to the user");
      if (!entry.leaf_at(level)) continue;
      ++found;
      const Vpn vpn = first + PageCount(i * x86::pages_at(level).value);
      const bool is_entry = vpn == page_of(kEntryCode);
      Pfn should((vpn - page_of(direct_)).value);
      if (is_entry) should = entry_code_;
      if (vpn == page_of(kCode)) should = code_;
      expect(entry.pfn() == should, "the kernel's mapping leads elsewhere");
      expect(entry.global() == (is_entry || !config_.isolated), "a wrong page is global");
      expect(entry.writable() == entry.no_execute(), "the kernel can write what it executes");
    }
    expect(present == frames_.entries(table), "a kernel table's entries are miscounted");
  });
  return wrong;
}

const char* KernelMap::check_roots(const x86::PageTables& tables) const {
  const auto table = [this](Pfn pfn) { return pool_->table_memory().table(pfn); };
  if (tables.isolated() != config_.isolated) return "a space has another kind of roots";
  constexpr unsigned kMiddle = x86::kEntriesPerTable / 2;
  for (unsigned i = 0; i < x86::kEntriesPerTable; ++i) {
    const std::uint64_t kernels = table(tables.root())[i] & ~kMarks;
    const std::uint64_t users = table(tables.user_root())[i] & ~kMarks;
    if (i >= kMiddle) {
      if (kernels != (table(whole_.root())[i] & ~kMarks)) return "a root has another kernel half";
      const Pfn seen = config_.isolated ? for_user_.root() : whole_.root();
      if (users != (table(seen)[i] & ~kMarks)) return "user mode has another kernel half";
      continue;
    }
    const bool closed = config_.isolated && users != 0;
    if (kernels != (closed ? users | x86::kNoExecute : users)) return "the two roots differ";
  }
  return nullptr;
}

}  // namespace pw
