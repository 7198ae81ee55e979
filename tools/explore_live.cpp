#include "tools/explore_live.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "embedded/explorer_html.hpp"
#include "report/page_pack.hpp"
#include "tools/browser.hpp"
#include "tools/console.hpp"
#include "tools/live_player.hpp"
#include "tools/live_server.hpp"
#include "tools/page.hpp"

namespace pw::tools {

namespace {

constexpr std::size_t kMostText = 16U << 20;      // bytes of a script
constexpr std::size_t kMostShownText = 1U << 20;  // that the page shows; of a longer one nothing
constexpr double kScriptSpeed = 10;               // steps per second
constexpr double kSecondsOfRecording = 60;        // that a recording takes at first

struct Followed {
  std::unique_ptr<LiveRun> run;
  nlohmann::json given;  // to the page
  double speed = 0;
};

bool is_recording(const std::string& path) {
  return std::filesystem::path(path).extension() == ".pwrec";
}

// 1, 3, 10, 30 ...: the nearest of the page's speeds.
double round_speed(double wanted) {
  double speed = 1;
  for (int i = 0; speed * 1.7 < wanted && i < 12; ++i) speed *= i % 2 == 0 ? 3 : 10.0 / 3;
  return speed;
}

Result<Followed> recording_to_follow(const LiveFlags& flags) {
  Result<record::Recording> recording = record::Recording::open(flags.input);
  if (!recording) return tl::unexpected(recording.error());
  Result<Machines> wanted = machines(flags.machine);
  if (!wanted) return tl::unexpected(wanted.error());
  MachineRequest& request = wanted->base;
  if (request.ram_percent) {
    return fail(Errno::Invalid,
                "--ram wants a size with --live: a percentage would take a replay "
                "before this one");
  }
  // Limited RAM comes with the swap that it may take, as it does for replay.
  constexpr std::uint64_t kSwap = 64ULL << 30;
  if (request.ram && !request.swap) request.swap = ByteCount(kSwap);
  if (request.config.model == MemoryModel::Linux && !request.swap) {
    request.swap = ByteCount(kSwap);
  }
  const MachineConfig config = resolve(request, PageCount(0));
  std::uint64_t events = 0;
  for (const record::ChunkInfo& chunk : recording->chunks()) events += chunk.events;
  Followed followed;
  followed.speed = round_speed(static_cast<double>(events) / kSecondsOfRecording);
  auto run = live_recording(std::move(*recording), config);
  if (!run) return tl::unexpected(run.error());
  followed.run = std::move(*run);
  return followed;
}

Result<Followed> script_to_follow(const LiveFlags& flags) {
  if (flags.has_machine()) {
    return fail(Errno::Invalid,
                "the machine's options are for recordings: a script has a machine line");
  }
  const Result<std::string> text = read_text(flags.input, kMostText);
  if (!text) return tl::unexpected(text.error());
  if (text->size() > kMostText) {
    return fail(Errno::Invalid,
                fmt::format("{}: a script has {} MiB at most", flags.input, kMostText >> 20));
  }
  auto run = live_script(*text);
  if (!run) {
    return fail(run.error().code, fmt::format("{}: {}", flags.input, run.error().message));
  }
  Followed followed;
  followed.run = std::move(*run);
  followed.speed = kScriptSpeed;
  if (text->size() <= kMostShownText) followed.given["script"] = *text;
  return followed;
}

Result<Followed> to_follow(const LiveFlags& flags) {
  Result<Followed> followed = is_recording(flags.input) ? recording_to_follow(flags)
                                                        : script_to_follow(flags);
  if (!followed) return followed;
  followed->given["name"] = std::filesystem::path(flags.input).filename().string();
  followed->given["live"] = true;
  if (flags.speed >= 0) followed->speed = flags.speed;
  return followed;
}

// Waits for a signal that ends the program; they are blocked in all threads that begin after this
// was made. A second one ends it at once.
class EndSignal {
 public:
  EndSignal() {
    sigemptyset(&set_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set_, number);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  void wait() {
    int number = 0;
    sigwait(&set_, &number);
    pthread_sigmask(SIG_UNBLOCK, &set_, nullptr);
  }

 private:
  sigset_t set_;
};

// Plays the run in a thread of its own as long as this lives.
class Playing {
 public:
  Playing(LiveRun& run, LiveBoard& board)
      : board_(board), thread_([this, &run] { how_ = play_live(run, board_); }) {}
  ~Playing() { end(); }
  Playing(const Playing&) = delete;
  Playing& operator=(const Playing&) = delete;
  // How it went.
  const Result<void>& end() {
    board_.end();
    if (thread_.joinable()) thread_.join();
    return how_;
  }

 private:
  LiveBoard& board_;
  Result<void> how_;
  std::thread thread_;
};

}  // namespace

void add_live_flags(CLI::App& verb, LiveFlags& flags) {
  constexpr const char* kGroup = "Following a run (--live)";
  verb.add_option("--port", flags.port, "of 127.0.0.1 (any that is free)")
      ->check(CLI::Range(1, 65'535))
      ->type_name("N")
      ->group(kGroup);
  verb.add_option("--speed", flags.speed,
                  "steps per second; 0: as fast as it goes (10; a recording: about a minute)")
      ->check(CLI::Range(0.0, 1e9))
      ->type_name("N")
      ->group(kGroup);
  verb.add_flag("--paused", flags.paused, "begin paused")->group(kGroup);
  add_machine_flags(verb, flags.machine, false);
}

int explore_live(const LiveFlags& flags) {
  if (const Result<void> pages = has_pages(); !pages) return give_up(pages.error());
  if (const Result<void> server = LiveServer::available(); !server) return give_up(server.error());
  Result<Followed> followed = to_follow(flags);
  if (!followed) return give_up(followed.error());
  const Result<std::string> page = report::page_with(
      embedded::explorer_html,
      followed->given.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!page) return give_up(page.error());
  EndSignal signal;
  LiveBoard board(flags.paused, followed->speed);
  auto server = LiveServer::start(board, *page, flags.port);
  if (!server) return give_up(server.error());
  Playing playing(*followed->run, board);
  const std::string url = (*server)->url();
  const bool opened = !flags.no_open && open_in_browser(url);
  fmt::print(stderr, "explorer: {}; {}. Ctrl-C ends it\n", url,
             opened ? "it is being opened in the browser" : "open it in a browser");
  signal.wait();
  const Result<void>& how = playing.end();
  server->reset();
  return how ? kOk : give_up(how.error());
}

}  // namespace pw::tools
