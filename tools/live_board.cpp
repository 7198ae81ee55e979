#include "tools/live_board.hpp"

#include <algorithm>
#include <charconv>

namespace pw::tools {

namespace {

constexpr double kTurnsPerSecond = 200;        // a run asks for orders about this often
constexpr std::uint64_t kStepsAtOnce = 4'096;  // without a speed
constexpr std::uint64_t kMostSingle = 1'000'000'000;
constexpr double kMostSpeed = 1e9;

bool is_page(std::string_view text) {  // "3:0x7f00"
  const std::size_t colon = text.find(":0x");
  if (colon == 0 || colon == std::string_view::npos || colon > 9) return false;
  const std::string_view digits = text.substr(colon + 3);
  const auto is_in = [](std::string_view part, std::string_view allowed) {
    return !part.empty() && part.find_first_not_of(allowed) == std::string_view::npos;
  };
  return is_in(text.substr(0, colon), "0123456789") && digits.size() <= 16 &&
         is_in(digits, "0123456789abcdef");
}

Result<std::uint64_t> number(std::string_view text, std::uint64_t most) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (text.empty() || read.ec != std::errc{} || read.ptr != end || value > most) {
    return fail(Errno::Invalid, "an order wants a number");
  }
  return value;
}

}  // namespace

LiveBoard::LiveBoard(bool begin_paused, double per_second)
    : begin_paused_(begin_paused), per_second_(per_second) {}

void LiveBoard::change() {
  changed_ = true;
  run_.notify_all();
}

void LiveBoard::somebody_looks() {
  const std::lock_guard lock(mutex_);
  if (mode_ != Mode::Waiting) return;
  mode_ = begin_paused_ ? Mode::Paused : Mode::Running;
  paced_ = false;
  change();
}

void LiveBoard::pause() {
  const std::lock_guard lock(mutex_);
  if (mode_ == Mode::Ended) return;
  mode_ = Mode::Paused;
  single_ = 0;
  to_fault_ = false;
  change();
}

void LiveBoard::go_on() {
  const std::lock_guard lock(mutex_);
  if (mode_ == Mode::Ended) return;
  mode_ = Mode::Running;
  single_ = 0;
  to_fault_ = paced_ = false;
  change();
}

void LiveBoard::step(std::uint64_t steps) {
  const std::lock_guard lock(mutex_);
  if (mode_ == Mode::Ended) return;
  single_ = std::min(single_ + steps, kMostSingle);
  changed_ = changed_ || mode_ != Mode::Paused;
  mode_ = Mode::Paused;
  run_.notify_all();
}

void LiveBoard::to_fault() {
  const std::lock_guard lock(mutex_);
  if (mode_ == Mode::Ended) return;
  mode_ = Mode::Paused;
  to_fault_ = true;
  change();
}

void LiveBoard::set_speed(double per_second) {
  const std::lock_guard lock(mutex_);
  per_second_ = per_second;
  paced_ = false;
  change();
}

void LiveBoard::pin(std::string page) {
  const std::lock_guard lock(mutex_);
  pin_ = std::move(page);
  change();
}

void LiveBoard::end() {
  const std::lock_guard lock(mutex_);
  over_ = true;
  change();
  readers_.notify_all();
}

Result<void> LiveBoard::obey(std::string_view order) {
  const std::size_t space = std::min(order.find(' '), order.size());
  const std::string_view verb = order.substr(0, space);
  const bool more = space < order.size();
  const std::string_view rest = more ? order.substr(space + 1) : std::string_view();
  if (verb == "step" && more) {
    const auto steps = number(rest, kMostSingle);
    PW_TRY(steps);
    step(*steps);
  } else if (verb == "speed" && more) {
    const auto per_second = number(rest, static_cast<std::uint64_t>(kMostSpeed));
    PW_TRY(per_second);
    set_speed(static_cast<double>(*per_second));
  } else if (verb == "pin" && is_page(rest)) {
    pin(std::string(rest));
  } else if (more) {
    return fail(Errno::Invalid, "there is no such order");
  } else if (verb == "unpin") {
    pin({});
  } else if (verb == "pause") {
    pause();
  } else if (verb == "go") {
    go_on();
  } else if (verb == "fault") {
    to_fault();
  } else {
    return fail(Errno::Invalid, "there is no such order");
  }
  return {};
}

LiveBoard::News LiveBoard::wait_for_news(std::uint64_t seen, std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  readers_.wait_for(lock, longest, [&] { return over_ || number_ != seen; });
  return {number_, text_, over_};
}

std::vector<LiveSample> LiveBoard::samples() {
  const std::lock_guard lock(mutex_);
  return samples_;
}

// How many steps the pace allows now; 0: none before `due`.
std::uint64_t LiveBoard::steps_due(std::uint64_t done, Clock::time_point& due) {
  if (per_second_ <= 0) return kStepsAtOnce;
  const Clock::time_point now = Clock::now();
  const auto time_of = [this](std::uint64_t steps) {
    return pace_from_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                            static_cast<double>(steps) / per_second_));
  };
  if (paced_) due = time_of(done + 1 - pace_steps_);
  // It begins, or cannot keep the pace: what was missed is not made up for.
  if (!paced_ || now - due > std::chrono::milliseconds(250)) {
    paced_ = true;
    pace_from_ = now;
    pace_steps_ = done;
    due = time_of(1);
  }
  if (now < due) return 0;
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(per_second_ / kTurnsPerSecond));
}

LiveBoard::Turn LiveBoard::next_turn(std::uint64_t done, bool untold, Clock::time_point tell_at) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (over_) return {Turn::Kind::End};
    const bool running = mode_ == Mode::Running;
    const bool goes = mode_ != Mode::Ended && (running || to_fault_ || single_ > 0);
    if (changed_ || (untold && (!goes || Clock::now() >= tell_at))) {
      changed_ = false;
      return {Turn::Kind::Tell};
    }
    if (!goes) {
      run_.wait(lock);
      continue;
    }
    if (to_fault_) return {Turn::Kind::Go, kStepsAtOnce, true};
    if (!running) {
      const std::uint64_t steps = std::min(single_, kStepsAtOnce);
      single_ -= steps;
      return {Turn::Kind::Go, steps};
    }
    Clock::time_point due;
    if (const std::uint64_t steps = steps_due(done, due); steps > 0) {
      return {Turn::Kind::Go, steps};
    }
    run_.wait_until(lock, untold ? std::min(due, tell_at) : due);
  }
}

void LiveBoard::met_fault() {
  const std::lock_guard lock(mutex_);
  to_fault_ = false;
  changed_ = true;
}

void LiveBoard::at_end() {
  const std::lock_guard lock(mutex_);
  mode_ = Mode::Ended;
  changed_ = true;
}

void LiveBoard::tell(std::string text, const LiveSample& sample) {
  const std::lock_guard lock(mutex_);
  ++number_;
  text_ = std::make_shared<const std::string>(std::move(text));
  if (sample_turn_++ % sample_every_ == 0) samples_.push_back(sample);
  if (samples_.size() > kMostSamples) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < samples_.size(); i += 2) samples_[kept++] = samples_[i];
    samples_.resize(kept);
    sample_every_ *= 2;
    sample_turn_ = 1;
  }
  readers_.notify_all();
}

LiveBoard::Mode LiveBoard::mode() {
  const std::lock_guard lock(mutex_);
  return mode_;
}
double LiveBoard::speed() {
  const std::lock_guard lock(mutex_);
  return per_second_;
}
std::string LiveBoard::pinned() {
  const std::lock_guard lock(mutex_);
  return pin_;
}

}  // namespace pw::tools
