// Random programs about memory: seeded, drawn towards what breaks kernels - edges of areas,
// neighbours, overlaps, odd arguments, forks, files that shrink.
#pragma once

#include <vector>

#include "base/random.hpp"
#include "diff/duel.hpp"

namespace pw::diff {

class StepGenerator {
 public:
  StepGenerator(std::uint64_t seed, Duel& duel) : random_(seed), duel_(&duel) {}

  DuelStep next();

 private:
  enum class Theme : std::uint8_t { Areas, Files, Processes };

  DuelStep draw();
  std::uint64_t one_of(std::initializer_list<std::uint64_t> values);
  const script::AreaView* any_area();
  bool meets_shared(std::uint64_t address, std::uint64_t length);
  std::uint64_t any_address();  // mostly page aligned, mostly near an area
  std::uint64_t any_length();   // mostly a few pages
  std::uint64_t huge_length();  // some of 2 MiB, or near it
  std::uint64_t any_protection();
  std::uint64_t any_fd();
  std::uint64_t any_offset();

  DuelStep call(sys::Call which, std::initializer_list<std::uint64_t> args, std::string text = {});
  DuelStep map();
  DuelStep access();
  DuelStep protect();
  DuelStep remap();
  DuelStep advise();
  DuelStep lock();
  DuelStep file();
  DuelStep shared();
  DuelStep birth_or_death();
  DuelStep limits();

  Random random_;
  Duel* duel_;
  script::ProcessIndex who_ = 0, next_process_ = 1;
  bool limited_ = false;
  std::vector<std::uint64_t> fds_;
  std::vector<std::uint64_t> segments_;
};

}  // namespace pw::diff
