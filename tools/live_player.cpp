#include "tools/live_player.hpp"

#include <algorithm>
#include <charconv>

#include "web/core/explorer/state.hpp"

namespace pw::tools {

namespace {

using Clock = LiveBoard::Clock;

constexpr std::chrono::milliseconds kTellEvery{100};
constexpr int kTellShare = 4;  // telling takes a fifth of the time at most

std::uint64_t faults_of(Machine& machine) {
  const FaultCounters& faults = machine.counters().faults;
  return faults.minor + faults.major + faults.segv + faults.bus;
}

LiveSample sample_of(explorer::Scene& scene) {
  Machine& machine = scene.machine();
  const MachineCounters& counters = machine.counters();
  LiveSample sample;
  sample.step = scene.at();
  sample.time_ns = machine.clock().now_ns();
  sample.minor = counters.faults.minor;
  sample.major = counters.faults.major;
  sample.resident = counters.resident_pages;
  sample.free = machine.frames().free_frames().value;
  sample.swapped = machine.swap().used_slots();
  sample.evicted = scene.now().evicted;
  return sample;
}

class LivePlayer {
 public:
  LivePlayer(LiveRun& run, LiveBoard& board) : run_(run), board_(board) { run_.tell_from_here(); }

  bool after_step() {
    untold_ = true;
    if (to_fault_ && faults_of(run_.scene().machine()) != faults_before_) {
      to_fault_ = false;
      left_ = 0;
      board_.met_fault();
    }
    if (left_ > 1) {
      --left_;
      return true;
    }
    return ask();
  }
  // Until there is a step to be done; false: the end.
  bool ask() {
    for (;;) {
      const LiveBoard::Turn turn = board_.next_turn(run_.scene().at(), untold_, tell_at_);
      switch (turn.kind) {
        case LiveBoard::Turn::Kind::End:
          return false;
        case LiveBoard::Turn::Kind::Tell:
          tell();
          break;
        case LiveBoard::Turn::Kind::Go:
          if (told_) run_.tell_from_here();
          told_ = false;
          left_ = turn.steps;
          to_fault_ = turn.to_fault;
          faults_before_ = faults_of(run_.scene().machine());
          return true;
      }
    }
  }
  // The run is over: what it came to stays to be looked at.
  void rest(const Result<void>& how) {
    if (!how) error_ = how.error().message;
    board_.at_end();
    untold_ = true;
    (void)ask();
  }

 private:
  void tell();
  void write_pinned(explorer::Json& json);

  LiveRun& run_;
  LiveBoard& board_;
  std::uint64_t left_ = 0;
  bool to_fault_ = false;
  std::uint64_t faults_before_ = 0;
  bool untold_ = false;
  bool told_ = false;  // since the last step
  Clock::time_point tell_at_;
  std::string error_;
};

void LivePlayer::tell() {
  const Clock::time_point begin = Clock::now();
  explorer::Scene& scene = run_.scene();
  const LiveSample sample = sample_of(scene);
  constexpr const char* kModes[] = {"waiting", "running", "paused", "ended"};
  explorer::Json json;
  json.open('{').key("live").open('{');
  json.field("mode", kModes[static_cast<unsigned>(board_.mode())]);
  json.field("speed", static_cast<std::uint64_t>(board_.speed()));
  json.field("thousandths", static_cast<std::uint64_t>(run_.part_done() * 1000));
  json.field("error", error_);
  json.key("sample").open('[');
  for (const std::uint64_t value : sample.values()) json.number(value);
  json.close(']').close('}').key("pinned");
  write_pinned(json);
  std::string text = json.take();
  text += ",\"state\":" + explorer::state_of(scene) + "}";
  board_.tell(std::move(text), sample);
  untold_ = false;
  told_ = true;
  const Clock::time_point end = Clock::now();
  tell_at_ = std::max(begin + kTellEvery, end + kTellShare * (end - begin));
}

// The walk of the page that the reader chose; null if there is none, or its process is gone.
void LivePlayer::write_pinned(explorer::Json& json) {
  const std::string page = board_.pinned();
  const std::size_t colon = page.find(':');
  std::uint32_t index = 0;
  std::uint64_t address = 0;
  Process* process = nullptr;
  explorer::Scene& scene = run_.scene();
  if (colon != std::string::npos) {
    std::from_chars(page.data(), page.data() + colon, index);
    std::from_chars(page.data() + colon + 3, page.data() + page.size(), address, 16);
    process = scene.machine().find(scene.pid_of(index));
  }
  if (process == nullptr || process->space == nullptr) {
    json.null();
    return;
  }
  json.open('{').field("process", index).key("walk");
  explorer::write_walk(json, scene, *process, VirtAddr(address));
  json.close('}');
}

// --- what is run

class LiveScript final : public LiveRun {
 public:
  explicit LiveScript(std::unique_ptr<explorer::Session> session) : session_(std::move(session)) {}

  explorer::Scene& scene() override { return *session_; }
  void tell_from_here() override { session_->tell_from_here(); }
  Result<void> run(const std::function<bool()>& after_step) override {
    while (session_->step_on() && !session_->ended()) {
      if (!after_step()) return {};
    }
    const auto& stopped = session_->execution().report().stopped;
    return stopped ? Result<void>(tl::unexpected(*stopped)) : Result<void>();
  }

 private:
  std::unique_ptr<explorer::Session> session_;
};

// A recording's replay. Its steps are those of its text form; processes are known by their numbers
// in the machine.
class LiveRecording final : public LiveRun, private explorer::Scene {
 public:
  LiveRecording(record::Recording recording, std::unique_ptr<Machine> machine)
      : recording_(std::move(recording)),
        machine_(std::move(machine)),
        transcript_([this](const script::Step& step) { did(step); }) {
    bounds_ = kLiveBounds;
    begin();
  }

  explorer::Scene& scene() override { return *this; }
  void tell_from_here() override {
    look();
    faults_.clear();
  }
  double part_done() const override { return part_; }
  Result<void> run(const std::function<bool()>& after_step) override {
    after_step_ = after_step;
    const auto done = replay::replay(
        recording_, *machine_, [this](double part) { part_ = part; }, transcript_);
    return done || transcript_.stopped() ? Result<void>() : tl::unexpected(done.error());
  }

  Machine& machine() override { return *machine_; }
  std::vector<Actor> actors() override {
    std::vector<Actor> actors;
    for (const auto& [pid, name] : transcript_.process_names()) {
      actors.push_back({name, static_cast<std::uint32_t>(pid), pid});
    }
    return actors;
  }
  void write_place(explorer::Json& json) override {
    json.key("last");
    if (at() == 0) {
      json.null();
    } else {
      json.open('{');
      explorer::write_step(json, last_);
      json.field("turn", 0).flag("failed", false).close('}');
    }
    json.key("next").null().key("stopped").null().key("variables").open('[').close(']');
    json.key("report").open('[').number(0).number(0).number(0).close(']');
  }

 private:
  void did(const script::Step& step) {
    if (transcript_.stopped()) return;
    look_away();
    ++at_;
    name_events();
    last_ = step;
    shown_.now = step.kind == script::Step::Kind::Do && step.verb != script::Verb::Call;
    if (shown_.now) {
      const replay::Transcript::Touch& touch = transcript_.last_touch();
      note_access(machine_->find(touch.pid), static_cast<std::uint32_t>(touch.pid), touch.address,
                  1, touch.access);
    }
    if (!after_step_()) transcript_.stop();
  }

  record::Recording recording_;
  std::unique_ptr<Machine> machine_;
  replay::Transcript transcript_;
  std::function<bool()> after_step_;
  script::Step last_;
  double part_ = 0;
};

}  // namespace

Result<std::unique_ptr<LiveRun>> live_script(std::string_view text) {
  auto session = explorer::Session::open(text, {}, {}, kLiveBounds);
  if (!session) return tl::unexpected(session.error());
  return std::make_unique<LiveScript>(std::move(*session));
}

Result<std::unique_ptr<LiveRun>> live_recording(record::Recording recording,
                                                const MachineConfig& config) {
  auto machine = replay::machine_for(config);
  if (!machine) return tl::unexpected(machine.error());
  return std::make_unique<LiveRecording>(std::move(recording), std::move(*machine));
}

Result<void> play_live(LiveRun& run, LiveBoard& board) {
  LivePlayer player(run, board);
  Result<void> how;
  if (player.ask()) how = run.run([&player] { return player.after_step(); });
  player.rest(how);
  return how;
}

}  // namespace pw::tools
