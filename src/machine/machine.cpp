// Making and wiring a machine; time.
#include "machine/machine.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "reclaim/linux/linux_reclaim.hpp"
#include "reclaim/mglru/mglru_reclaim.hpp"
#include "reclaim/reclaimer.hpp"

namespace pw {

Machine::Machine(const MachineConfig& config)
    : config_(config), random_(config.seed), next_writeback_ns_(config.writeback_interval_ns) {
  options_.contents = config.contents;
  options_.lazy_fork = config.lazy_fork;
  options_.costs = config.costs;
  options_.prefetch = config.prefetch;
  options_.stack_guard_gap = config.stack_guard_gap;
  options_.max_areas = config.max_areas;
  options_.overcommit = config.overcommit;
  options_.overcommit_percent = config.overcommit_percent;
  options_.model = config.model;
  options_.linux_options = config.linux_options;
  label({});
}

Machine::~Machine() {
  processes_.for_each([&](Process& process) { leave_space(process); });
  for (const FileId file : open_files_) objects_->release(objects_->object(file));
  shared_memory_.reset();  // names hold objects whose frames the reclaimer knows
}

namespace {

// What follows a sample of pages needs TLBs that hold as large a part of them as real ones do of
// all, and walks that stand for several. (Which pages reclaim takes for unused depends on what TLBs
// hold: their accessed bits are not set again.)
void follow_sample(std::uint32_t one_in, sim::CpuConfig& cpu) {
  for (sim::TlbGeometry* tlb : {&cpu.tlb.l1d_4k, &cpu.tlb.l2}) {
    tlb->sets = std::max(tlb->sets / one_in, std::min(tlb->sets, 1U));
  }
  cpu.costs.walk_reference_ps *= one_in;
}

bool can_follow_sample(const MachineConfig& config) {
  const LinuxOptions& options = config.linux_options;
  const std::uint32_t one_in = options.sample_one_in;
  const bool as_linux = config.model == MemoryModel::Linux && options.ageing == Ageing::Lists &&
                        options.huge_pages == HugePages::Never;
  return one_in == 1 || (as_linux && PageSample::possible(one_in));
}

}  // namespace

Result<std::unique_ptr<Machine>> Machine::create(const MachineConfig& config,
                                                 std::unique_ptr<BackingStore> swap) {
  if (config.levels != 4 && config.levels != 5) {
    return fail(Errno::Invalid, "page-table levels must be 4 or 5");
  }
  const int nested = config.cpu.nested_levels;
  if (nested != 0 && nested != 4 && nested != 5) {
    return fail(Errno::Invalid, "levels of nested page tables must be 4 or 5, or 0 for none");
  }
  if (config.cpus == 0 || config.cpus > 256) return fail(Errno::Invalid, "cpus must be 1 to 256");
  if (config.ram.value < 16 * kPageSize) {
    return fail(Errno::Invalid, "RAM must be at least 64 KiB");
  }
  if (config.ram.value >> kPageShift >= policy::kNoPage) {
    return fail(Errno::Invalid, "RAM must be below 16 TiB");
  }
  if (config.bits32 && (config.kernel_map || config.kpti)) {
    return fail(Errno::Invalid, "the kernel's mapping is for machines of 64 bits");
  }
  if (config.swappiness > 200) return fail(Errno::Invalid, "swappiness must be 0 to 200");
  if (!can_follow_sample(config)) {
    return fail(Errno::Invalid,
                "a sample is one page in 2, 4 or 8, of Linux' lists and without huge pages");
  }
  std::unique_ptr<Machine> machine(new Machine(config));
  PW_TRY(machine->build(std::move(swap)));
  return machine;
}

Result<void> Machine::build(std::unique_ptr<BackingStore> swap) {
  auto pool = FramePool::create(PageCount(config_.ram.value >> kPageShift), config_.contents);
  if (!pool) return tl::unexpected(pool.error());
  pool_ = std::move(*pool);
  kernel_memory_ = std::make_unique<KernelMemory>(*pool_);
  Pfn zero;
  PW_CHECK(pool_->take(FrameKind::Kernel, zero));
  if (config_.contents == Contents::Bytes) pool_->zero(zero);
  if (config_.kernel_map || config_.kpti) PW_TRY(map_kernel());

  auto reclaim = make_reclaim();
  if (!reclaim) return tl::unexpected(reclaim.error());
  reclaimer_ = std::move(*reclaim);
  refs_ = std::make_unique<PageRefs>(*pool_, swap_);
  refs_->tell(reclaimer_.get());
  objects_ = std::make_unique<ObjectTable>(*refs_);
  shared_memory_ = std::make_unique<SharedMemory>(*objects_);
  sim::CpuConfig cpu = config_.cpu;
  cpu.levels = config_.levels;
  cpu.protection_keys = config_.protection_keys;
  follow_sample(config_.linux_options.sample_one_in, cpu);
  mmu_ = std::make_unique<sim::SimMmu>(config_.cpus, cpu, pool_->table_memory(), config_.seed);
  cpu_time_seen_ps_.resize(config_.cpus);
  core_ = std::make_unique<Core>(Core{*pool_, *reclaimer_, *reclaimer_, swap_, *objects_, *mmu_,
                                      clock_, counters_, areas_, options_, zero});
  core_->sample = PageSample(config_.linux_options.sample_one_in);
  if (kernel_map_ != nullptr) core_->kernel_half = kernel_map_->half();
  reclaimer_->connect(*core_);
  if (config_.swap.value >= kPageSize) {
    PW_TRY(add_swap(std::move(swap), config_.swap, 0, config_.swap_device));
  }
  return {};
}

Result<std::unique_ptr<Reclaim>> Machine::make_reclaim() {
  if (config_.model == MemoryModel::Linux) {
    const LinuxOptions& options = config_.linux_options;
    if (options.ageing == Ageing::Generations) {
      return std::unique_ptr<Reclaim>(
          std::make_unique<MglruReclaim>(*pool_, options, config_.cpus));
    }
    return std::unique_ptr<Reclaim>(std::make_unique<LinuxReclaim>(*pool_, options, config_.cpus));
  }
  ReclaimConfig reclaim;
  reclaim.policy = config_.policy;
  reclaim.resident_limit = config_.resident_limit_pages;
  reclaim.min_free = config_.min_free_pages;
  reclaim.swappiness = config_.swappiness;
  reclaim.replacement = config_.replacement;
  reclaim.allocation = config_.allocation;
  reclaim.cluster = config_.page_out_cluster;
  reclaim.prefer_clean = config_.prefer_clean;
  auto made = Reclaimer::create(*pool_, reclaim);
  if (!made) return tl::unexpected(made.error());
  return std::unique_ptr<Reclaim>(std::move(*made));
}

Result<void> Machine::map_kernel() {
  auto map = KernelMap::create(*pool_, {config_.levels, config_.cpu.gigabyte_pages, config_.kpti});
  if (!map) return tl::unexpected(map.error());
  kernel_map_ = std::move(*map);
  return {};
}

Result<void> Machine::add_swap(std::unique_ptr<BackingStore> store, ByteCount size, int priority,
                               const DeviceModel& device) {
  const std::uint64_t slots = size.value >> kPageShift;
  if (slots == 0 || slots > 1ULL << SwapSpace::kAreaShift) {
    return fail(Errno::Invalid, "a swap area holds 4 KiB to 1 TiB");
  }
  if (store == nullptr && config_.contents == Contents::Bytes) {
    return fail(Errno::Invalid, "a machine with contents needs a store for its swap area");
  }
  if (store != nullptr) PW_TRY(store->resize(ByteCount(slots << kPageShift)));
  return swap_.add(std::make_unique<SwapArea>(std::move(store), static_cast<std::uint32_t>(slots),
                                              priority, device));
}

LabelId Machine::label(const std::string& name) {
  const auto [it, fresh] = labels_.try_emplace(name, static_cast<LabelId>(label_names_.size()));
  if (fresh) {
    label_names_.push_back(name);
    areas_.emplace_back();
  }
  return it->second;
}

void Machine::sync_clock(sim::SimCpu& cpu) {
  std::uint64_t& seen = cpu_time_seen_ps_[mmu_->initiator()];
  const std::uint64_t now = cpu.time_ps();
  clock_.advance((now - seen) / 1000);
  seen = now - (now - seen) % 1000;
}

void Machine::run_due() {
  reclaimer_->run_background();
  khugepaged_.run(*core_);
  if (clock_.now_ns() < next_writeback_ns_) return;
  next_writeback_ns_ = clock_.now_ns() + config_.writeback_interval_ns;
  objects_->for_each([&](VmObject& file) {
    if (file.kind != ObjectKind::File) return;
    file.slots.for_each(PageOffset(0), PageOffset(file.pages().value),
                        [&](PageOffset at, PageSlot slot) {
                          if (!slot.is_resident()) return;
                          const Frame& frame = pool_->frame(slot.pfn());
                          const bool dirty = (frame.flags & kFrameDirty) != 0;
                          if (!dirty || clock_.now_ns() - frame.extra < config_.dirty_expire_ns)
                            return;
                          // A page that cannot be written stays dirty and is tried again next time.
                          (void)write_back(*core_, file, at, at + PageCount(1));
                        });
  });
}

void Machine::listen(MemoryListener* listener) {
  core_->listener = listener;
  mmu_->listen(listener);
}

void Machine::advance(std::uint64_t ns) {
  clock_.advance(ns);
  counters_.idle_ns += ns;
  run_due();
}

const MachineCounters& Machine::counters() {
  counters_.resident_pages = pool_->user_frames();
  counters_.resident_peak = pool_->user_frames_peak();
  counters_.table_pages = pool_->table_frames();
  counters_.table_peak = pool_->table_frames_peak();
  counters_.huge.deferred_split_page = pool_->huge().ever_partly_used();
  counters_.reclaim.swap_requests = swap_.traffic().requests;
  counters_.shootdowns = mmu_->shootdowns().shootdowns;
  counters_.shootdown_ipis = mmu_->shootdowns().ipis;
  return counters_;
}

sim::TlbCounters Machine::tlb_counters() const {
  // Nothing but counts in it, so that they can be summed without naming each.
  using Words = std::array<std::uint64_t, sizeof(sim::TlbCounters) / sizeof(std::uint64_t)>;
  Words sum{};
  for (unsigned i = 0; i < mmu_->cpus(); ++i) {
    const auto each = std::bit_cast<Words>(std::as_const(*mmu_).cpu(i).counters());
    for (std::size_t word = 0; word < sum.size(); ++word) sum[word] += each[word];
  }
  return std::bit_cast<sim::TlbCounters>(sum);
}

void Machine::check_all() {
  const Result<void> sound = verify();
  PW_CHECK_MSG(sound, sound ? "" : sound.error().message.c_str());
}

}  // namespace pw
