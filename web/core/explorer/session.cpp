#include "web/core/explorer/session.hpp"

#include <algorithm>

#include "script/counters.hpp"
#include "script/parser.hpp"
#include "script/settings.hpp"
#include "space/translations.hpp"
#include "web/core/explorer/json.hpp"

namespace pw::explorer {

namespace {

// A page of a browser has less room than a program of its own.
constexpr script::SimLimits kSimLimits{ByteCount(1ULL << 30), ByteCount(256ULL << 20), 1U << 16};

// "policy=lru tlb=l1d=1x16" onto a configuration.
Result<void> apply(MachineConfig& config, std::string_view settings) {
  while (!settings.empty()) {
    const std::size_t end = std::min(settings.find(' '), settings.size());
    const std::string_view word = settings.substr(0, end);
    settings.remove_prefix(std::min(end + 1, settings.size()));
    if (word.empty()) continue;
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) {
      return fail(Errno::Invalid, "'" + std::string(word) + "' is no KEY=VALUE");
    }
    PW_TRY(script::apply_setting(config, word.substr(0, equals), word.substr(equals + 1)));
  }
  return {};
}

std::uint64_t evictions(const ReclaimCounters& c) {
  return c.pgsteal_kswapd + c.pgsteal_direct + c.local_evictions;
}

bool is_access(const script::Step& step) {
  return step.kind == script::Step::Kind::Do &&
         (step.verb == script::Verb::Load || step.verb == script::Verb::Store ||
          step.verb == script::Verb::Fetch);
}

}  // namespace

FrameOwner owner_of(const Frame& frame) { return {frame.kind, frame.owner, frame.index}; }

void FaultRecorder::step(FaultStep step, const FaultRequest& request, std::uint64_t detail) {
  if (step == FaultStep::Request) {
    // After a wait the same request is handed in again: still the same fault.
    const bool again = request.major && !stories_.empty() && keeping_ &&
                       stories_.back().address == request.address;
    if (!again) ++count_;
    keeping_ = again || stories_.size() < kMost;
    if (!keeping_) return;
    if (!again) {
      FaultStory story;
      story.space = request.space->id();
      story.address = request.address;
      story.access = request.access;
      stories_.push_back(std::move(story));
    }
  }
  if (!keeping_) return;
  stories_.back().major = stories_.back().major || request.major;
  stories_.back().parts.push_back({step, detail});
}

Result<std::unique_ptr<Session>> Session::open(std::string_view text, std::string_view settings) {
  script::ParseLimits limits;
  limits.bytes = 1U << 20;
  Result<script::Program> program = script::parse(text, limits);
  if (!program) return tl::unexpected(program.error());
  Result<MachineConfig> config = script::machine_of(*program);
  if (!config) return tl::unexpected(config.error());
  PW_TRY(apply(*config, settings));
  std::unique_ptr<Session> session(new Session());
  session->program_ = std::move(*program);
  session->config_ = *config;
  session->limits_.bytes = 16U << 20;
  session->limits_.populate = 256U << 20;
  session->limits_.processes = 256;
  session->limits_.shown = 1U << 20;
  session->sink_ = [self = session.get()](std::string_view part) { self->output_ += part; };
  PW_TRY(session->restart());
  return session;
}

Result<void> Session::restart() {
  execution_.reset();
  target_.reset();
  auto target = script::SimTarget::create(config_, kSimLimits);
  if (!target) return tl::unexpected(target.error());
  target_ = std::move(*target);
  execution_ = std::make_unique<script::Execution>(program_, *target_, limits_, sink_);
  target_->machine().watch(&faults_);
  faults_.clear();
  shown_ = {};
  used_.clear();
  output_.clear();
  at_ = 0;
  now_.reset();
  before_ = {};
  return {};
}

const Snapshot& Session::now() {
  if (!now_) now_ = snapshot();
  return *now_;
}

Result<void> Session::go(std::uint64_t step) {
  if (step == at_) return {};
  if (step < at_) PW_TRY(restart());
  if (at_ + 1 < step) now_.reset();
  while (at_ + 1 < step && execution_->next() != nullptr && at_ < kMostSteps) advance();
  if (at_ >= step || execution_->next() == nullptr || at_ >= kMostSteps) return {};
  before_ = now_ ? std::move(*now_) : snapshot();
  now_.reset();
  advance();
  return {};
}

void Session::advance() {
  faults_.clear();
  output_.clear();
  execution_->advance();
  ++at_;
  note_access();
}

// Which address the page shows the way of, and which frames were used.
void Session::note_access() {
  const script::Execution::Last& last = execution_->last();
  if (last.step == nullptr || !is_access(*last.step)) return;
  shown_.valid = true;
  shown_.process = last.process;
  shown_.address = last.address;
  shown_.length = std::max<std::uint64_t>(last.length, 1);
  shown_.access = last.step->verb == script::Verb::Load    ? Access::Read
                  : last.step->verb == script::Verb::Store ? Access::Write
                                                           : Access::Execute;
  Process* process = machine().find(target_->pid_of(last.process));
  if (process == nullptr || process->space == nullptr) return;
  constexpr std::uint64_t kMostPages = 4'096;
  const Vpn first = page_of(shown_.address);
  const std::uint64_t pages = std::min(
      kMostPages, page_of(shown_.address + ByteCount(shown_.length - 1)).value - first.value + 1);
  for (std::uint64_t i = 0; i < pages; ++i) {
    const x86::Pte* entry = process->space->tables().find(first + PageCount(i));
    if (entry == nullptr || !entry->present()) continue;
    const Pfn pfn = entry->pfn();
    if (used_.size() <= pfn.value) used_.resize(static_cast<std::size_t>(pfn.value) + 1);
    used_[static_cast<std::size_t>(pfn.value)] = {owner_of(machine().frames().frame(pfn)), at_};
  }
}

std::uint64_t Session::last_used(Pfn pfn, const FrameOwner& owner) const {
  if (pfn.value >= used_.size()) return 0;
  const Use& use = used_[static_cast<std::size_t>(pfn.value)];
  return use.owner == owner ? use.step : 0;
}

Snapshot Session::snapshot() {
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
      now.frames.emplace_back(n, owner_of(frame));
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

Result<std::string> Session::outline() const {
  auto made = script::SimTarget::create(config_, kSimLimits);
  if (!made) return tl::unexpected(made.error());
  script::SimTarget& target = **made;
  Machine& machine = target.machine();
  const script::Output nowhere;
  script::Execution run(program_, target, limits_, nowhere);
  Json json;
  json.open('{');
  std::string kinds;
  json.key("lines").open('[');
  FaultCounters before;
  std::uint64_t work = 0;
  while (run.next() != nullptr && kinds.size() < kMostSteps && work < kMostWork) {
    run.advance();
    const script::Execution::Last& last = run.last();
    work += 1 + last.length / kPageSize;
    json.number(last.step->place.line);
    const FaultCounters& now = machine.counters().faults;
    char kind = is_access(*last.step) ? 'h' : 'o';
    if (last.step->kind == script::Step::Kind::Do && !is_access(*last.step)) kind = 'c';
    if (now.minor != before.minor) kind = 'n';
    if (now.major != before.major) kind = 'j';
    if (last.outcome.signal != 0) kind = 's';
    if (last.failed > 0) kind = 'x';
    kinds += kind;
    work += now.minor - before.minor + now.major - before.major;
    before = now;
  }
  json.close(']');
  json.field("kinds", kinds);
  json.flag("whole", run.next() == nullptr);
  const script::RunReport& report = run.report();
  json.field("checks", report.checks).field("failed", report.failed);
  json.field("summary", script::summary(report));
  json.field("policy", config_.policy);
  json.field("ram", machine.frames().total().value);
  json.close('}');
  return json.take();
}

}  // namespace pw::explorer
