#include "web/core/explorer/scene.hpp"

#include <algorithm>

#include "script/counters.hpp"
#include "space/translations.hpp"
#include "web/core/explorer/state.hpp"

namespace pw::explorer {

namespace {

std::uint64_t evictions(const ReclaimCounters& c) {
  return c.pgsteal_kswapd + c.pgsteal_direct + c.local_evictions;
}

}  // namespace

FrameOwner owner_of(const Frame& frame) { return {frame.kind, frame.owner, frame.index}; }

bool FaultRecorder::step(FaultStep step, const FaultRequest& request, std::uint64_t detail) {
  bool begins = false;
  if (step == FaultStep::Request) {
    // After a wait the same request is handed in again: still the same fault.
    const bool again = request.major && !stories_.empty() && keeping_ &&
                       stories_.back().address == request.address;
    begins = !again;
    if (begins) ++count_;
    keeping_ = again || stories_.size() < kMost;
    if (!keeping_) return begins;
    if (!again) {
      FaultStory story;
      story.space = request.space->id();
      story.address = request.address;
      story.access = request.access;
      stories_.push_back(std::move(story));
    }
  }
  if (!keeping_) return false;
  stories_.back().major = stories_.back().major || request.major;
  stories_.back().parts.push_back({step, detail});
  return begins;
}

void Scene::step(FaultStep step, const FaultRequest& request, std::uint64_t detail) {
  if (faults_.step(step, request, detail)) {
    log_.add_fault(at_ + 1, machine().clock().now_ns(), request);
  } else if (request.major) {
    log_.fault_is_major();
  }
}

void Scene::happened(const MemoryEvent& event) {
  LoggedEvent logged;
  logged.step = at_ + 1;
  logged.ns = machine().clock().now_ns();
  logged.event = event;
  const bool of_page = event.kind == MemoryEvent::Kind::Evicted ||
                       event.kind == MemoryEvent::Kind::SwapWrite;
  if (of_page && event.page.kind != FrameKind::Anon) {
    const std::string& name = machine().core().objects.object(event.page.owner).name;
    logged.who = name.empty() ? "shared memory" : name;
  }
  log_.add(std::move(logged));
}

void FaultRecorder::name(const EventLog::NameOf& name_of) {
  for (auto at = stories_.rbegin(); at != stories_.rend() && !at->named; ++at) {
    at->process = name_of(at->space);
    at->named = true;
  }
}

void Scene::name_events() {
  const auto name_of = [this](SpaceId space) { return names_of_space(*this, space); };
  log_.name(name_of);
  faults_.name(name_of);
}

Pid Scene::pid_of(std::uint32_t index) {
  for (const Actor& actor : actors()) {
    if (actor.index == index) return actor.pid;
  }
  return 0;
}

void Scene::begin() {
  machine().watch(this);
  machine().listen(this);
  faults_.clear();
  log_.begin();
  shown_ = {};
  used_.clear();
  at_ = 0;
  now_.reset();
  before_ = {};
}

void Scene::look_away() { now_.reset(); }

void Scene::look() {
  log_.step_begins();
  before_ = now_ ? std::move(*now_) : snapshot();
  now_.reset();
}

const Snapshot& Scene::now() {
  if (!now_) now_ = snapshot();
  return *now_;
}

// Which address the page shows the way of, and which frames were used.
void Scene::note_access(Process* process, std::uint32_t index, VirtAddr address,
                        std::uint64_t length, Access access) {
  shown_ = {true, true, index, address, std::max<std::uint64_t>(length, 1), access};
  if (process == nullptr || process->space == nullptr) return;
  constexpr std::uint64_t kMostPages = 4'096;
  const Vpn first = page_of(shown_.address);
  const std::uint64_t pages = std::min(
      kMostPages, page_of(shown_.address + ByteCount(shown_.length - 1)).value - first.value + 1);
  for (std::uint64_t i = 0; i < pages; ++i) {
    const Vpn vpn = first + PageCount(i);
    int level = 1;
    const x86::Pte* entry = process->space->tables().find_any(vpn, level);
    if (entry == nullptr || !entry->present()) continue;
    const Pfn pfn = x86::leaf_frame(*entry, level) +
                    PageCount(vpn.value & (x86::pages_at(level).value - 1));
    if (used_.size() <= pfn.value) used_.resize(static_cast<std::size_t>(pfn.value) + 1);
    used_[static_cast<std::size_t>(pfn.value)] = {owner_of(machine().frames().frame(pfn)), at_};
  }
}

std::uint64_t Scene::last_used(Pfn pfn, const FrameOwner& owner) const {
  if (pfn.value >= used_.size()) return 0;
  const Use& use = used_[static_cast<std::size_t>(pfn.value)];
  return use.owner == owner ? use.step : 0;
}

Snapshot Scene::snapshot() {
  Snapshot now;
  Machine& m = machine();
  FramePool& pool = m.frames();
  constexpr std::size_t kMostTables = 256;
  std::uint64_t left = pool.user_frames() + pool.table_frames();
  for (std::uint64_t n = 0; n < pool.total().value && left > 0; ++n) {
    const Frame& frame = pool.frame(Pfn(n));
    if (frame.kind != FrameKind::Table && !is_user(frame.kind)) continue;
    --left;
    if (is_user(frame.kind)) {
      if (now.frames.size() < Snapshot::kMostFrames) now.frames.emplace_back(n, owner_of(frame));
    } else if (now.tables.size() < kMostTables) {
      const std::uint64_t* entries = pool.table_memory().table(Pfn(n));
      now.tables[n].assign(entries, entries + x86::kEntriesPerTable);
    }
  }
  for (unsigned c = 0; c < m.mmu().cpus(); ++c) {
    const sim::SimCpu& cpu = m.mmu().cpu(c);
    for (unsigned unit = 0; unit < sim::SimCpu::kUnits; ++unit) {
      for (unsigned size = 0; size < 3; ++size) {
        cpu.unit(unit).arrays()[size].for_each_place(
            [&](std::uint32_t set, std::uint32_t way, const sim::TlbSlot& slot) {
              cpu.report(slot, [&](SpaceId space, Vpn vpn, int level, Pfn pfn, std::uint64_t rights,
                                   bool dirty) {
                now.tlb.push_back({{c, unit, size, set, way},
                                   {space, vpn.value, level, pfn.value, rights, dirty}});
              });
            });
      }
    }
  }
  for (const std::string_view name : script::machine_counter_names()) {
    std::uint64_t value = 0;
    (void)script::machine_counter(name, m, value);
    now.counters.push_back(value);
  }
  now.evicted = evictions(m.counters().reclaim);
  return now;
}

}  // namespace pw::explorer
