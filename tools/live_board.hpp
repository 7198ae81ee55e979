// LiveBoard: where a run that is followed and those who look on meet: orders in one direction, news
// of the run in the other.
//
// One thread runs (LivePlayer), any number of others read news and give orders (LiveServer). All
// is thread-safe; nothing here knows machines or connections. Only the newest news is kept: who is
// slow misses some.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pw::tools {

// One point of the course of a run.
struct LiveSample {
  std::uint64_t step = 0, time_ns = 0;
  std::uint64_t minor = 0, major = 0;                 // faults so far
  std::uint64_t resident = 0, free = 0, swapped = 0;  // pages
  std::uint64_t evicted = 0;                          // so far
  std::array<std::uint64_t, 8> values() const {
    return {step, time_ns, minor, major, resident, free, swapped, evicted};
  }
};

class LiveBoard {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMostSamples = 1'024;  // then every other one goes
  enum class Mode : std::uint8_t {
    Waiting,  // nobody has looked yet
    Running,
    Paused,
    Ended,  // the run is at its end
  };

  // `begin_paused`: the first who looks finds it paused. `per_second`: steps; 0: all it can do.
  LiveBoard(bool begin_paused, double per_second);

  // --- orders
  void somebody_looks();
  void pause();
  void go_on();
  void step(std::uint64_t steps);  // and pause
  void to_fault();                 // and pause
  void set_speed(double per_second);
  void pin(std::string page);  // the page whose walk is told too: "3:0x7f00"; empty: none
  void end();                  // the run and all waiting is to end

  // An order as the page words it: "pause", "go", "step 10", "fault", "speed 100", "pin 3:0x7f00",
  // "unpin". Error: Invalid.
  Result<void> obey(std::string_view order);

  // --- news
  struct News {
    std::uint64_t number = 0;  // of this news; 0: there is none yet
    std::shared_ptr<const std::string> text;
    bool over = false;  // the board was ended: nothing will come
  };
  // Waits until there is news after `seen`, or the time is over.
  News wait_for_news(std::uint64_t seen, std::chrono::milliseconds longest);
  std::vector<LiveSample> samples();

  // --- the run
  struct Turn {
    enum class Kind : std::uint8_t { Go, Tell, End } kind = Kind::End;
    std::uint64_t steps = 0;  // Go: so many before the next turn
    bool to_fault = false;    // Go: or up to a fault
  };
  // Blocks until the run is to do something. `done`: steps so far; `untold`: of them some have not
  // been told; `tell_at`: not before then, while it runs.
  Turn next_turn(std::uint64_t done, bool untold, Clock::time_point tell_at);
  void met_fault();  // what to_fault() wanted
  void at_end();     // of the run: from now on turns are Tell and End
  void tell(std::string text, const LiveSample& sample);

  Mode mode();
  double speed();
  std::string pinned();

 private:
  void change();  // with the lock held: an order has come
  std::uint64_t steps_due(std::uint64_t done, Clock::time_point& due);

  std::mutex mutex_;
  std::condition_variable run_, readers_;
  Mode mode_ = Mode::Waiting;
  bool begin_paused_;
  bool over_ = false;
  bool changed_ = true;  // by an order since the last news
  bool to_fault_ = false;
  std::uint64_t single_ = 0;  // steps to do although it is paused
  double per_second_;
  // Where the pace is counted from.
  bool paced_ = false;
  Clock::time_point pace_from_;
  std::uint64_t pace_steps_ = 0;
  std::string pin_;
  std::uint64_t number_ = 0;
  std::shared_ptr<const std::string> text_;
  std::vector<LiveSample> samples_;
  std::uint64_t sample_every_ = 1, sample_turn_ = 0;
};

}  // namespace pw::tools
