#include "predict/close_call.hpp"

#include <algorithm>

namespace pw::predict {

End end_of(const Outcome& outcome) {
  if (outcome.runs == 1) {
    if (outcome.close_calls > 0) return End::Perhaps;
    return outcome.oom ? End::Killed : End::Ends;
  }
  if (outcome.kills == 0) return End::Ends;
  return outcome.kills == outcome.runs ? End::Killed : End::Perhaps;
}

std::string_view name_of(End end) {
  switch (end) {
    case End::Ends:
      return "no";
    case End::Perhaps:
      return "perhaps";
    case End::Killed:
      return "killed";
  }
  return {};
}

unsigned others_for(std::uint64_t events, std::size_t rows) {
  constexpr std::uint64_t kMuch = 50'000'000;  // events: some ten seconds
  for (const unsigned count : {7U, 3U}) {
    if (events * rows * count < kMuch) return count;
  }
  return 0;
}

std::vector<Conditions> other_runs(const Conditions& conditions, unsigned count) {
  std::vector<Conditions> others(count, conditions);
  for (unsigned i = 0; i < count; ++i) {
    others[i].stat_phase = double(i + 1) / (count + 1);
    others[i].pace *= i % 2 == 0 ? 0.9 : 1.1;
  }
  return others;
}

Outcome together(const Outcome& first, const std::vector<Outcome>& others) {
  std::vector<const Outcome*> all{&first};
  for (const Outcome& other : others) all.push_back(&other);
  const auto one_that = [&](bool killed) {
    const auto it = std::find_if(all.begin(), all.end(),
                                 [&](const Outcome* run) { return run->oom == killed; });
    return it == all.end() ? &first : *it;
  };
  Outcome result = *one_that(false);
  result.oom_victim = one_that(true)->oom_victim;
  result.runs = static_cast<unsigned>(all.size());
  result.kills = static_cast<unsigned>(
      std::count_if(all.begin(), all.end(), [](const Outcome* run) { return run->oom; }));
  result.oom = 2 * result.kills > result.runs;
  return result;
}

}  // namespace pw::predict
